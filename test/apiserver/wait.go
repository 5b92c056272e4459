package apiserver

import (
	"testing"
	"time"
)

// poll is how often a condition is looked at.
const poll = 20 * time.Millisecond

// Eventually waits until the condition says nothing more, which is what it still waits for, and fails the test with
// that after the timeout.
func Eventually(t testing.TB, timeout time.Duration, condition func() (waitingFor string)) {
	t.Helper()
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		waitingFor := condition()
		if waitingFor == "" {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the test ended while waiting for: %s", waitingFor)
		case <-deadline.C:
			t.Fatalf("after %v still waiting for: %s", timeout, waitingFor)
		}
	}
}
