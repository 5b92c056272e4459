package worker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/extract"
)

// Options say how documents are read; Command alone is required.
type Options struct {
	// Command is the command line that starts a process which calls Limit and Serve.
	Command []string
	// Workers is how many documents are read at once: by default one a core, up to 4, and no more than the container
	// has memory for.
	Workers int
	// Container is how many bytes this process and its workers may take together; 0 sets no limit.
	Container int64
	// Memory is how many bytes a process may take, by default DefaultMemory. The process limits itself to as much.
	Memory int64
	// Time is how long a document may take.
	Time Time
}

// DefaultMemory is the memory of a process, in bytes.
const DefaultMemory = 512 << 20

// Time bounds how long a document may take: Base, and Each for each page that a PDF's reader came to and for each MiB
// of the document, but at most Longest. Pages count when they are reached, since a small file can declare any number.
type Time struct {
	Base    time.Duration // is 30 s by default
	Each    time.Duration // is 1 s by default
	Longest time.Duration // is 5 min by default
}

// ownMemory is what this process may take beside its workers, in bytes.
const ownMemory = 384 << 20

// roomFor returns how many processes of so much memory fit into a container, at least one.
func roomFor(container, memory int64) int {
	return int(max(1, (container-ownMemory)/memory))
}

// idleAfter is how long a process waits for another document. Starting one takes about 0.1 s.
const idleAfter = time.Minute

// Pool reads documents in processes that it starts. It may be used by several goroutines at once.
type Pool struct {
	options Options
	slots   chan struct{} // one token for each process in use
	done    chan struct{} // closed by Close

	mu     sync.Mutex
	idle   []*idle // the last used comes last, and is used next
	closed bool
}

type idle struct {
	*process
	expiry *time.Timer
}

// New makes a Pool. It starts nothing before the first document.
func New(o Options) *Pool {
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	if o.Container <= 0 {
		o.Container = math.MaxInt64
	}
	if o.Workers <= 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), 4, roomFor(o.Container, o.Memory))
	}
	if o.Time == (Time{}) {
		o.Time = Time{Base: 30 * time.Second, Each: time.Second, Longest: 5 * time.Minute}
	}
	return &Pool{options: o, slots: make(chan struct{}, o.Workers), done: make(chan struct{})}
}

// Extract reads data as extract.Extractor does. A document that kills its process, takes too much memory or too long
// fails alone, with a reason. Other errors are ctx's, and those of processes that cannot be started.
func (p *Pool) Extract(ctx context.Context, name string, data []byte) (d *extract.Document, err error) {
	for d, err = range p.ExtractAll(ctx, []extract.Input{{Name: name, Data: data}}) { //nolint:revive // there is one
	}
	return d, err
}

// Draw draws a page of a PDF, which counts from 1, as extract.Extractor does. It fails as Extract does.
func (p *Pool) Draw(ctx context.Context, pdf []byte, page int) (*extract.Drawing, error) {
	var answer *extract.Document
	var err error
	//nolint:revive // there is one
	for answer, err = range p.ExtractAll(ctx, []extract.Input{{Name: "page.pdf", Data: pdf, Draw: page}}) {
	}
	if err != nil {
		return nil, err
	}
	if len(answer.Pages) != 1 || len(answer.Pages[0].Lines) != 1 || len(answer.Pages[0].Lines[0].Boxes) != 1 {
		return nil, errGarbage
	}
	drawn := &answer.Pages[0]
	return &extract.Drawing{PNG: []byte(drawn.Text), Box: drawn.Lines[0].Boxes[0]}, nil
}

// acquire waits for a process, until ctx ends.
func (p *Pool) acquire(ctx context.Context) (*process, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-p.done:
		return nil, errors.New("the extractor is closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	case p.slots <- struct{}{}:
	}
	w := p.takeIdle()
	if w == nil {
		var err error
		if w, err = start(ctx, p.options.Command); err != nil {
			<-p.slots
			return nil, fmt.Errorf("start a process that reads documents: %w", err)
		}
	}
	return w, nil
}

// takeIdle returns an idle process that is still usable, or nil if every process is busy or spent.
func (p *Pool) takeIdle() *process {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 {
		last := len(p.idle) - 1
		w := p.idle[last]
		p.idle = p.idle[:last]
		w.expiry.Stop()
		if w.usable() {
			return w.process
		}
		w.close()
	}
	return nil
}

// release gives a process back. One that must not be used again is ended.
func (p *Pool) release(w *process) {
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
	waiting := &idle{process: w}
	waiting.expiry = time.AfterFunc(idleAfter, func() { p.expire(waiting) })
	p.idle = append(p.idle, waiting)
}

// expire ends a process that nobody took.
func (p *Pool) expire(w *idle) {
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

// Close waits for the processes in use and ends all. Nothing can be read afterwards.
func (p *Pool) Close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	close(p.done)
	waiting := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, w := range waiting {
		w.expiry.Stop()
		w.close()
	}
	for range cap(p.slots) {
		p.slots <- struct{}{} // nobody uses a process now, nor ever will
	}
}
