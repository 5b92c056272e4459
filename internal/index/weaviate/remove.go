package weaviate

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"
)

// recover cleans up after a process that died while writing. It deletes what is staged, and
// documents that were being put for the first time. A document that existed before may now have
// chunks of two versions: it loses the hashes by which it would pass for unchanged, so that
// ingestion puts it again or removes it.
//
// Of what other workers are putting now, it touches nothing.
func (s *Store) recover(ctx context.Context) error {
	if err := s.dropStaged(ctx); err != nil {
		return err
	}
	for last := ""; ; {
		rows, err := s.searchRows(ctx, past(last, isTrue(propPending)), batch)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			last = order(row.Document)
			if !s.share.Has(row.Document) {
				continue
			}
			if err := s.recoverRow(ctx, row); err != nil {
				return fmt.Errorf("recover document %q: %w", row.Document, err)
			}
		}
	}
}

// dropStaged deletes what is staged of the share's documents.
func (s *Store) dropStaged(ctx context.Context) error {
	staged := equal(propState, stateStaged)
	if s.share.Whole() {
		return s.remove(ctx, s.names.ledger, staged)
	}
	for last := ""; ; {
		results, err := s.search(ctx, &pb.SearchRequest{
			Collection: s.names.ledger, Limit: batch, Filters: past(last, staged),
			SortBy:     []*pb.SortBy{{Ascending: true, Path: []string{propOrder}}},
			Properties: &pb.PropertiesRequest{NonRefProperties: []string{propOrder}},
		})
		if err != nil || len(results) == 0 {
			return err
		}
		for _, r := range results {
			of := fields(r).text(propOrder)
			if of == last {
				continue
			}
			last = of
			document, err := hex.DecodeString(of)
			if err != nil || !s.share.Has(string(document)) {
				continue
			}
			if err := s.remove(ctx, s.names.ledger, and(staged, equal(propOrder, of))); err != nil {
				return err
			}
		}
	}
}

func (s *Store) recoverRow(ctx context.Context, row storedRow) error {
	if row.State == stateNew {
		return s.removeDocuments(ctx, row.Document)
	}
	row.Hash, row.Attributes, row.pending = "", "", false
	return s.writeRow(ctx, &row)
}

// Remove deletes the documents' chunks and rows, and returns the number of rows deleted. It deletes
// a row only after it has counted that no chunk of the document is left.
func (s *Store) Remove(ctx context.Context, documents []string) (int, error) {
	removed, err := 0, ctx.Err()
	for part := range slices.Chunk(documents, batch) {
		if err != nil {
			break
		}
		var n int
		n, err = s.removeSomeDocuments(ctx, part)
		removed += n
	}
	return removed, s.fail(ctx, "remove documents", err)
}

func (s *Store) removeSomeDocuments(ctx context.Context, documents []string) (int, error) {
	ids := make([]string, len(documents))
	for i, d := range documents {
		ids[i] = rowID(d)
	}
	rows, err := s.searchRows(ctx, anyOf(propID, ids...), len(ids))
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	pending := make([]*pb.BatchObject, len(rows))
	found, visible := make([]string, len(rows)), 0
	for i, row := range rows {
		found[i] = row.Document
		if row.State != stateNew {
			visible++
		}
		row.pending = true
		if pending[i], err = s.rowObject(&row); err != nil {
			return 0, err
		}
	}
	if err := s.write(ctx, pending...); err != nil {
		return 0, err
	}
	return visible, s.removeDocuments(ctx, found...)
}

// removeDocuments deletes the chunks, verifies that none is left, and deletes the rows.
func (s *Store) removeDocuments(ctx context.Context, documents ...string) error {
	if err := s.remove(ctx, s.names.chunks, ofDocuments(documents...)); err != nil {
		return err
	}
	left, err := s.count(ctx, s.names.chunks, ofDocuments(documents...))
	if err != nil {
		return err
	}
	if left > 0 {
		return fmt.Errorf("%d chunks are left after they were deleted", left)
	}
	ids := make([]string, len(documents))
	for i, d := range documents {
		ids[i] = rowID(d)
	}
	return s.remove(ctx, s.names.ledger, anyOf(propID, ids...))
}
