package oidc

import (
	"sync"
	"time"
)

// shares bounds how often something is done that anybody can bring about: at most so many at once, and then one
// each interval. No caller gets more than is left for the others, so that none can use it up.
type shares struct {
	most  float64
	every time.Duration
	now   func() time.Time

	mu    sync.Mutex
	left  float64
	at    time.Time          // is when left was counted
	taken map[string]float64 // is by caller, and declines as left grows
}

func newShares(most int, every time.Duration) *shares {
	return &shares{most: float64(most), every: every, now: time.Now, left: float64(most), taken: map[string]float64{}}
}

// take reports whether the caller may do it now.
func (s *shares) take(caller string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if !s.at.IsZero() {
		grown := float64(now.Sub(s.at)) / float64(s.every)
		s.left = min(s.most, s.left+grown)
		for name := range s.taken {
			if s.taken[name] -= grown; s.taken[name] <= 0 {
				delete(s.taken, name)
			}
		}
	}
	s.at = now
	if s.taken[caller]+1 > s.left {
		return false
	}
	s.left--
	s.taken[caller]++
	return true
}
