package query

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// calls is a model that takes its time, or hangs in some of its calls.
type calls struct {
	made, ended atomic.Int64
	takes       func(call int) time.Duration // is 0 if the call hangs
	err         error
}

func (c *calls) do(ctx context.Context) (int, error) {
	call := int(c.made.Add(1))
	defer c.ended.Add(1)
	takes := c.takes(call)
	if takes == 0 {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	select {
	case <-time.After(takes):
		return call, c.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// experienced is a hedge that knows calls of 100 ms.
func experienced(t *testing.T) *hedge {
	t.Helper()
	h, usual := new(hedge), &calls{takes: func(int) time.Duration { return 100 * time.Millisecond }}
	for range 200 {
		if _, err := hedged(t.Context(), h, usual.do); err != nil {
			t.Fatal(err)
		}
	}
	if usual.made.Load() != 200 {
		t.Fatalf("200 usual calls were made %d times", usual.made.Load())
	}
	return h
}

func TestACallThatHangsIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := experienced(t)
		c := &calls{takes: func(call int) time.Duration { return time.Duration(call-1) * 50 * time.Millisecond }}
		begun := time.Now()
		got, err := hedged(t.Context(), h, c.do)
		if got != 2 || err != nil || time.Since(begun) != 200*time.Millisecond {
			t.Errorf("got %d, %v after %v", got, err, time.Since(begun))
		}
		synctest.Wait()
		if c.ended.Load() != 2 {
			t.Error("the attempt that lost goes on")
		}
	})
}

func TestAnErrorIsNotHedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, broken := experienced(t), errors.New("broken")
		c := &calls{err: broken, takes: func(int) time.Duration { return time.Millisecond }}
		if _, err := hedged(t.Context(), h, c.do); !errors.Is(err, broken) || c.made.Load() != 1 {
			t.Errorf("%d calls, %v", c.made.Load(), err)
		}
		c = &calls{err: broken, takes: func(int) time.Duration { return time.Second }} // both fail
		if _, err := hedged(t.Context(), h, c.do); !errors.Is(err, broken) || c.made.Load() != 2 {
			t.Errorf("%d calls, %v", c.made.Load(), err)
		}
	})
}

func TestASlowModelGetsLittleMoreWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := experienced(t)
		late := errors.New("late")
		c := &calls{err: late, takes: func(int) time.Duration { return time.Second }}
		const asked = 400
		for range asked {
			if _, err := hedged(t.Context(), h, c.do); !errors.Is(err, late) {
				t.Fatal(err)
			}
		}
		if more := c.made.Load() - asked; more > asked*hedgeShare+hedgeBurst || more == 0 {
			t.Errorf("%d calls more than %d", more, asked)
		}
	})
}

func TestAPanicOfACallReachesItsRequest(t *testing.T) {
	defer func() {
		if recover() != "poison" {
			t.Error("the panic was lost")
		}
	}()
	_, _ = hedged(t.Context(), new(hedge), func(context.Context) (int, error) { panic("poison") })
}

func TestACallEndsWithItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := experienced(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c := &calls{takes: func(int) time.Duration { return 0 }}
		if _, err := hedged(ctx, h, c.do); !errors.Is(err, context.DeadlineExceeded) || c.made.Load() != 2 {
			t.Errorf("%d calls, %v", c.made.Load(), err)
		}
	})
}
