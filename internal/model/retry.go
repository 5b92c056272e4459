package model

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// retryPolicy is how often and how long a call tries.
type retryPolicy struct {
	attempts int
	first    time.Duration // is the wait before the second attempt; it doubles, randomised by a half
	longest  time.Duration // bounds the wait that a server may ask for
	queue    time.Duration // bounds the wait for the retry budget
	broken   int           // bounds the attempts on a server's own error, 500, of which the text may be the cause

	ignoresBreaker bool // reports whether the breaker neither stops the call nor learns from it
	announced      bool // reports whether waits are logged: they are long enough to be taken for a hang
	slowIsFinal    bool // reports whether a 504 is: the server has worked on the request for as long as it may
}

var (
	// interactive is for a question that a user waits for.
	interactive = retryPolicy{attempts: 3, first: 100 * time.Millisecond, longest: 5 * time.Second}
	// background is for ingestion, which rather waits out a restart or a rate limit than fails: its
	// waits add up to about a minute.
	background = retryPolicy{
		attempts: 9, first: 250 * time.Millisecond, longest: time.Minute, queue: time.Minute, broken: 4, announced: true,
	}
	// probe is for probes, which report the state of the moment.
	probe = retryPolicy{attempts: 1, ignoresBreaker: true}
)

// waits returns the waits of one call.
func (p retryPolicy) waits() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval:     p.first,
		RandomizationFactor: 0.5,
		Multiplier:          2,
		MaxInterval:         p.longest,
	}
}

// allows reports whether another attempt may follow err: the request did not reach the model, the
// server asked to try again, or it failed by itself.
func (p retryPolicy) allows(err error, try int) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || try >= p.attempts {
		return false
	}
	switch e.Failure {
	case config.ModelUnreachable, config.ModelNotReady, config.ModelOverloaded:
		return true
	case config.ModelCircuitOpen:
		return p.longest > openFor
	case config.ModelBroken:
		if e.Status >= http.StatusInternalServerError && e.Status != http.StatusBadGateway {
			return try < p.broken
		}
	}
	return e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout && !p.slowIsFinal
}

// wait is how long to wait before the next attempt; not ok means that there is none.
func (c *client) wait(ctx context.Context, p retryPolicy, next time.Duration, err error) (time.Duration, bool) {
	if e, ok := errors.AsType[*Error](err); ok {
		if e.RetryAfter > p.longest {
			return 0, false
		}
		next += e.RetryAfter
	}
	delay, ok := c.takeRetry(p.queue)
	next += delay
	if deadline, bounded := ctx.Deadline(); bounded && time.Until(deadline) <= next {
		ok = false
	}
	return next, ok
}

// logEvery is how often a client logs that it waits, however many calls do.
const logEvery = 15 * time.Second

// logWait logs that a call failed with err and will be made again.
func (c *client) logWait(err error) {
	now, last := time.Now().UnixNano(), c.loggedAt.Load()
	if now-last < int64(logEvery) || !c.loggedAt.CompareAndSwap(last, now) {
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

// The retry budget of a client: a burst, and then a rate, so that retries cannot multiply an
// outage.
const (
	budgetBurst     = 10
	budgetPerSecond = 1
)

// takeRetry takes one retry from the budget. It returns how long to wait for it; not ok means
// longer than longest.
func (c *client) takeRetry(longest time.Duration) (delay time.Duration, ok bool) {
	retry := c.budget.Reserve()
	if delay = retry.Delay(); delay > longest {
		retry.Cancel()
		return 0, false
	}
	return delay, true
}

// longestRetryAfter bounds a server's Retry-After.
const longestRetryAfter = time.Hour

// retryAfter is how long a server asks to wait: Retry-After in seconds, which some servers give as a fraction, or as a
// date (RFC 9110, 10.2.3), or else the Retry-After-Ms of OpenAI and Azure. It is 0 if the one that is set is invalid.
func retryAfter(h http.Header) time.Duration {
	v, unit := strings.TrimSpace(h.Get("Retry-After")), time.Second
	if v == "" {
		v, unit = strings.TrimSpace(h.Get("Retry-After-Ms")), time.Millisecond
	}
	if n, err := strconv.ParseFloat(v, 64); err == nil && n >= 0 {
		return time.Duration(min(n*float64(unit), float64(longestRetryAfter)))
	}
	if date, err := http.ParseTime(v); err == nil {
		return min(max(time.Until(date), 0), longestRetryAfter)
	}
	return 0
}
