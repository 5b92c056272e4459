package model

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// patience says how often and how long a call tries.
type patience struct {
	attempts int
	first    time.Duration // wait before the second attempt; doubles, randomised by a half
	longest  time.Duration // a server that asks for a longer wait is given up
	queue    time.Duration // how long to wait for the retry budget
	probe    bool          // the breaker neither stops it nor learns from it

	announced bool // waits are logged: they are long enough to be taken for a hang
}

var (
	// prompt is for a question that somebody waits for.
	prompt = patience{attempts: 3, first: 100 * time.Millisecond, longest: 5 * time.Second}
	// persistent is for ingestion, which would rather wait out a restart or a rate limit than fail: its waits
	// add up to about a minute.
	persistent = patience{attempts: 9, first: 250 * time.Millisecond, longest: time.Minute,
		queue: time.Minute, announced: true}
	// once is for probes.
	once = patience{attempts: 1, probe: true}
)

// waits has no state but its own: one for each call.
func (p patience) waits() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval:     p.first,
		RandomizationFactor: 0.5,
		Multiplier:          2,
		MaxInterval:         p.longest,
	}
}

// allows says whether err may be followed by another attempt: the request did not reach the model, or the
// server said to come back.
func (p patience) allows(err error, try int) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || try >= p.attempts {
		return false
	}
	switch e.Failure {
	case config.ModelUnreachable, config.ModelNotReady, config.ModelOverloaded:
		return true
	case config.ModelCircuitOpen:
		return p.longest > openFor
	}
	return e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout
}

// wait is how long to wait before the next attempt; not ok means that it is not worth waiting.
func (c *client) wait(ctx context.Context, p patience, next time.Duration, err error) (time.Duration, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		if e.RetryAfter > p.longest {
			return 0, false
		}
		next += e.RetryAfter
	}
	delay, ok := c.budget.take(p.queue)
	next += delay
	if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) <= next {
		ok = false
	}
	return next, ok
}

// sayEvery is how often a client says that it waits, however many calls do.
const sayEvery = 15 * time.Second

// sayWaiting logs that a call failed with err and will be made again.
func (c *client) sayWaiting(err error) {
	now, last := time.Now().UnixNano(), c.saidAt.Load()
	if now-last < int64(sayEvery) || !c.saidAt.CompareAndSwap(last, now) {
		return
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return
	}
	about := []any{"stage", string(e.Stage), "model", e.Model, "reason", string(e.Failure)}
	if e.Status != 0 {
		about = append(about, "status", e.Status)
	}
	c.log.Warn("Waiting for the model", about...)
}

// The retry budget of a client: a burst, and then so many a second, so that retries cannot multiply an outage.
const (
	budgetBurst     = 10
	budgetPerSecond = 1
)

// budget is a bucket of retries. It may be overdrawn by whoever is willing to wait.
type budget struct {
	mu     sync.Mutex
	tokens float64
	at     time.Time
}

func newBudget() budget { return budget{tokens: budgetBurst, at: time.Now()} }

// take takes one retry, and says how long to wait for it; not ok means longer than longest.
func (b *budget) take(longest time.Duration) (delay time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.tokens = min(budgetBurst, b.tokens+budgetPerSecond*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		delay = time.Duration((1 - b.tokens) / budgetPerSecond * float64(time.Second))
	}
	if delay > longest {
		return 0, false
	}
	b.tokens--
	return delay, true
}

// longestRetryAfter bounds what is believed of a server's Retry-After.
const longestRetryAfter = time.Hour

// retryAfter reads the header of that name: seconds or a date (RFC 9110, 10.2.3); 0 when absent or senseless.
func retryAfter(h http.Header) time.Duration {
	v := h.Get("Retry-After")
	if v == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(v, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, longestRetryAfter)
	}
	if date, err := http.ParseTime(v); err == nil {
		return min(max(time.Until(date), 0), longestRetryAfter)
	}
	return 0
}
