package weaviate

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"github.com/ragpipeline/ragpipeline/internal/index"
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

// Remove deletes the documents' chunks and rows, and returns how many had a row that was shown. First it marks the
// rows, so that from then on nothing shows the documents, whatever becomes of their chunks; it deletes a row only after
// it has counted that no chunk of the document is left.
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
	rows, err := s.searchRows(ctx, anyOf(propID, rowIDs(documents)...), len(documents))
	if err != nil {
		return 0, err
	}
	visible := 0
	for _, row := range rows {
		if row.shown() {
			visible++
		}
	}
	marks := make([]*pb.BatchObject, len(documents))
	for i, d := range documents {
		if marks[i], err = s.rowObject(&storedRow{Row: index.Row{Document: d, State: stateRemoving}}); err != nil {
			return 0, err
		}
	}
	if err := s.write(ctx, marks...); err != nil {
		return 0, err
	}
	return visible, s.removeDocuments(ctx, documents...)
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
		return fmt.Errorf("%w: %d chunks are left after they were deleted", index.ErrUnproved, left)
	}
	return s.remove(ctx, s.names.ledger, anyOf(propID, rowIDs(documents)...))
}

// Unremoved returns the documents whose removal has begun and not ended.
func (s *Store) Unremoved(ctx context.Context) ([]string, error) {
	rows, err := s.searchRows(ctx, equal(propState, stateRemoving), maxResults)
	return documentsOf(rows), s.fail(ctx, "read the ledger", err)
}

// Left returns those of the documents of which there is still a row or a chunk.
func (s *Store) Left(ctx context.Context, documents []string) ([]string, error) {
	var left []string
	err := ctx.Err()
	for part := range slices.Chunk(documents, batch) {
		if err != nil {
			break
		}
		var some []string
		some, err = s.someLeft(ctx, part)
		left = append(left, some...)
	}
	return left, s.fail(ctx, "prove the removal", err)
}

func (s *Store) someLeft(ctx context.Context, documents []string) ([]string, error) {
	rows, err := s.searchRows(ctx, anyOf(propID, rowIDs(documents)...), len(documents))
	if err != nil {
		return nil, err
	}
	chunks, err := s.search(ctx, &pb.SearchRequest{
		Collection: s.names.chunks, Limit: maxResults, Filters: ofDocuments(documents...),
		Properties: &pb.PropertiesRequest{NonRefProperties: []string{propDocument}},
	})
	if err != nil {
		return nil, err
	}
	left := documentsOf(rows)
	for _, r := range chunks {
		left = append(left, fields(r).text(propDocument))
	}
	slices.Sort(left)
	return slices.Compact(left), nil
}

func documentsOf(rows []storedRow) []string {
	documents := make([]string, len(rows))
	for i, row := range rows {
		documents[i] = row.Document
	}
	return documents
}

func rowIDs(documents []string) []string {
	ids := make([]string, len(documents))
	for i, d := range documents {
		ids[i] = rowID(d)
	}
	return ids
}
