package weaviate

import (
	"context"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// isRow tells the rows that are shown from the ledger's other objects.
var isRow = anyOf(propState, string(index.Indexed), string(index.Failed))

// Documents returns up to limit rows whose document sorts after the given one, in the order of their bytes.
func (s *Store) Documents(ctx context.Context, last string, limit int) ([]index.Row, error) {
	filter := isRow
	if last != "" {
		filter = and(isRow, after(propOrder, order(last)))
	}
	return s.rows(ctx, filter, limit)
}

// Failures returns up to limit failed rows, by document.
func (s *Store) Failures(ctx context.Context, limit int) ([]index.Row, error) {
	return s.rows(ctx, equal(propState, string(index.Failed)), limit)
}

func (s *Store) rows(ctx context.Context, filter *pb.Filters, limit int) ([]index.Row, error) {
	found, err := s.searchRows(ctx, filter, limit)
	if err != nil {
		return nil, s.fail(ctx, "read the ledger", err)
	}
	rows := make([]index.Row, len(found))
	for i, row := range found {
		rows[i] = row.Row
	}
	return rows, nil
}

// searchRows reads the first rows that the filter lets through, by document.
func (s *Store) searchRows(ctx context.Context, filter *pb.Filters, limit int) ([]storedRow, error) {
	if err := ctx.Err(); err != nil || limit <= 0 {
		return nil, err
	}
	results, err := s.search(ctx, &pb.SearchRequest{
		Collection: s.names.ledger, Limit: uint32(min(limit, maxResults)), Filters: filter,
		SortBy:     []*pb.SortBy{{Ascending: true, Path: []string{propOrder}}},
		Properties: &pb.PropertiesRequest{NonRefProperties: rowProperties},
	})
	if err != nil {
		return nil, err
	}
	rows := make([]storedRow, len(results))
	for i, r := range results {
		if rows[i], err = rowOf(r); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// readRow reads the document's row, shown or not.
func (s *Store) readRow(ctx context.Context, document string) (storedRow, bool, error) {
	rows, err := s.searchRows(ctx, equal(propID, rowID(document)), 1)
	if err != nil || len(rows) == 0 {
		return storedRow{}, false, err
	}
	return rows[0], true, nil
}

func (s *Store) writeRow(ctx context.Context, row *storedRow) error {
	o, err := s.rowObject(row)
	if err != nil {
		return err
	}
	return s.write(ctx, o)
}

// Known returns the ids of the document's chunks; all have vectors.
func (s *Store) Known(ctx context.Context, document string) (map[string]bool, error) {
	known, err := s.known(ctx, document)
	return known, s.fail(ctx, "read what is known", err)
}

// known pages by id, because Weaviate gives no more than maxResults, pages included.
func (s *Store) known(ctx context.Context, document string) (map[string]bool, error) {
	known := map[string]bool{}
	for last := ""; ; {
		filter := ofDocuments(document)
		if last != "" {
			filter = and(filter, after(propID, last))
		}
		results, err := s.search(ctx, &pb.SearchRequest{
			Collection: s.names.chunks, Limit: maxResults, Filters: filter,
			SortBy: []*pb.SortBy{{Ascending: true, Path: []string{propID}}}, Properties: &pb.PropertiesRequest{},
		})
		if err != nil {
			return nil, err
		}
		for _, r := range results {
			last = r.Metadata.GetId()
			known[last] = true
		}
		if len(results) < maxResults {
			return known, nil
		}
	}
}

// Stats counts what the generation holds.
func (s *Store) Stats(ctx context.Context) (index.Stats, error) {
	stats, err := s.stats(ctx)
	return stats, s.fail(ctx, "count the index", err)
}

func (s *Store) stats(ctx context.Context) (stats index.Stats, err error) {
	r, _, err := s.readRecord(ctx)
	if err != nil {
		return index.Stats{}, err
	}
	stats.Dimensions, stats.Completed = r.Dimensions, r.Completed
	if stats.FailedDocuments, stats.Documents, err = s.tally(ctx, s.names.ledger, propFailed); err != nil {
		return index.Stats{}, err
	}
	if stats.Chunks, _, err = s.tally(ctx, s.names.chunks, propPresent); err != nil {
		return index.Stats{}, err
	}
	return stats, nil
}
