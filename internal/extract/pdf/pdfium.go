package pdf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	gopdfium "github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/webassembly"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

const (
	// memoryLimit bounds what one document can make PDFium take.
	memoryLimit = 384 << 20
	// recycleAbove is the memory of a PDFium that is not used again: WebAssembly memory never shrinks.
	recycleAbove = 96 << 20
)

// New starts nothing. cacheDir is Options.CacheDir of internal/extract, and starting its Starting.
func New(cacheDir string, starting func() (started func())) *Reader {
	return &Reader{cacheDir: cacheDir, starting: starting, launch: launchPDFium}
}

// Reader starts PDFium when a PDF comes, and keeps it for the next one.
type Reader struct {
	cacheDir string
	starting func() (started func())
	launch   func(cache wazero.CompilationCache) (*pdfium, error)

	mu      sync.Mutex // held while a PDF is read
	cache   wazero.CompilationCache
	current *pdfium
}

// Read reads one PDF. An error without a reason is not the document's fault: PDFium cannot be started.
func (p *Reader) Read(s document.Source, reached func(page int)) (d *document.Document, err error) {
	err = p.with(func(current *pdfium) error {
		d, err = current.read(s, reached)
		return err
	})
	return d, err
}

// with lends PDFium for one PDF.
func (p *Reader) with(use func(current *pdfium) error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		if err := p.start(); err != nil {
			return fmt.Errorf("start PDFium: %w", err)
		}
	}
	defer func() {
		if !p.current.usable() {
			p.current.close()
			p.current = nil
		}
	}()
	return use(p.current)
}

// start compiles PDFium for this process alone if the cache on disk cannot be used.
func (p *Reader) start() (err error) {
	defer p.starting()()
	if p.cache == nil {
		p.cache = openCache(p.cacheDir)
	}
	p.current, err = p.launch(p.cache)
	if err != nil && p.cacheDir != "" {
		p.cache.Close(context.Background())
		p.cache = wazero.NewCompilationCache()
		p.current, err = p.launch(p.cache)
	}
	return err
}

// Close ends PDFium and lets go of the compiled code.
func (p *Reader) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		p.current.close()
		p.current = nil
	}
	if p.cache != nil {
		p.cache.Close(context.Background())
		p.cache = nil
	}
}

// UserCache makes the directory of this user's cache that holds compiled PDFium for all processes, and returns it. It
// returns an empty name if the user has no cache, or if others could write to the directory.
func UserCache() string {
	caches, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	dir := filepath.Join(caches, "ragpipeline", "pdfium")
	if makePrivate(dir) != nil {
		return ""
	}
	return dir
}

// makePrivate makes a directory, and fails if it is not this user's own: native code is run as it is read from there.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, known := info.Sys().(*syscall.Stat_t)
	const othersWrite = 0o022
	if !info.IsDir() || info.Mode()&othersWrite != 0 || known && int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("others than this user can write to %s", dir)
	}
	return nil
}

// openCache keeps compiled code in memory if there is no directory for it that this user alone can write to. Several
// processes may fill one at once: wazero renames whole files into it, under names that depend on its version, on the
// module and on the processor.
func openCache(dir string) wazero.CompilationCache {
	if dir == "" || makePrivate(dir) != nil { // wazero takes an empty name for the working directory
		return wazero.NewCompilationCache()
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return wazero.NewCompilationCache()
	}
	return cache
}

// pdfium is one PDFium in WebAssembly, with a runtime and a memory of its own.
type pdfium struct {
	gopdfium.Pdfium
	direct *direct
	pool   gopdfium.Pool
	memory *memory
	broken bool
}

// launchPDFium instantiates PDFium with no file system, no output, and a bound on its memory.
func launchPDFium(cache wazero.CompilationCache) (*pdfium, error) {
	p := &pdfium{memory: &memory{limit: memoryLimit}}
	ctx := experimental.WithMemoryAllocator(context.Background(), p.memory)
	pool, err := webassembly.Init(webassembly.Config{
		Context:  ctx,
		MaxTotal: 1,
		MaxIdle:  1,
		FSConfig: wazero.NewFSConfig(),
		Stdout:   io.Discard,
		Stderr:   io.Discard,
		RuntimeConfig: wazero.NewRuntimeConfig().
			WithCoreFeatures(api.CoreFeaturesV2 | experimental.CoreFeaturesExceptionHandling).
			WithCompilationCache(cache),
	})
	if err != nil {
		return nil, err
	}
	p.pool = pool
	if p.Pdfium, err = pool.GetInstanceWithContext(ctx); err == nil {
		p.direct, err = newDirect(p.GetImplementation())
	}
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return p, nil
}

// read reads one document. Bytes that PDFium fails on may leave it in any state, so it is not used again then.
func (p *pdfium) read(s document.Source, reached func(page int)) (*document.Document, error) {
	p.broken = true // also if the reader panics
	d, err := (&pdfReader{pdfium: p, reached: reached, limit: document.NewLimit(s.Max)}).read(s)
	if _, known := config.ReasonOf(err); err == nil || known {
		p.broken = false
		return d, err
	}
	if p.memory.refused {
		return nil, config.Failf(config.TooLarge, "the PDF needs more than %d MiB of memory: split it", p.memory.limit>>20)
	}
	return nil, config.Failf(config.Malformed, "the PDF cannot be read: %s", plain.Quote(err.Error()))
}

func (p *pdfium) usable() bool { return !p.broken && p.memory.size <= recycleAbove }

// close ends PDFium. Its errors tell no more than that it was broken.
func (p *pdfium) close() { _ = p.pool.Close() }
