package local

import (
	"errors"
	"runtime"
	"sync"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// search is a question to the vectors, and what was found.
type search struct {
	unit   []float32 // has length 1
	limit  int
	filter *index.Filter

	hits []index.Hit
	err  error
	// turn tells a search that waited whether it is done, or else makes the next pass.
	turn chan bool
}

// sharing lets searches that come at the same time share a pass over the matrix: reading a large one
// from memory takes longer than comparing it, with one query or with several. A search alone waits
// for nothing.
type sharing struct {
	mu      sync.Mutex
	running int
	waiting []*search
}

// maxShared is how many searches share a pass at most.
const maxShared = 8

// maxPasses is how many passes run at once: half of the cores, so that the others answer meanwhile.
func maxPasses() int { return max(1, runtime.GOMAXPROCS(0)/2) }

var errNoPass = errors.New("search index: the scan of the vectors did not end")

// do returns when the search is done, by a pass that it makes itself for all that wait, or by that
// of another.
func (p *sharing) do(s *search, pass func(all []*search)) {
	s.turn, s.err = make(chan bool, 1), errNoPass
	p.mu.Lock()
	p.waiting = append(p.waiting, s)
	if p.running == maxPasses() {
		p.mu.Unlock()
		if done := <-s.turn; done {
			return
		}
		p.mu.Lock()
	} else {
		p.running++
	}
	n := min(maxShared, len(p.waiting)) // s is the first of them
	all := append([]*search(nil), p.waiting[:n]...)
	p.waiting = append(p.waiting[:0], p.waiting[n:]...)
	p.mu.Unlock()
	defer p.end(all[1:])
	pass(all)
}

// end wakes the others of a pass, and the one that makes the next pass.
func (p *sharing) end(others []*search) {
	for _, s := range others {
		s.turn <- true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.running--
		return
	}
	p.waiting[0].turn <- false
}
