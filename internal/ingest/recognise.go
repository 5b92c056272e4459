package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// ErrDrifted means that the embedding model is not the one that the generation was built with, although it has the same
// name. Nothing was written.
var ErrDrifted = errors.New("the embedding model no longer gives the vectors that this index was built with: " +
	"the server has put another model, or another version of it, behind the same name")

// recognition remembers when the model was last recognised.
type recognition struct {
	mu   sync.Mutex
	last time.Time
}

// recogniseEvery is how long a run embeds before it looks again whether the model is the same.
const recogniseEvery = time.Minute

// firstLook is how long the model has for the fixed text at the start of a run: its user is told soon if it fails.
const firstLook = 4 * time.Second

// recogniseFirst looks before anything is read or written. A model that refuses for good ends the first run of a
// generation before its documents are read. One that does not answer stops nothing yet: documents may be removed
// without it, and the first text that is to be embedded waits for it.
func (r *run) recogniseFirst(ctx context.Context) error {
	if r.Anchor == nil {
		return nil
	}
	brief, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	now, err := r.Anchor(brief)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && model.FailureOf(err).Meaning().Conclusive:
		before, unknown := r.completeBefore(ctx)
		if !before {
			r.refusal = err
		}
		return unknown
	case err != nil:
		return nil // a later look tells
	}
	return r.recognise(ctx, now)
}

// recogniseAgain looks before texts are embedded, if that is due. A model that refuses the fixed text is judged by the
// documents' own.
func (r *run) recogniseAgain(ctx context.Context) error {
	r.recognition.mu.Lock()
	defer r.recognition.mu.Unlock()
	if r.Anchor == nil || time.Since(r.recognition.last) < recogniseEvery {
		return nil
	}
	now, err := r.Embedder.Passages(ctx, []string{model.Anchor})
	switch {
	case err == nil && len(now) == 1 && !now[0].Truncated:
		return r.recognise(ctx, now[0].Vector)
	case err == nil || refused(err) || unusable(err):
		return nil
	}
	return err
}

// recognise compares the vector of the fixed text with the generation's, or makes it that. The index itself refuses
// vectors of another length.
func (r *run) recognise(ctx context.Context, now []float32) error {
	stats, err := r.Index.Stats(ctx)
	if err != nil {
		return fmt.Errorf("the index cannot say what its embedding model was: %w", err)
	}
	m := stats.Measured
	if len(m.Anchor) == 0 || stats.Chunks == 0 {
		m.Anchor = vector.Encode(now)
		if err := r.Index.Measure(ctx, m); err != nil {
			return fmt.Errorf("the index did not take the vector of the fixed text: %w", err)
		}
	}
	then, err := vector.Decode(m.Anchor)
	if err != nil {
		return fmt.Errorf("the index has no valid vector of the fixed text: %w", err)
	}
	if len(then) == len(now) && !model.SameSpace(then, now) {
		r.Log.Error("Embedding model drifted", "model", r.Config.Embedding.Name, "cosine", vector.Cosine(then, now))
		return ErrDrifted
	}
	r.recognition.last = time.Now()
	return nil
}

// enoughToMeasure is how many chunks a run must embed to give a rate that a plan can use.
const enoughToMeasure = 50

// measure records the rate of embedding, if the run embedded enough, and the sample of the texts, if it read most of
// them.
func (r *run) measure(ctx context.Context, report *Report) error {
	stats, err := r.Index.Stats(ctx)
	if err != nil {
		return fmt.Errorf("the index could not be counted: %w", err)
	}
	m, read := stats.Measured, report.Embedded+report.Reused
	enough, most := report.Embedded >= enoughToMeasure, len(m.ChunkCounts) == 0 && read > 0 || 2*read > stats.Chunks
	if !enough && !most {
		return nil
	}
	if enough {
		m.ChunksPerSecond = report.ChunksPerSecond
	}
	if most {
		m.ChunkCounts = report.ChunkCounts
	}
	if err := r.Index.Measure(ctx, m); err != nil {
		return fmt.Errorf("the index could not record what was measured: %w", err)
	}
	return nil
}
