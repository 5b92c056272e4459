package gateway

import (
	"context"
	"sync/atomic"
	"time"
)

// limiter bounds how many requests are worked on, and how many wait for their turn and how long.
type limiter struct {
	places   chan struct{}
	waiting  atomic.Int64
	queue    int64
	patience time.Duration
}

func newLimiter(concurrent, queued int, patience time.Duration) *limiter {
	return &limiter{places: make(chan struct{}, concurrent), queue: int64(queued), patience: patience}
}

// acquire takes a place, waiting for one if the queue is not full; release gives it back.
func (l *limiter) acquire(ctx context.Context) (release func(), err error) {
	select {
	case l.places <- struct{}{}:
		return l.release, nil
	default:
	}
	if l.waiting.Add(1) > l.queue {
		l.waiting.Add(-1)
		return nil, busy()
	}
	defer l.waiting.Add(-1)
	timeout := time.NewTimer(l.patience)
	defer timeout.Stop()
	select {
	case l.places <- struct{}{}:
		return l.release, nil
	case <-timeout.C:
		return nil, busy()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *limiter) release() { <-l.places }
