package ingest

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

const (
	// smallDocument is a document, in bytes, after which the next one is read before this one is extracted: an
	// extractor in another process takes longer to wake up than to extract it.
	smallDocument = 16 << 10
	// maxTogether is how many documents are extracted together.
	maxTogether = 16
)

// read takes listed documents, and hands on those that are to be embedded, and those that failed.
func (r *run) read(ctx context.Context, jobs <-chan job, extracted, finished chan<- *document) error {
	for j := range jobs {
		if err := r.readTogether(ctx, together(j, jobs), extracted, finished); err != nil {
			return err
		}
	}
	return nil
}

// together returns the first document and, while they are small, those that are listed already.
func together(first job, jobs <-chan job) []job {
	batch := []job{first}
	for size := first.entry.Size; size != source.UnknownSize && size <= smallDocument && len(batch) < maxTogether; {
		select {
		case next, more := <-jobs:
			if !more {
				return batch
			}
			batch, size = append(batch, next), next.entry.Size
		default:
			return batch
		}
	}
	return batch
}

// readTogether reads the documents, and only then extracts them. It gives the reading budget back when their chunks
// are in the holding budget: a document is always in one of the two.
func (r *run) readTogether(ctx context.Context, jobs []job, extracted, finished chan<- *document) error {
	weight := weightOf(jobs)
	if err := r.reading.Acquire(ctx, weight); err != nil {
		return err
	}
	defer r.reading.Release(weight)
	if weight > largeDocument {
		debug.FreeOSMemory()       // of what other documents left, which may be as much
		defer debug.FreeOSMemory() // or it would be collected after the next one has doubled it
	}
	var opened []*document
	for _, j := range jobs {
		d := &document{job: j, row: index.Row{Document: j.id, Source: j.origin.name, Version: j.entry.Version,
			Attributes: j.origin.attributes}, access: j.access()}
		if d.parked(r.RetryFailed) {
			r.tally.skipped(d)
			continue
		}
		unchanged, err := r.open(ctx, d)
		if err != nil {
			return err
		}
		if d.content != nil {
			opened = append(opened, d)
			continue
		}
		if err := r.handOn(ctx, d, unchanged, extracted, finished); err != nil {
			return err
		}
	}
	return r.extractAll(ctx, opened, extracted, finished)
}

// weightOf is what the documents take of the reading budget.
func weightOf(jobs []job) (weight int64) {
	for _, j := range jobs {
		switch {
		case j.lent != nil:
		case j.entry.Size == source.UnknownSize:
			weight += unknownWeight
		default:
			weight += min(j.entry.Size, readingBudget)
		}
	}
	return min(weight, readingBudget)
}

// handOn hands on a document that the ledger does not have as it is.
func (r *run) handOn(ctx context.Context, d *document, unchanged bool, extracted, finished chan<- *document) error {
	switch {
	case unchanged && (d.renamed() || d.failedAgain()):
		d.unchanged = true
		finished <- d
	case unchanged:
		r.tally.unchanged(d)
	case d.failure != nil && r.vanished(d):
	case d.failure != nil:
		finished <- d
	default:
		if err := r.reserve(ctx, d); err != nil {
			return err
		}
		select {
		case extracted <- d:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// open reports whether the ledger has the document as it is. If not, the document gets its content, or the chunks that
// another generation has of it, or its failure.
func (r *run) open(ctx context.Context, d *document) (unchanged bool, err error) {
	if d.lent != nil {
		return r.takeTexts(ctx, d)
	}
	if d.retried = r.RetryFailed; d.recognised(r.Config.Limits) {
		return true, nil
	}
	content, err := r.content(ctx, d)
	switch {
	case errors.Is(err, source.ErrUnchanged):
		d.origin.outage.answered()
		d.row.Hash, d.row.Version = d.previous.Hash, d.previous.Version
		return true, nil
	case err != nil:
		return false, d.fail(err)
	}
	if d.same(r.Config.Limits) {
		return true, nil
	}
	d.content = &content
	return false, nil
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
	if err := d.origin.outage.givenUp(r.Outage); err != nil {
		return source.Content{}, err
	}
	defer r.tally.time(stageRead)()
	content, err := source.Read(ctx, d.origin, d.entry, d.origin.maxDocument)
	if err == nil {
		d.origin.outage.answered()
		r.tally.read(len(content.Data))
		d.row.Hash, d.row.Version = content.Hash(), content.Version
	}
	return content, d.admit(content, err)
}

// extractAll makes the chunks of the documents, and hands them on one by one, so that no more than one is outside of
// both budgets.
func (r *run) extractAll(ctx context.Context, opened []*document, extracted, finished chan<- *document) error {
	inputs := make([]extract.Input, len(opened))
	for i, d := range opened {
		inputs[i] = extract.Input{Name: d.entry.Path + d.content.Extension, Data: d.content.Data}
		d.content.Data = nil // the extractor lets it go as soon as it can
	}
	done := func() {}
	if len(opened) > 0 {
		done = r.tally.extracting(opened[0].id)
	}
	for text, err := range r.Extractor.ExtractAll(ctx, inputs) {
		done()
		d := opened[0]
		opened = opened[1:]
		if err := d.fail(r.split(ctx, d, text, err)); err != nil {
			return err
		}
		if err := r.handOn(ctx, d, false, extracted, finished); err != nil {
			return err
		}
		if len(opened) > 0 {
			done = r.tally.extracting(opened[0].id)
		}
	}
	return nil
}

// split makes the document's chunks of its text, or its failure of the extractor's.
func (r *run) split(ctx context.Context, d *document, text *extract.Document, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("extracting %s: %w", d.id, err)
	}
	defer r.tally.time(stageSplit)()
	content := d.content
	d.content = nil
	d.row.Title = title(text, d.entry.Path)
	d.row.Readers = text.Readers
	d.row.Warnings = text.Warnings
	d.row.Metadata = r.metadata(d, *content, text.Metadata)
	if d.chunks, err = r.chunks(ctx, d, text); err != nil {
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
