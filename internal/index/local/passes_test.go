package local

import (
	"errors"
	"runtime"
	"sync"
	"testing"
)

// occupied is a sharing whose passes all run, until release is called and waits for them.
func occupied(t *testing.T, p *sharing, pass func([]*search)) (release func()) {
	t.Helper()
	var running, ended sync.WaitGroup
	hold := make(chan struct{})
	for range maxPasses() {
		running.Add(1)
		ended.Go(func() {
			p.do(&search{}, func(all []*search) {
				running.Done()
				<-hold
				pass(all)
			})
		})
	}
	running.Wait()
	return func() { close(hold); ended.Wait() }
}

func (p *sharing) awaitWaiting(n int) {
	for {
		p.mu.Lock()
		waiting := len(p.waiting)
		p.mu.Unlock()
		if waiting == n {
			return
		}
		runtime.Gosched()
	}
}

func TestSearchesThatWaitShareAPass(t *testing.T) {
	var (
		p      sharing
		mu     sync.Mutex
		shared []int
		done   sync.WaitGroup
	)
	pass := func(all []*search) {
		mu.Lock()
		defer mu.Unlock()
		shared = append(shared, len(all))
		for _, s := range all {
			s.err = nil
		}
	}
	release := occupied(t, &p, pass)
	const others = 2*maxShared + 1
	for range others {
		done.Go(func() {
			s := &search{}
			if p.do(s, pass); s.err != nil {
				t.Error(s.err)
			}
		})
	}
	p.awaitWaiting(others)
	release()
	done.Wait()
	all := 0
	for _, n := range shared {
		all += n
	}
	if want := maxPasses() + others; all != want {
		t.Errorf("%d searches were made in passes of %v, want %d", all, shared, want)
	}
	if most := maxPasses() + 2 + maxPasses(); len(shared) > most { // each of the first may take over one too early
		t.Errorf("passes of %v, want at most %d", shared, most)
	}
	if p.running != 0 || len(p.waiting) != 0 {
		t.Errorf("%d passes run and %d searches wait, want none", p.running, len(p.waiting))
	}
}

func TestAPassThatPanicsFailsItsSearchesAlone(t *testing.T) {
	var p sharing
	var done sync.WaitGroup
	works := func(all []*search) {
		for _, s := range all {
			s.err = nil
		}
	}
	release := occupied(t, &p, works)
	errs := make(chan error, maxShared)
	for range maxShared {
		done.Go(func() {
			defer func() { _ = recover() }()
			s := &search{}
			p.do(s, func([]*search) { panic("broken") })
			errs <- s.err
		})
	}
	p.awaitWaiting(maxShared)
	release()
	done.Wait()
	close(errs)
	for err := range errs {
		if !errors.Is(err, errNoPass) {
			t.Errorf("a search of the pass has the error %v", err)
		}
	}
	s := &search{}
	if p.do(s, works); s.err != nil || p.running != 0 {
		t.Errorf("the next search has the error %v, and %d passes still run", s.err, p.running)
	}
}
