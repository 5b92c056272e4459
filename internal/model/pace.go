package model

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The bounds of a pace.
const (
	// firstRequests and leastRequests at once are in flight at first, and while a server is only slow. A server that
	// refuses requests gets fewer, down to one.
	firstRequests = 4
	leastRequests = 4
	mostRequests  = 32
	// shortestDeadline and longestDeadline bound how long one request may take. A batch on a CPU takes a minute or two.
	shortestDeadline = 2 * time.Minute
	longestDeadline  = 8 * time.Minute
	// congested is the latency, as a multiple of the best, at which more requests only wait in the server's queue.
	congested = 2
	// latencies is how many latencies the best is taken of, so that it follows longer texts and other servers.
	latencies = 256
	// recovery is how many requests in a row have to succeed well within their deadline before larger ones are tried.
	recovery = 16
	// longestTurn bounds how long a request that was refused stays away, while others go on.
	longestTurn = 5 * time.Second
	// outOfPatience is how long a server may refuse every request before a refusal is final.
	outOfPatience = 10 * time.Minute
)

// pace decides how many requests for passages are in flight, how many texts each has and how long it may take, from
// what became of those before: additive increase and multiplicative decrease, as in RFC 5681. Requests become more, one
// a round trip, until one is refused, is not answered in time, or takes twice as long as the best; then they become
// half as many. At half of what doubles the latency, a server's queue is empty and the server is not idle. Clients in
// different processes meet the same signals at about the same time, whereby their shares become equal.
//
// A nil pace does not limit anything.
type pace struct {
	mu       sync.Mutex
	requests float64       // may be in flight
	inFlight int           // are
	freed    chan struct{} // is closed and replaced when one may begin
	notUntil time.Time     // is when the server wants the next request
	cut      time.Time     // is when requests were last made fewer
	probing  bool          // reports whether they have never been cut: then they double each round trip
	best     [2]time.Duration
	seen     int // latencies in best[0]
	answered time.Time

	texts    int // in one request
	ceiling  int // texts that the server is known to take at once
	deadline time.Duration
	smooth   int // requests in a row that succeeded well within the deadline
	refused  int // texts in the last request that was rejected, while its halves are tried
	halves   int // of them were accepted
}

func newPace() *pace {
	return &pace{
		requests: firstRequests, probing: true, freed: make(chan struct{}),
		texts: batchSize, ceiling: batchSize, deadline: shortestDeadline,
	}
}

// turn is a request in flight.
type turn struct {
	begun    time.Time
	texts    int
	deadline time.Duration
}

// enter waits until a request may begin.
func (p *pace) enter(ctx context.Context, texts int) (turn, error) {
	if p == nil {
		return turn{}, nil
	}
	for {
		t, wait, freed := p.tryEnter(texts)
		if !t.begun.IsZero() {
			return t, nil
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-freed:
		case <-timer:
		case <-ctx.Done():
			return turn{}, ctx.Err()
		}
	}
}

func (p *pace) tryEnter(texts int) (t turn, wait time.Duration, freed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if wait = p.notUntil.Sub(now); wait > 0 || p.inFlight >= int(p.requests) {
		return turn{}, wait, p.freed
	}
	p.inFlight++
	return turn{begun: now, texts: texts, deadline: p.deadline}, 0, nil
}

// leave ends a request, and learns from what became of it.
func (p *pace) leave(t turn, err error) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	switch e, _ := errors.AsType[*Error](err); {
	case err == nil:
		p.succeeded(t, time.Since(t.begun))
	case e == nil: // the caller left
	case e.Failure == config.ModelOverloaded, e.Failure == config.ModelNotReady:
		p.fewer(t, 1)
		if until := time.Now().Add(min(e.RetryAfter, outOfPatience)); until.After(p.notUntil) {
			p.notUntil = until
		}
	case e.Failure == config.ModelTimedOut:
		p.fewer(t, 1)
		p.smaller(t)
	case e.Failure == config.ModelUnreachable:
		p.fewer(t, 1)
	case e.Failure == config.ModelRejected:
		p.refused, p.halves = t.texts, 0
	}
	close(p.freed)
	p.freed = make(chan struct{})
}

// fewer halves the requests, once for all that were in flight when they were halved last.
func (p *pace) fewer(t turn, least float64) {
	if t.begun.After(p.cut) {
		p.requests = max(p.requests/2, min(p.requests, least))
		p.cut, p.probing = time.Now(), false
	}
}

// smaller makes requests smaller than one that was not answered in time, and gives them longer.
func (p *pace) smaller(t turn) {
	p.smooth = 0
	p.texts = min(p.texts, max(t.texts/2, 1))
	if t.deadline == p.deadline {
		p.deadline = min(p.deadline*2, longestDeadline)
	}
}

func (p *pace) succeeded(t turn, took time.Duration) {
	p.answered = time.Now()
	p.learnSize(t)
	if took < t.deadline/4 {
		p.smooth++
	} else {
		p.smooth = 0
	}
	if p.smooth >= recovery && (p.texts < p.ceiling || p.deadline > shortestDeadline) {
		p.smooth, p.texts, p.deadline = 0, min(p.texts*2, p.ceiling), max(p.deadline/2, shortestDeadline)
	}
	if t.texts < p.texts {
		return // a small request says nothing about how long a full one takes
	}
	used := p.inFlight+1 >= int(p.requests) // more would be sent
	switch best := p.observe(took); {
	case took > congested*best:
		p.fewer(t, leastRequests)
	case !used:
	case p.probing:
		p.requests = min(p.requests+1, mostRequests)
	default:
		p.requests = min(p.requests+1/p.requests, mostRequests)
	}
}

// learnSize finds a server's limit on the texts of a request: it rejects one and takes both of its halves.
func (p *pace) learnSize(t turn) {
	switch {
	case p.refused == 0:
	case t.texts >= p.refused:
		p.refused = 0
	case t.texts >= p.refused/2:
		if p.halves++; p.halves == 2 {
			p.ceiling = max(p.refused/2, 1)
			p.texts, p.refused = min(p.texts, p.ceiling), 0
		}
	}
}

// observe returns the best of the last latencies, this one included.
func (p *pace) observe(took time.Duration) time.Duration {
	if p.seen++; p.seen > latencies {
		p.best[1], p.best[0], p.seen = p.best[0], took, 1
	}
	if p.best[0] == 0 || took < p.best[0] {
		p.best[0] = took
	}
	if p.best[1] != 0 {
		return min(p.best[0], p.best[1])
	}
	return p.best[0]
}

// patient reports whether a request that has been tried since then is to be tried again after err: the server is
// overloaded, but has answered some request not long ago.
func (p *pace) patient(err error, since time.Time) bool {
	e, own := errors.AsType[*Error](err)
	if p == nil || !own || e.Failure != config.ModelOverloaded || e.RetryAfter > outOfPatience {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answered.After(since) {
		since = p.answered
	}
	return time.Since(since) < outOfPatience
}

// size is how many texts the next request should have.
func (p *pace) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.texts
}

// Pace returns how passages are being embedded.
func (e *Embedder) Pace() config.Pace {
	p := e.pace
	p.mu.Lock()
	defer p.mu.Unlock()
	texts := min(p.texts, int(e.most.Load()))
	return config.Pace{Requests: int(p.requests), Texts: texts, Waiting: time.Now().Before(p.notUntil)}
}
