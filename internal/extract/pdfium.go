package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	gopdfium "github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

const (
	// memoryLimit bounds what one document can make PDFium take.
	memoryLimit = 512 << 20
	// recycleAbove is the memory of a worker that is not used again: WebAssembly memory never shrinks.
	recycleAbove = 96 << 20
	// idleAfter is how long a worker waits for another document. Starting one takes about 0.1 s.
	idleAfter = time.Minute
)

// pdfium is a pool of PDFium workers in WebAssembly. Nothing is started before the first document.
type pdfium struct {
	cacheDir string
	slots    chan struct{} // one token for each worker in use
	launch   func(wazero.CompilationCache) (*worker, error)

	starting sync.Mutex // held while a worker starts, so that PDFium is compiled once
	cache    wazero.CompilationCache

	done chan struct{} // closed by close

	mu     sync.Mutex
	idle   []*worker // the last used comes last, and is used next
	closed bool
}

func newPDFium(cacheDir string, workers int) *pdfium {
	return &pdfium{cacheDir: cacheDir, slots: make(chan struct{}, workers), launch: startWorker, done: make(chan struct{})}
}

// worker is one PDFium: its own runtime, memory and context. Cancelling the context ends whatever runs in it,
// and the worker with that.
type worker struct {
	gopdfium.Pdfium
	pool   gopdfium.Pool
	ctx    context.Context
	cancel context.CancelFunc
	memory *memory
	expiry *time.Timer // while idle
}

// acquire waits for a worker, until ctx ends.
func (p *pdfium) acquire(ctx context.Context) (*worker, error) {
	select {
	case <-p.done:
		return nil, errors.New("the extractor is closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	case p.slots <- struct{}{}:
	}
	if w := p.takeIdle(); w != nil {
		return w, nil
	}
	type result struct {
		w   *worker
		err error
	}
	started := make(chan result, 1)
	go func() { // compiling cannot be interrupted
		w, err := p.start()
		started <- result{w, err}
	}()
	select {
	case r := <-started:
		if r.err != nil {
			<-p.slots
			return nil, fmt.Errorf("start PDFium: %w", r.err)
		}
		return r.w, nil
	case <-ctx.Done():
		go func() {
			if r := <-started; r.err == nil {
				p.release(r.w)
			} else {
				<-p.slots
			}
		}()
		return nil, ctx.Err()
	}
}

func (p *pdfium) takeIdle() *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	w := p.idle[n-1]
	p.idle = p.idle[:n-1]
	w.expiry.Stop()
	return w
}

// release gives a worker back. One that was cancelled or has grown big is thrown away.
func (p *pdfium) release(w *worker) {
	defer func() { <-p.slots }()
	if w.ctx.Err() != nil || w.memory.size > recycleAbove {
		w.close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		w.close()
		return
	}
	w.expiry = time.AfterFunc(idleAfter, func() { p.expire(w) })
	p.idle = append(p.idle, w)
}

// expire closes a worker that nobody took.
func (p *pdfium) expire(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.idle {
		if other == w {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			w.close()
			return
		}
	}
}

// close waits for the workers in use and closes all.
func (p *pdfium) close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	close(p.done)
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, w := range idle {
		w.expiry.Stop()
		w.close()
	}
	for range cap(p.slots) {
		p.slots <- struct{}{} // nobody uses a worker now, nor ever will
	}
	p.starting.Lock()
	defer p.starting.Unlock()
	if p.cache != nil {
		p.cache.Close(context.Background())
	}
}

// start makes a worker. When the cache on disk cannot be used, PDFium is compiled for this process only.
func (p *pdfium) start() (*worker, error) {
	p.starting.Lock()
	defer p.starting.Unlock()
	if p.cache == nil {
		p.cache = openCache(p.cacheDir)
	}
	w, err := p.launch(p.cache)
	if err != nil && p.cacheDir != "" {
		p.cache.Close(context.Background())
		p.cache = wazero.NewCompilationCache()
		w, err = p.launch(p.cache)
	}
	return w, err
}

// openCache keeps compiled code in memory when there is no directory for it, or none that can be written.
func openCache(dir string) wazero.CompilationCache {
	if dir == "" {
		return wazero.NewCompilationCache() // wazero takes an empty name for the working directory
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return wazero.NewCompilationCache()
	}
	return cache
}

// startWorker instantiates PDFium with no file system, no output, and a bound on its memory.
func startWorker(cache wazero.CompilationCache) (*worker, error) {
	w := &worker{memory: &memory{limit: memoryLimit}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	pool, err := webassembly.Init(webassembly.Config{
		Context:  experimental.WithMemoryAllocator(w.ctx, w.memory),
		MaxTotal: 1,
		MaxIdle:  1,
		FSConfig: wazero.NewFSConfig(),
		Stdout:   io.Discard,
		Stderr:   io.Discard,
		RuntimeConfig: wazero.NewRuntimeConfig().
			WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
			WithCloseOnContextDone(true).
			WithCompilationCache(cache),
	})
	if err != nil {
		w.cancel()
		return nil, err
	}
	w.pool = pool
	w.Pdfium, err = pool.GetInstanceWithContext(w.ctx)
	if err != nil {
		w.cancel()
		return nil, errors.Join(err, pool.Close())
	}
	return w, nil
}

// close ends the worker. Its errors say no more than that it was cancelled.
func (w *worker) close() {
	w.cancel()
	_ = w.pool.Close()
}

// memory is the linear memory of one worker. wazero asks it to grow, so it keeps the bound, and knows whether
// the bound is what PDFium failed at.
type memory struct {
	limit   uint64
	buffer  []byte
	size    uint64
	refused bool
}

// Allocate is called once, as a worker has one instance.
func (m *memory) Allocate(capacity, _ uint64) experimental.LinearMemory {
	m.buffer = make([]byte, 0, capacity)
	return m
}

// Reallocate grows by a quarter more than asked, so that growing page by page does not copy each time. nil tells
// PDFium that there is no more memory.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.limit {
		m.refused = true
		return nil
	}
	if size > uint64(cap(m.buffer)) {
		grown := make([]byte, size, min(size+size/4, m.limit))
		copy(grown, m.buffer)
		m.buffer = grown
	}
	m.buffer = m.buffer[:size]
	m.size = size
	return m.buffer
}

// Free lets go of the memory.
func (m *memory) Free() { m.buffer = nil }
