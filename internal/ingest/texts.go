package ingest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// Texts is a complete generation whose texts a run takes instead of reading the sources: that of another embedding
// model, with the same chunking and the same readers. Nothing is listed, read or split; the next run brings what has
// changed at the sources.
type Texts interface {
	Documents(ctx context.Context, after string, limit int) ([]index.Row, error)
	Known(ctx context.Context, document string) (map[string]bool, error)
	Chunks(ctx context.Context, ids []string) ([]index.Chunk, error)
}

// textsAtOnce is how many chunks are read in one call.
const textsAtOnce = 1000

// countTexts counts the documents that texts are taken of.
func (r *run) countTexts(ctx context.Context) error {
	total, all := 0, 0
	rows := &ledger{index: r.Texts}
	_, err := rows.seek(ctx, pastAll, func(row index.Row) {
		all++
		if r.share.Has(row.Document) {
			total++
		}
	})
	r.tally.expect(total)
	if r.Team != nil {
		r.tally.share(all)
	}
	return err
}

// listTexts walks the two ledgers side by side, as list does with the sources.
func (r *run) listTexts(ctx context.Context, jobs chan<- job) error {
	origins := map[string]*origin{}
	for _, o := range r.origins {
		origins[o.name] = o
	}
	lent, own := &ledger{index: r.Texts}, &ledger{index: r.Index}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	_, err := lent.seek(ctx, pastAll, func(row index.Row) {
		o := origins[row.Source]
		if o == nil || !r.share.Has(row.Document) || ctx.Err() != nil {
			return // its source is no longer in the spec
		}
		previous, err := own.seek(ctx, row.Document, func(index.Row) {})
		if err != nil {
			stop(err)
			return
		}
		entry := source.Entry{Path: strings.TrimPrefix(row.Document, o.document(""))}
		select {
		case jobs <- job{id: row.Document, origin: o, entry: entry, previous: previous, lent: &row}:
		case <-ctx.Done():
		}
	})
	return cmp.Or(context.Cause(ctx), err)
}

// takeTexts makes the document what the other generation has of it, and reports whether the index has that already.
// The next run reads what the other model refused.
func (r *run) takeTexts(ctx context.Context, d *document) (unchanged bool, err error) {
	lent := d.lent
	if p := d.previous; p != nil && p.Hash == lent.Hash && p.State == lent.State && p.Attributes == lent.Attributes {
		d.row.Hash = p.Hash
		return true, nil
	}
	d.row.Hash, d.row.Version, d.row.Attributes = lent.Hash, lent.Version, lent.Attributes
	d.row.Readers, d.row.Title, d.row.Warnings = lent.Readers, lent.Title, lent.Warnings
	d.access = lent.Metadata.Access().Narrow(d.origin.access)
	d.row.Metadata = lent.Metadata.WithAccess(d.access)
	if lent.State == index.Failed {
		if lent.Reason == config.EmbeddingRefused {
			d.row.Hash, d.row.Version = "", ""
		}
		return false, d.fail(config.Failf(lent.Reason, "%s", lent.Message))
	}
	known, err := r.Texts.Known(ctx, d.id)
	if err != nil {
		return false, fmt.Errorf("the live index cannot say what it has of %s: %w", d.id, err)
	}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(known)), textsAtOnce) {
		chunks, err := r.Texts.Chunks(ctx, ids)
		if err != nil {
			return false, fmt.Errorf("the live index cannot read the texts of %s: %w", d.id, err)
		}
		for _, c := range chunks {
			c.Metadata = c.Metadata.WithAccess(d.access)
			d.chunks = append(d.chunks, index.Vectored{Chunk: c})
			d.weight += int64(len(c.Text)) + chunkWeight + vectorWeight
		}
	}
	if len(d.chunks) != lent.Chunks {
		return false, fmt.Errorf("the live index has %d chunks of %s, and its ledger says %d; sync it first, by the "+
			"annotation ragpipeline.io/sync under the spec before", len(d.chunks), d.id, lent.Chunks)
	}
	slices.SortFunc(d.chunks, func(a, b index.Vectored) int {
		return cmp.Or(cmp.Compare(a.Page, b.Page), cmp.Compare(a.Start, b.Start), cmp.Compare(a.ID, b.ID))
	})
	return false, nil
}
