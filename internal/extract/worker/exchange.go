package worker

import (
	"context"
	"iter"
	"runtime/debug"

	"github.com/ragpipeline/ragpipeline/internal/extract"
)

const (
	// small is a document, in bytes, that goes to a process together with others: to wake the process, and to be woken
	// by it, takes longer than to read such a document.
	small = 16 << 10
	// maxTogether is how many documents go to a process at once.
	maxTogether = 16
	// large is a document, in bytes, whose memory is given back before that of others is taken.
	large = 16 << 20
)

// ExtractAll reads the documents in their order, each as Extract does. It takes the bytes of a large one out of
// documents as soon as its process has them. While the caller looks at a document, no time of the next one passes.
func (p *Pool) ExtractAll(ctx context.Context, documents []extract.Input) iter.Seq2[*extract.Document, error] {
	return func(yield func(*extract.Document, error) bool) {
		for more := true; more && len(documents) > 0; {
			answered := 1
			if err := extract.CheckSize(len(documents[0].Data)); err != nil {
				more = yield(nil, err)
			} else {
				answered, more = p.exchange(ctx, documents[:together(documents)], yield)
			}
			documents = documents[answered:]
		}
	}
}

// together is how many of the documents go to a process at once.
func together(documents []extract.Input) int {
	n := 0
	for n < min(len(documents), maxTogether) && len(documents[n].Data) > 0 && len(documents[n].Data) <= small {
		n++
	}
	return max(n, 1)
}

// exchange gives the documents to one process and yields its answers. It returns how many there were, fewer than the
// documents if the process must not be used any more, and whether the caller wants others. A process reads one document
// after the other and answers at once, so it is the first without an answer that ended the process.
func (p *Pool) exchange(
	ctx context.Context, documents []extract.Input, yield func(*extract.Document, error) bool,
) (answered int, more bool) {
	w, err := p.acquire(ctx)
	if err != nil {
		return 1, yield(nil, err)
	}
	defer p.release(w)
	stop := context.AfterFunc(ctx, w.kill)
	defer func() {
		if !stop() || answered < len(documents) {
			w.kill() // or it would be killed in its next document, or answer another
		}
	}()
	sizes := make([]int, len(documents))
	for i, d := range documents {
		sizes[i] = len(d.Data)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		w.sendAll(documents)
	}()
	defer func() { <-sent }()
	for i, size := range sizes {
		d, err := p.answer(ctx, w, size, sent)
		if more = yield(d, err); !more || w.spent.Load() {
			return i + 1, more
		}
	}
	return len(documents), true
}

// sendAll sends the documents. If the process is gone, its answers end, which tells more than an error here.
func (p *process) sendAll(documents []extract.Input) {
	if len(documents) == 1 && len(documents[0].Data) > large {
		_ = p.send(documents...)
		documents[0].Data = nil
		debug.FreeOSMemory() // before the text comes, which may be as large
		return
	}
	_ = p.send(documents...)
}

// answer takes the process's answer for a document of so many bytes. That of a large one waits until those are given
// back: the process has taken all of them before it answers.
func (p *Pool) answer(ctx context.Context, w *process, size int, sent <-chan struct{}) (*extract.Document, error) {
	watch := watchOver(w, p.options, size)
	if size > large {
		<-sent
	}
	d, err := w.read(watch)
	verdict := watch.end()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil:
		return d, nil
	case verdict != nil:
		return nil, verdict
	}
	return nil, w.failure(err, p.options.Memory)
}
