package gateway

import (
	"math"
	"slices"
	"time"
)

// The bounds of a latencyLimit's windows.
const (
	leastWindow  = 500 * time.Millisecond
	leastSamples = 10
	medians      = 60 // windows are kept for their latency
	firstProbe   = 3  // windows at the limit are followed by one below it,
	probeEvery   = 20 // and so are these many, again and again
)

// The rules by which a latencyLimit moves.
const (
	leastConcurrent = 4
	tolerance       = 1.2 // times the best latency is not yet a queue
	smoothing       = 0.6 // is the weight of a new limit
	probeShare      = 0.5 // of the limit runs while the best latency is measured anew
)

// latencyLimit is how many requests may run at once so that the servers behind them are busy and have no
// queue. After each window, the limit shrinks by the ratio of the best latency that was seen to today's,
// and grows by half of its root, as Netflix's Gradient does ("Performance Under Load", 2018). The best
// latency is the least median of the last minute's windows or so; since it cannot show while the servers
// are saturated, fewer requests run in some windows, as TCP's BBR measures its round trips.
//
// Its user locks it.
type latencyLimit struct {
	most   int
	limit  float64
	left   int  // counts the windows at the limit until the next probe
	probes bool // reports whether this window is a probe

	begun   time.Time // is when the window began
	peak    int       // is the most requests that ran at once in the window
	samples []time.Duration
	best    []time.Duration // has the medians of the last windows
}

func newLatencyLimit(most int) *latencyLimit {
	return &latencyLimit{most: most, limit: float64(most), left: firstProbe}
}

// concurrent is how many requests may run now.
func (l *latencyLimit) concurrent() int {
	if l.probes {
		return max(1, int(l.limit*probeShare))
	}
	return max(1, int(l.limit))
}

// observe records that a request took so long, and that running requests ran until then.
func (l *latencyLimit) observe(now time.Time, took time.Duration, running int) {
	if l.begun.IsZero() {
		l.begun = now
	}
	l.peak = max(l.peak, running)
	l.samples = append(l.samples, took)
	if now.Sub(l.begun) < leastWindow || len(l.samples) < leastSamples {
		return
	}
	l.adjust()
	l.begun, l.peak, l.samples = now, 0, l.samples[:0]
}

// adjust sets the limit for the next window.
func (l *latencyLimit) adjust() {
	slices.Sort(l.samples)
	median := l.samples[len(l.samples)/2]
	l.best = append(l.best, median)
	if len(l.best) > medians {
		l.best = l.best[1:]
	}
	if l.probes {
		l.probes = false // what ran less than the limit says nothing of it
		return
	}
	if 2*l.peak < int(l.limit) {
		return // the callers want less than there is
	}
	gradient := tolerance * float64(slices.Min(l.best)) / float64(median)
	next := l.limit*min(1, max(0.5, gradient)) + math.Sqrt(l.limit)/2
	l.limit += smoothing * (next - l.limit)
	l.limit = min(float64(l.most), max(min(leastConcurrent, float64(l.most)), l.limit))
	if l.left--; l.left == 0 {
		l.left, l.probes = probeEvery, true
	}
}
