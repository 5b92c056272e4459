package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime/debug"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// read takes listed documents, and hands on those that are to be embedded, and those that failed.
func (r *run) read(ctx context.Context, jobs <-chan job, extracted, finished chan<- *document) error {
	for j := range jobs {
		d := &document{job: j, row: index.Row{Document: j.id, Source: j.origin.name, Attributes: j.origin.attributes}}
		unchanged, err := r.prepare(ctx, d)
		switch {
		case err != nil:
			return err
		case unchanged:
			r.tally.unchanged(d)
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

// prepare reads the document, and unless it is unchanged makes its chunks, finds out which of them the index
// has vectors of, and takes its weight from the holding budget. The reading budget is given back only then: a document
// is always in one of the two.
func (r *run) prepare(ctx context.Context, d *document) (unchanged bool, err error) {
	weight := min(d.entry.Size, readingBudget)
	if err := r.reading.Acquire(ctx, weight); err != nil {
		return false, err
	}
	defer r.reading.Release(weight)
	if weight > largeDocument {
		defer debug.FreeOSMemory() // or it would be collected after the next one has doubled it
	}

	data, err := r.bytes(ctx, d)
	if err != nil {
		return false, d.fail(err)
	}
	if d.same(r.Config.Limits) {
		return true, nil
	}
	if err := r.extract(ctx, d, data); err != nil {
		return false, d.fail(err)
	}
	known, err := r.Index.Known(ctx, d.id)
	if err != nil {
		return false, fmt.Errorf("the index cannot say what it has of %s: %w", d.id, err)
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
		return false, err
	}
	if err := r.borrow(ctx, d); err != nil {
		return false, err
	}
	d.pending = len(d.missing)
	return false, nil
}

// bytes reads the document and hashes it.
func (r *run) bytes(ctx context.Context, d *document) ([]byte, error) {
	defer r.tally.time(stageRead)()
	data, err := source.Read(ctx, d.origin, d.entry, r.MaxDocument)
	if err != nil {
		return nil, err
	}
	r.tally.read(len(data))
	sum := sha256.Sum256(data)
	d.row.Hash = hex.EncodeToString(sum[:])
	return data, nil
}

// extract makes the document's chunks.
func (r *run) extract(ctx context.Context, d *document, data []byte) error {
	defer r.tally.reading(d.id)()
	stop := r.tally.time(stageExtract)
	text, err := r.Extractor.Extract(ctx, d.entry.Path, data)
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
	if d.chunks, err = r.chunks(d, text); err != nil {
		return err
	}
	if len(d.chunks) == 0 {
		return config.Failf(config.NoTextLayer, "no text was found in it")
	}
	for i := range d.chunks {
		d.weight += int64(len(d.chunks[i].Text)) + chunkWeight + vectorWeight
	}
	return nil
}
