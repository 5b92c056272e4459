package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

const (
	// batchSize is how many texts go into a request.
	batchSize = 32
	// linger is how long an unfilled request waits for the next document. Without an end to waiting, documents
	// in it could hold the budget that the next one needs.
	linger = 100 * time.Millisecond
)

// part is a chunk that waits for its vector.
type part struct {
	document *document
	chunk    int
}

// embed fills requests with the missing chunks of the documents in their order, and hands on each document when
// all of its chunks have vectors.
func (r *run) embed(ctx context.Context, extracted <-chan *document, finished chan<- *document) error {
	e := &embedding{run: r, finished: finished}
	e.requests, ctx = errgroup.WithContext(ctx)
	e.requests.SetLimit(r.Requests)
	err := e.collect(ctx, extracted)
	if failed := e.requests.Wait(); failed != nil {
		return failed
	}
	return err
}

// embedding is the stage's state. Only batch belongs to the one goroutine that collects.
type embedding struct {
	*run
	finished chan<- *document
	requests *errgroup.Group
	batch    []part
	// accepted says that the model has taken a text in this run.
	accepted atomic.Bool
}

func (e *embedding) collect(ctx context.Context, extracted <-chan *document) error {
	wait := time.NewTimer(linger)
	defer wait.Stop()
	for {
		select {
		case d, more := <-extracted:
			if !more {
				e.flush(ctx)
				return nil
			}
			e.add(ctx, d)
			wait.Reset(linger)
		case <-wait.C:
			e.flush(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (e *embedding) add(ctx context.Context, d *document) {
	if len(d.missing) == 0 {
		e.finished <- d
		return
	}
	for i, chunk := range d.missing {
		if ctx.Err() != nil {
			return
		}
		if d.failed() {
			e.settle(d, len(d.missing)-i)
			return
		}
		if e.batch = append(e.batch, part{d, chunk}); len(e.batch) == batchSize {
			e.flush(ctx)
		}
	}
}

// flush sends the batch when a request may be made.
func (e *embedding) flush(ctx context.Context) {
	if len(e.batch) == 0 {
		return
	}
	batch := e.batch
	e.batch = nil
	e.requests.Go(func() error { return e.send(ctx, batch) })
}

// send gives the parts their vectors. When the model refuses the batch, or does not reply to it as it should, the
// halves are tried, until there is one text left: then that text's document fails.
func (e *embedding) send(ctx context.Context, batch []part) error {
	vectors, err := e.passages(ctx, batch)
	switch {
	case err == nil:
		if err := e.keep(ctx, batch, vectors); err != nil {
			return err
		}
	case !refused(err) && !unusable(err):
		return err
	case len(batch) > 1:
		half := len(batch) / 2
		if err := e.send(ctx, batch[:half]); err != nil {
			return err
		}
		return e.send(ctx, batch[half:])
	default:
		if err := e.refuse(ctx, batch[0].document, err); err != nil {
			return err
		}
	}
	for _, p := range batch {
		e.settle(p.document, 1)
	}
	return nil
}

// keep gives the parts their vectors, in memory or, for those of a large document, in the index.
func (e *embedding) keep(ctx context.Context, batch []part, vectors []model.Embedded) error {
	for len(batch) > 0 {
		d, n := batch[0].document, 1
		for n < len(batch) && batch[n].document == d {
			n++
		}
		d.count(vectors[:n])
		if d.staged {
			if err := e.stage(ctx, d, batch[:n], vectors); err != nil {
				return err
			}
		} else {
			for i, p := range batch[:n] {
				d.chunks[p.chunk].Vector = vectors[i].Vector
			}
		}
		batch, vectors = batch[n:], vectors[n:]
	}
	return nil
}

func (e *embedding) passages(ctx context.Context, batch []part) ([]model.Embedded, error) {
	defer e.tally.time(stageEmbed)()
	if err := e.recogniseAgain(ctx); err != nil {
		return nil, err
	}
	texts := make([]string, len(batch))
	for i, p := range batch {
		texts[i] = p.document.chunks[p.chunk].Embedded()
	}
	vectors, err := e.Embedder.Passages(ctx, texts)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case len(vectors) != len(texts):
		return nil, fmt.Errorf("the embedding model gave %d vectors for %d texts", len(vectors), len(texts))
	}
	e.accepted.Store(true)
	return vectors, nil
}

// refused reports whether the model will not have these texts, as opposed to being unable to answer.
func refused(err error) bool {
	m, ok := errors.AsType[*model.Error](err)
	return ok && (m.Failure == config.InputTooLong || m.Failure == config.ModelRejected)
}

// unusable reports whether the model replied to these texts with an error of its own or with vectors without meaning.
func unusable(err error) bool { return model.FailureOf(err) == config.ModelBroken }

// refuse fails the document whose text the model refuses. A model that has not taken any text yet, or whose reply is
// unusable, is asked for an innocent one first: if that fails as well, the text is not the reason, and the run ends.
func (e *embedding) refuse(ctx context.Context, d *document, refusal error) error {
	if !e.accepted.Load() || unusable(refusal) {
		switch _, err := e.Embedder.Passages(ctx, []string{"text"}); {
		case err == nil:
			e.accepted.Store(true)
		case refused(err):
			return fmt.Errorf("the embedding model takes no text at all: %w", err)
		default:
			return err
		}
	}
	return d.fail(config.Failf(config.EmbeddingRefused, "%w", refusal))
}

// settle hands the document on when all of its missing chunks are done with.
func (e *embedding) settle(d *document, n int) {
	if d.settle(n) {
		e.finished <- d
	}
}
