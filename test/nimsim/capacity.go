package nimsim

import (
	"cmp"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Capacity is what a model's server can do: it computes some requests at once, each for a time that grows with its
// texts, lets some wait in the order in which they came, and refuses more.
type Capacity struct {
	// Of is the model; empty means the embedding model.
	Of config.Stage
	// Parallel requests are computed at once; 0 means 1. Queue is how many more may wait before one is answered with
	// 429; 0 means any number.
	Parallel, Queue int
	// Base and PerText are how long a request takes.
	Base, PerText time.Duration
	// Texts is how many a request may have, 0 any number: one with more is answered with 422.
	Texts int
	// RetryAfter is the header of a 429, in seconds; 0 leaves it out.
	RetryAfter int
}

// Load is what a server with a Capacity has done since its first request.
type Load struct {
	Requests, Texts, Refused int
	// Busy is how long at least one request was being computed, Passed how long it is since the first began.
	Busy, Passed time.Duration
}

// capacity is the state of a server with a Capacity.
type capacity struct {
	Capacity
	slots chan struct{} // Go serves its senders in their order

	mu                 sync.Mutex
	load               Load
	present, computing int
	first, last, since time.Time
}

func newCapacity(c Capacity) *capacity {
	c.Parallel, c.Of = max(c.Parallel, 1), cmp.Or(c.Of, config.StageEmbedding)
	return &capacity{Capacity: c, slots: make(chan struct{}, c.Parallel)}
}

// serve has the exchange wait and be computed before it is answered.
func (c *capacity) serve(x *exchange) {
	texts := len(inputs(x.body))
	if c.Texts > 0 && texts > c.Texts {
		writeJSON(x.w, http.StatusUnprocessableEntity, `{"detail":"batch size `+strconv.Itoa(texts)+
			` > maximum allowed batch size `+strconv.Itoa(c.Texts)+`"}`)
		return
	}
	if !c.arrive() {
		if c.RetryAfter > 0 {
			x.w.Header().Set("Retry-After", strconv.Itoa(c.RetryAfter))
		}
		writeJSON(x.w, http.StatusTooManyRequests, `{"status":429,"title":"Too Many Requests"}`)
		return
	}
	defer c.depart()
	select {
	case c.slots <- struct{}{}:
	case <-x.r.Context().Done():
		return
	}
	c.begin()
	computed := x.wait(c.Base + time.Duration(texts)*c.PerText)
	c.end(texts, computed)
	<-c.slots
	if computed {
		x.serve()
	}
}

func (c *capacity) arrive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Queue > 0 && c.present >= c.Parallel+c.Queue {
		c.load.Refused++
		return false
	}
	c.present++
	return true
}

func (c *capacity) depart() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.present--
}

func (c *capacity) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.first.IsZero() {
		c.first = now
	}
	if c.computing++; c.computing == 1 {
		c.since = now
	}
}

func (c *capacity) end(texts int, computed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Now()
	if c.computing--; c.computing == 0 {
		c.load.Busy += c.last.Sub(c.since)
	}
	if computed {
		c.load.Requests++
		c.load.Texts += texts
	}
}

// Load is what the server with the Capacity has done, up to the end of the last request; zero without a Capacity.
func (s *Sim) Load() Load {
	c := s.capacity
	if c == nil {
		return Load{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	load := c.load
	load.Passed = c.last.Sub(c.first)
	if c.computing > 0 {
		load.Busy += c.last.Sub(c.since)
	}
	return load
}

// ForgetLoad begins the count of Load anew.
func (s *Sim) ForgetLoad() {
	if c := s.capacity; c != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.load, c.first = Load{}, time.Time{}
	}
}
