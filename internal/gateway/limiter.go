package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// limiter bounds how many requests of one kind are processed at once, and how many wait. A request that makes
// the work of several counts as so many. The bound
// follows the latency of the servers behind it: see latencyLimit. No more may wait than half of it, so
// that an admitted request is answered soon. Callers that wait take turns, however many requests each
// has sent.
type limiter struct {
	mu       sync.Mutex
	limit    *latencyLimit
	running  int           // is the weight of those that are processed
	queued   int           // bounds those that wait
	patience time.Duration // bounds the wait of each
	waiting  int
	queues   map[string][]*waiter // holds those that wait, by caller
	turns    []string             // has the callers in queues, the next one first
}

// waiter is a request that waits for its turn.
type waiter struct {
	admitted chan struct{} // is closed when the request may run
	refused  chan struct{} // is closed when it must make way for another caller's
	weight   int
}

// place is the right of one request to run.
type place struct {
	of     *limiter
	since  time.Time
	weight int
}

func newLimiter(concurrent, queued int, patience time.Duration) *limiter {
	return &limiter{limit: newLatencyLimit(concurrent), queued: queued, patience: patience, queues: map[string][]*waiter{}}
}

// errFull is why a request has no place: too many run and wait, or it has waited too long.
var errFull = errors.New("too many requests")

// acquire takes a place for a request of the caller, and waits for one if there is room to wait. The weight is
// how many ordinary requests it is worth. The error is errFull, or that of ctx. The holder leaves the place.
func (l *limiter) acquire(ctx context.Context, caller string, weight int) (*place, error) {
	w := l.enter(caller, weight)
	if w == nil {
		return nil, errFull
	}
	select {
	case <-w.admitted:
		return l.place(weight), nil
	default:
	}
	timeout := time.NewTimer(l.patience)
	defer timeout.Stop()
	err := errFull
	select {
	case <-w.admitted:
		return l.place(weight), nil
	case <-w.refused:
		return nil, err
	case <-timeout.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if l.giveUp(caller, w) {
		return nil, err
	}
	return l.place(weight), nil // it was admitted meanwhile
}

func (l *limiter) place(weight int) *place { return &place{of: l, since: time.Now(), weight: weight} }

// enter admits a request at once, or lets it wait; nil means that neither is possible.
func (l *limiter) enter(caller string, weight int) *waiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &waiter{admitted: make(chan struct{}), refused: make(chan struct{}), weight: weight}
	if l.waiting == 0 && l.fits(weight) {
		l.running += weight
		close(w.admitted)
		return w
	}
	if l.waiting >= l.room() && !l.makeWay(caller) {
		return nil
	}
	if len(l.queues[caller]) == 0 {
		l.turns = append(l.turns, caller)
	}
	l.queues[caller] = append(l.queues[caller], w)
	l.waiting++
	return w
}

// fits reports whether a request of the weight may run now. One that is heavier than all places runs alone.
func (l *limiter) fits(weight int) bool {
	return l.running+weight <= l.limit.concurrent() || l.running == 0
}

// load is how many requests wait, and how many may run at once now.
func (l *limiter) load() (waiting, limit int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting, l.limit.concurrent()
}

// room is how many requests may wait now.
func (l *limiter) room() int { return min(l.queued, (l.limit.concurrent()+1)/2) }

// makeWay refuses the newest request of the caller that has most of them waiting, if those are at least
// two more than the given caller has. It is then not the next one of its caller, so nobody waits for it alone.
func (l *limiter) makeWay(caller string) bool {
	longest := ""
	for name, queue := range l.queues {
		if len(queue) > len(l.queues[longest]) {
			longest = name
		}
	}
	queue := l.queues[longest]
	if len(queue) < len(l.queues[caller])+2 {
		return false
	}
	last := queue[len(queue)-1]
	l.remove(longest, last)
	close(last.refused)
	return true
}

// giveUp ends the wait of w; it returns false if w was admitted.
func (l *limiter) giveUp(caller string, w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-w.admitted:
		return false
	default:
		l.remove(caller, w)
		l.admit() // those behind it may be lighter
		return true
	}
}

// remove takes w out of its caller's queue, if it is still there.
func (l *limiter) remove(caller string, w *waiter) {
	i := slices.Index(l.queues[caller], w)
	if i < 0 {
		return
	}
	l.waiting--
	if l.queues[caller] = slices.Delete(l.queues[caller], i, i+1); len(l.queues[caller]) == 0 {
		delete(l.queues, caller)
		l.turns = slices.DeleteFunc(l.turns, func(name string) bool { return name == caller })
	}
}

// leave frees the place. took is how long the servers behind the gateway needed for the request; 0 means
// that this is not known, as of one that failed early.
func (p *place) leave(took time.Duration) {
	l := p.of
	l.mu.Lock()
	defer l.mu.Unlock()
	if took > 0 {
		l.limit.observe(time.Now(), took, l.running)
	}
	l.running -= p.weight
	l.admit()
}

// admit lets those run that wait, as far as they fit, in their turns. None overtakes a heavier one, which
// might never fit otherwise.
func (l *limiter) admit() {
	for l.waiting > 0 {
		caller := l.turns[0]
		next := l.queues[caller][0]
		if !l.fits(next.weight) {
			return
		}
		l.turns = append(l.turns[1:], caller)
		l.remove(caller, next)
		l.running += next.weight
		close(next.admitted)
	}
}
