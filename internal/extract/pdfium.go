package extract

import (
	"context"
	"errors"
	"io"
	"sync"

	gopdfium "github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// memoryLimit bounds what one document can make PDFium take.
	memoryLimit = 512 << 20
	// recycleAbove is the memory of a worker that is not used again: WebAssembly memory never shrinks.
	recycleAbove = 96 << 20
)

// pdfiumStarter starts PDFium in this process.
type pdfiumStarter struct {
	cacheDir string
	// interruptible PDFium looks at its context in each loop, and is about three times slower for that.
	interruptible bool
	launch        func(cache wazero.CompilationCache, interruptible bool) (*pdfium, error)

	mu    sync.Mutex // held while one starts, so that PDFium is compiled once
	cache wazero.CompilationCache
}

func newPDFiumStarter(cacheDir string, interruptible bool) *pdfiumStarter {
	return &pdfiumStarter{cacheDir: cacheDir, interruptible: interruptible, launch: launchPDFium}
}

// start makes a PDFium. When the cache on disk cannot be used, it is compiled for this process only.
func (s *pdfiumStarter) start() (*pdfium, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cache == nil {
		s.cache = openCache(s.cacheDir)
	}
	p, err := s.launch(s.cache, s.interruptible)
	if err != nil && s.cacheDir != "" {
		s.cache.Close(context.Background())
		s.cache = wazero.NewCompilationCache()
		p, err = s.launch(s.cache, s.interruptible)
	}
	return p, err
}

// close lets go of the compiled code, which nobody may use any more.
func (s *pdfiumStarter) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cache != nil {
		s.cache.Close(context.Background())
		s.cache = nil
	}
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

// pdfium is one PDFium in WebAssembly: its own runtime, memory and context. Cancelling the context ends an
// interruptible one, whatever runs in it, and keeps any from being used again.
type pdfium struct {
	gopdfium.Pdfium
	pool   gopdfium.Pool
	ctx    context.Context //nolint:containedctx // it is the instance's life
	cancel context.CancelFunc
	memory *memory
}

// launchPDFium instantiates PDFium with no file system, no output, and a bound on its memory.
func launchPDFium(cache wazero.CompilationCache, interruptible bool) (*pdfium, error) {
	p := &pdfium{memory: &memory{limit: memoryLimit}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	pool, err := webassembly.Init(webassembly.Config{
		Context:  experimental.WithMemoryAllocator(p.ctx, p.memory),
		MaxTotal: 1,
		MaxIdle:  1,
		FSConfig: wazero.NewFSConfig(),
		Stdout:   io.Discard,
		Stderr:   io.Discard,
		RuntimeConfig: wazero.NewRuntimeConfig().
			WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
			WithCloseOnContextDone(interruptible).
			WithCompilationCache(cache),
	})
	if err != nil {
		p.cancel()
		return nil, err
	}
	p.pool = pool
	p.Pdfium, err = pool.GetInstanceWithContext(p.ctx)
	if err != nil {
		p.cancel()
		return nil, errors.Join(err, pool.Close())
	}
	return p, nil
}

// read reads one document. What PDFium trips over may leave it in any state, so it is not used again then.
func (p *pdfium) read(s source, reached func(page int)) (*Document, error) {
	d, err := (&pdfReader{pdfium: p, reached: reached, limit: newLimit(s.max)}).read(s)
	if _, known := config.ReasonOf(err); err == nil || known {
		return d, err
	}
	p.cancel()
	if p.memory.refused {
		return nil, config.Failf(config.TooLarge, "the PDF needs more than %d MiB of memory: split it", memoryLimit>>20)
	}
	return nil, config.Failf(config.Malformed, "the PDF cannot be read: %s", quote(err.Error()))
}

func (p *pdfium) interrupt() { p.cancel() }

func (p *pdfium) usable() bool { return p.ctx.Err() == nil && p.memory.size <= recycleAbove }

// close ends PDFium. Its errors say no more than that it was cancelled.
func (p *pdfium) close() {
	p.cancel()
	_ = p.pool.Close()
}

// memory is the linear memory of one PDFium. wazero asks it to grow, so it keeps the bound, and knows whether
// the bound is what PDFium failed at.
type memory struct {
	limit   uint64
	buffer  []byte
	size    uint64
	refused bool
}

// Allocate is called once, as a pdfium has one instance.
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
