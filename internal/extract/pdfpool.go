package extract

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// idleAfter is how long a worker waits for another document. Starting one takes about 0.2 s.
const idleAfter = time.Minute

// pdfWorker reads one PDF at a time.
type pdfWorker interface {
	// read calls reached with the number of each page that it comes to. Its errors are the document's own.
	read(s source, reached func(page int)) (*Document, error)
	// interrupt ends what the worker does, and the worker with that. It may be called at any time.
	interrupt()
	// usable reports whether the worker may read another document.
	usable() bool
	close()
}

// pdfPool keeps workers between documents. Nothing is started before the first document.
type pdfPool struct {
	start func() (pdfWorker, error)
	slots chan struct{} // one token for each worker in use
	done  chan struct{} // closed by close

	mu     sync.Mutex
	idle   []*idleWorker // the last used comes last, and is used next
	closed bool
}

type idleWorker struct {
	pdfWorker
	expiry *time.Timer
}

func newPDFPool(workers int, start func() (pdfWorker, error)) *pdfPool {
	return &pdfPool{start: start, slots: make(chan struct{}, workers), done: make(chan struct{})}
}

// acquire waits for a worker, until ctx ends.
func (p *pdfPool) acquire(ctx context.Context) (pdfWorker, error) {
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
		w   pdfWorker
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

// takeIdle is an idle worker that is still well, nil when there is none.
func (p *pdfPool) takeIdle() pdfWorker {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		w := p.idle[last]
		p.idle = p.idle[:last]
		w.expiry.Stop()
		if w.usable() {
			return w.pdfWorker
		}
		w.close()
	}
	return nil
}

// release gives a worker back. One that must not be used again is thrown away.
func (p *pdfPool) release(w pdfWorker) {
	defer func() { <-p.slots }()
	if !w.usable() {
		w.close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		w.close()
		return
	}
	waiting := &idleWorker{pdfWorker: w}
	waiting.expiry = time.AfterFunc(idleAfter, func() { p.expire(waiting) })
	p.idle = append(p.idle, waiting)
}

// expire closes a worker that nobody took.
func (p *pdfPool) expire(w *idleWorker) {
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
func (p *pdfPool) close() {
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
}
