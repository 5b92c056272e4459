package query

import (
	"context"
	"slices"
	"sync"
	"time"
)

// The rules by which calls are hedged.
const (
	hedgeSamples  = 64                    // latencies are kept
	hedgeLeast    = 20                    // latencies must be known
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
	recent []time.Duration // holds the latest latencies, in a ring
	next   int             // is where the next one goes
	budget float64         // counts the calls that may be made twice now
}

// attempt is what became of a call.
type attempt[T any] struct {
	value    T
	err      error
	took     time.Duration
	panicked any
}

// hedged makes a call that may be repeated without harm, and returns the first success. An error before the
// delay is final: repeating that is the client's concern. A panic of do is raised again here.
func hedged[T any](ctx context.Context, h *hedge, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the attempt that lost
	attempts := make(chan attempt[T], 2)
	try := func() {
		var a attempt[T]
		begun := time.Now()
		defer func() {
			a.panicked = recover()
			attempts <- a
		}()
		a.value, a.err = do(ctx)
		a.took = time.Since(begun)
	}
	go try()
	running := 1
	if delay, known := h.delay(); known {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case a := <-attempts:
			return ended(h, a)
		case <-timer.C:
		}
		if h.take() {
			go try()
			running = 2
		}
	}
	a := <-attempts
	if a.err != nil && a.panicked == nil && running == 2 {
		a = <-attempts
	}
	return ended(h, a)
}

// ended is what an attempt returned.
func ended[T any](h *hedge, a attempt[T]) (T, error) {
	if a.panicked != nil {
		panic(a.panicked)
	}
	if a.err == nil {
		h.note(a.took)
	}
	return a.value, a.err
}

// note keeps how long a success took.
func (h *hedge) note(took time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.recent) < hedgeSamples {
		h.recent = append(h.recent, took)
		return
	}
	h.recent[h.next] = took
	h.next = (h.next + 1) % hedgeSamples
}

// delay is how long a call may take before it is made again, and adds the call to the budget.
func (h *hedge) delay() (delay time.Duration, known bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.budget = min(h.budget+hedgeShare, hedgeBurst)
	if len(h.recent) < hedgeLeast {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(h.recent))
	return max(hedgeSoonest, sorted[int(hedgeQuantile*float64(len(sorted)))]*3/2), true
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
