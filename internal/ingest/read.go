package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// read takes listed documents, and hands on those that are to be embedded, and those that failed.
func (r *run) read(ctx context.Context, jobs <-chan job, extracted, finished chan<- *document) error {
	for j := range jobs {
		d := &document{job: j, row: index.Row{Document: j.id, Source: j.origin.name, Version: j.entry.Version,
			Attributes: j.origin.attributes}}
		if d.parked(r.RetryFailed) {
			r.tally.skipped(d)
			continue
		}
		unchanged, err := r.prepare(ctx, d)
		switch {
		case err != nil:
			return err
		case unchanged && (d.renamed() || d.failedAgain()):
			d.unchanged = true
			finished <- d
		case unchanged:
			r.tally.unchanged(d)
		case d.failure != nil && r.vanished(d):
		case d.failure != nil:
			finished <- d
		default:
			select {
			case extracted <- d:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// vanished takes note of what the failure tells of the source, and reports whether the document is gone from it.
func (r *run) vanished(d *document) bool {
	if errors.Is(d.failure, source.ErrUnavailable) {
		d.origin.unavailable.CompareAndSwap(nil, &d.failure)
		return false
	}
	d.origin.reached.Store(true)
	if !errors.Is(d.failure, source.ErrGone) || !d.indexedBefore() {
		return false
	}
	r.vanish(*d.previous)
	return true
}

// prepare reads the document, unless its version is known, and unless it is unchanged makes its chunks, finds out
// which of them the index has vectors of, and takes its weight from the holding budget. The reading budget is given
// back only then: a document is always in one of the two.
func (r *run) prepare(ctx context.Context, d *document) (unchanged bool, err error) {
	if d.lent != nil {
		if unchanged, err := r.takeTexts(ctx, d); err != nil || unchanged || d.failed() {
			return unchanged, err
		}
		return false, r.reserve(ctx, d)
	}
	if d.retried = r.RetryFailed; d.recognised(r.Config.Limits) {
		return true, nil
	}
	weight := min(d.entry.Size, readingBudget)
	if d.entry.Size == source.UnknownSize {
		weight = unknownWeight
	}
	if err := r.reading.Acquire(ctx, weight); err != nil {
		return false, err
	}
	defer r.reading.Release(weight)
	if weight > largeDocument {
		defer debug.FreeOSMemory() // or it would be collected after the next one has doubled it
	}

	content, err := r.content(ctx, d)
	switch {
	case errors.Is(err, source.ErrUnchanged):
		d.origin.reached.Store(true)
		d.row.Hash, d.row.Version = d.previous.Hash, d.previous.Version
		return true, nil
	case err != nil:
		return false, d.fail(err)
	}
	if d.same(r.Config.Limits) {
		return true, nil
	}
	if err := r.extract(ctx, d, content); err != nil {
		return false, d.fail(err)
	}
	return false, r.reserve(ctx, d)
}

// reserve finds out which chunks the index lacks vectors of, takes the document's weight from the holding budget, and
// borrows vectors.
func (r *run) reserve(ctx context.Context, d *document) error {
	known, err := r.Index.Known(ctx, d.id)
	if err != nil {
		return fmt.Errorf("the index cannot say what it has of %s: %w", d.id, err)
	}
	for i := range d.chunks {
		if !known[d.chunks[i].ID] {
			d.missing = append(d.missing, i)
		}
	}
	if d.staged = d.weight > stagingWeight; d.staged {
		d.weight -= int64(len(d.chunks)) * vectorWeight
	}
	d.weight = min(d.weight, holdingBudget)
	if err := r.holding.Acquire(ctx, d.weight); err != nil {
		return err
	}
	if err := r.borrow(ctx, d); err != nil {
		return err
	}
	d.pending = len(d.missing)
	return nil
}

// content reads the document and hashes it.
func (r *run) content(ctx context.Context, d *document) (source.Content, error) {
	defer r.tally.time(stageRead)()
	content, err := source.Read(ctx, d.origin, d.entry, d.origin.maxDocument)
	if err != nil {
		return content, err
	}
	d.origin.reached.Store(true)
	r.tally.read(len(content.Data))
	d.row.Hash, d.row.Version = hashOf(content), content.Version
	return content, nil
}

// hashOf is the SHA-256 of the document's bytes, and of what its source has beside them.
func hashOf(c source.Content) string {
	h := sha256.New()
	h.Write(c.Data)
	if len(c.Metadata) > 0 || c.Sidecar != nil {
		h.Write([]byte(config.Hash([]any{c.Metadata, c.Sidecar})))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// extract makes the document's chunks.
func (r *run) extract(ctx context.Context, d *document, content source.Content) error {
	defer r.tally.reading(d.id)()
	stop := r.tally.time(stageExtract)
	text, err := r.Extractor.Extract(ctx, d.entry.Path+content.Extension, content.Data)
	stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("extracting %s: %w", d.id, err)
	}
	defer r.tally.time(stageSplit)()
	d.row.Title = title(text, d.entry.Path)
	d.row.Readers = text.Readers
	d.row.Warnings = text.Warnings
	if d.row.Metadata, err = r.metadata(d, content, text.Metadata); err != nil {
		return err
	}
	if d.chunks, err = r.chunks(d, text); err != nil {
		return err
	}
	r.sample(d, text)
	if len(d.chunks) == 0 {
		return config.Failf(config.NoTextLayer, "no text was found in it")
	}
	for i := range d.chunks {
		d.weight += int64(len(d.chunks[i].Text)) + chunkWeight + vectorWeight
	}
	return nil
}
