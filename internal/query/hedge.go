package query

import (
	"context"
	"slices"
	"sync"
	"time"
)

// The rules by which calls are hedged.
const (
	hedgeSamples  = 40                    // latencies make a delay, which holds until there are as many new ones
	hedgeSoonest  = 50 * time.Millisecond // is the least delay
	hedgeQuantile = 0.95                  // of the latencies, and half as much again, is the delay
	hedgeShare    = 0.05                  // of the calls may be made twice,
	hedgeBurst    = 5                     // and so many in a row
)

// hedge makes calls of one kind a second time if they take much longer than nearly all did lately: another
// connection, or another of the model's replicas, may answer meanwhile. The budget keeps a model that has
// become slow from getting more work than a twentieth on top ("The Tail at Scale", Dean and Barroso, 2013).
type hedge struct {
	mu     sync.Mutex
	recent []time.Duration // has the latencies since delay was set
	delay  time.Duration   // is how long a call may take before it is made again; 0 until that is known
	budget float64         // counts the calls that may be made twice now
}

// attempt is what became of a second call.
type attempt[T any] struct {
	value    T
	err      error
	panicked any
}

// hedged makes a call that may be repeated without harm, and returns the first success. An error before the
// delay is final: repeating that is the client's concern. The first call runs in the caller's goroutine,
// since few calls are made twice. A panic of either reaches the caller.
func hedged[T any](ctx context.Context, h *hedge, do func(context.Context) (T, error)) (T, error) {
	delay, known := h.begin()
	if !known {
		return timed(ctx, h, do)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the second call if it has lost
	second := make(chan attempt[T], 1)
	timer := time.AfterFunc(delay, func() {
		defer close(second)
		if !h.take() {
			return
		}
		var a attempt[T]
		defer func() {
			a.panicked = recover()
			second <- a
			if a.err == nil {
				cancel() // ends the first call, which has lost
			}
		}()
		a.value, a.err = timed(ctx, h, do)
	})
	value, err := timed(ctx, h, do)
	if alone := timer.Stop(); alone || err == nil {
		return value, err
	}
	switch a, made := <-second; {
	case made && a.panicked != nil:
		panic(a.panicked)
	case made && a.err == nil:
		return a.value, nil
	}
	return value, err
}

// timed makes a call, and keeps how long a success took.
func timed[T any](ctx context.Context, h *hedge, do func(context.Context) (T, error)) (T, error) {
	begun := time.Now()
	value, err := do(ctx)
	if err == nil {
		h.note(time.Since(begun))
	}
	return value, err
}

// note keeps a latency, and sets the delay once there are enough.
func (h *hedge) note(took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.recent = append(h.recent, took); len(h.recent) < hedgeSamples {
		return
	}
	slices.Sort(h.recent)
	h.delay = max(hedgeSoonest, h.recent[int(hedgeQuantile*hedgeSamples)]*3/2)
	h.recent = h.recent[:0]
}

// begin adds a call to the budget, and returns how long it may take before it is made again.
func (h *hedge) begin() (delay time.Duration, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.budget = min(h.budget+hedgeShare, hedgeBurst)
	return h.delay, h.delay > 0
}

// take takes a second attempt from the budget, if there is one.
func (h *hedge) take() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.budget < 1 {
		return false
	}
	h.budget--
	return true
}
