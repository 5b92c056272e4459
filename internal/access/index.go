package access

import (
	"context"
	"fmt"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Searcher is an index in which a caller finds only what they may see, without the access that lets them. It names each
// method of index.Searcher, so that a new one does not pass by it.
type Searcher struct {
	searcher index.Searcher
	mode     config.AccessMode
}

var _ index.Searcher = Searcher{}

// NewSearcher lays the access of documents over a searcher.
func NewSearcher(s index.Searcher, mode config.AccessMode) Searcher { return Searcher{s, mode} }

// laid is the caller's filter with what they may see.
func (s Searcher) laid(ctx context.Context, filter *index.Filter) *index.Filter {
	seen := audience(ctx, s.mode).Filter()
	if filter == nil {
		return seen
	}
	return index.All(seen, filter)
}

// Vector implements index.Searcher.
func (s Searcher) Vector(
	ctx context.Context, query []float32, limit int, filter *index.Filter,
) ([]index.Hit, error) {
	return s.searcher.Vector(ctx, query, limit, s.laid(ctx, filter))
}

// Keyword implements index.Searcher.
func (s Searcher) Keyword(
	ctx context.Context, question string, limit int, filter *index.Filter,
) ([]index.Hit, error) {
	return s.searcher.Keyword(ctx, question, limit, s.laid(ctx, filter))
}

// Types implements index.Searcher.
func (s Searcher) Types(
	ctx context.Context, keys []string, filter *index.Filter,
) (map[string][]config.ScalarType, error) {
	return s.searcher.Types(ctx, keys, s.laid(ctx, filter))
}

// Chunks implements index.Searcher. It leaves out what the caller may not see as if it did not exist.
func (s Searcher) Chunks(ctx context.Context, ids []string) ([]index.Chunk, error) {
	return visibleChunks(ctx, s.searcher, s.mode, ids)
}

func visibleChunks(ctx context.Context, from interface {
	Chunks(ctx context.Context, ids []string) ([]index.Chunk, error)
}, mode config.AccessMode, ids []string) ([]index.Chunk, error) {
	chunks, err := from.Chunks(ctx, ids)
	who := audience(ctx, mode)
	seen := 0
	for i := range chunks {
		if !who.Sees(chunks[i].Metadata) {
			continue
		}
		if seen < i { // a chunk is large to copy, and most callers see all
			chunks[seen] = chunks[i]
		}
		chunks[seen].Metadata = chunks[seen].Metadata.WithoutAccess()
		seen++
	}
	clear(chunks[seen:])
	return chunks[:seen], err
}

// Ledger is what a Reader reads.
type Ledger interface {
	Stats(ctx context.Context) (index.Stats, error)
	Row(ctx context.Context, document string) (*index.Row, error)
	Seen(ctx context.Context, who index.Audience, after string, limit int) ([]index.Row, error)
	Count(ctx context.Context, who index.Audience) (index.Counts, error)
	Known(ctx context.Context, document string) (map[string]bool, error)
	Chunks(ctx context.Context, ids []string) ([]index.Chunk, error)
}

// Reader is the ledger of an index as callers see it.
type Reader struct {
	ledger Ledger
	mode   config.AccessMode
}

// NewReader lays the access of documents over a ledger.
func NewReader(l Ledger, mode config.AccessMode) Reader { return Reader{l, mode} }

// Row returns the row of a document; nil for one that the caller may not see, as for an unknown one.
func (r Reader) Row(ctx context.Context, document string) (*index.Row, error) {
	row, err := r.ledger.Row(ctx, document)
	if err != nil || row == nil || !audience(ctx, r.mode).Sees(row.Metadata) {
		return nil, err
	}
	row.Metadata = row.Metadata.WithoutAccess()
	return row, nil
}

// Documents returns up to limit rows whose document sorts after the given one, by document, of those that the caller
// may see.
func (r Reader) Documents(ctx context.Context, after string, limit int) ([]index.Row, error) {
	who := audience(ctx, r.mode)
	rows, err := r.ledger.Seen(ctx, who, after, limit)
	for i := range rows {
		if !who.Sees(rows[i].Metadata) {
			return nil, fmt.Errorf("the index shows the document %q to a caller who may not see it", rows[i].Document)
		}
		rows[i].Metadata = rows[i].Metadata.WithoutAccess()
	}
	return rows, err
}

// Known returns the ids of the document's chunks, if the caller may see it.
func (r Reader) Known(ctx context.Context, document string) (map[string]bool, error) {
	if row, err := r.Row(ctx, document); err != nil || row == nil {
		return nil, err
	}
	return r.ledger.Known(ctx, document)
}

// Chunks returns the chunks of ids in their order, without those that the caller may not see. It records the rest as
// shown.
func (r Reader) Chunks(ctx context.Context, ids []string) ([]index.Chunk, error) {
	chunks, err := visibleChunks(ctx, r.ledger, r.mode, ids)
	for i := range chunks {
		Show(ctx, chunks[i].Document)
	}
	return chunks, err
}

// Stats returns the state of the index. For a caller who may not see every document, it counts those that they may see,
// and has neither losses, of which the run counted those of all documents, nor memory.
func (r Reader) Stats(ctx context.Context) (index.Stats, error) {
	stats, err := r.ledger.Stats(ctx)
	if err != nil {
		return index.Stats{}, err
	}
	counts, err := r.ledger.Count(ctx, audience(ctx, r.mode))
	if err != nil {
		return index.Stats{}, err
	}
	if !counts.Hidden {
		return stats, nil
	}
	return index.Stats{Documents: counts.Documents, Chunks: counts.Chunks, FailedDocuments: counts.FailedDocuments,
		Dimensions: stats.Dimensions, Completed: stats.Completed}, nil
}
