package weaviate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// isRow selects the rows that are shown, among the ledger's other objects.
var isRow = anyOf(propState, string(index.Indexed), string(index.Failed))

// Documents returns up to limit rows whose document sorts after the given one, in the order of
// their bytes.
func (s *Store) Documents(ctx context.Context, last string, limit int) ([]index.Row, error) {
	return s.rows(ctx, past(order(last), isRow), limit)
}

// past is the filter for what sorts after the last object that was read; empty is before all.
func past(last string, filter *pb.Filters) *pb.Filters {
	if last == "" {
		return filter
	}
	return and(filter, after(propOrder, last))
}

// Row returns the row of a document, or nil.
func (s *Store) Row(ctx context.Context, document string) (*index.Row, error) {
	row, found, err := s.readRow(ctx, document)
	if err != nil || !found || !row.shown() {
		return nil, s.fail(ctx, "read the ledger", err)
	}
	return &row.Row, nil
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

// searchRows reads the first rows that pass the filter, by document.
func (s *Store) searchRows(ctx context.Context, filter *pb.Filters, limit int) ([]storedRow, error) {
	if err := ctx.Err(); err != nil || limit <= 0 {
		return nil, err
	}
	results, err := s.search(ctx, &pb.SearchRequest{
		Collection: s.names.ledger, Limit: uint32(min(limit, maxResults)), Filters: filter,
		SortBy: []*pb.SortBy{{Ascending: true, Path: []string{propOrder}}},
		// All, because Weaviate refuses to name one that a ledger of an earlier version of the operator lacks.
		Properties: &pb.PropertiesRequest{ReturnAllNonrefProperties: true},
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
	return known, s.fail(ctx, "read the known chunks", err)
}

// known pages by id, because Weaviate returns at most maxResults over all pages.
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
	stats.Dimensions, stats.Completed, stats.Losses, stats.Measured = r.Dimensions, r.Completed, r.Losses, r.Measured
	if stats.FailedDocuments, stats.Documents, err = s.tally(ctx, s.names.ledger, propFailed, nil); err != nil {
		return index.Stats{}, err
	}
	if stats.Chunks, _, err = s.tally(ctx, s.names.chunks, propPresent, nil); err != nil {
		return index.Stats{}, err
	}
	return stats, nil
}

// record describes the generation as a whole.
type record struct {
	Generation config.Generation `json:"generation"`
	Dimensions int               `json:"dimensions,omitempty"`
	Completed  time.Time         `json:"completed,omitzero"`
	Losses     config.Losses     `json:"losses,omitzero"` // as of Completed
	Measured   index.Measured    `json:"measured,omitzero"`
}

// openRecord reads the generation's record, or creates it.
func (s *Store) openRecord(ctx context.Context, g config.Generation) error {
	found, ok, err := s.readRecord(ctx)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.writeRecord(ctx, record{Generation: g})
	case found.Generation != g:
		return fmt.Errorf("%s: the record of generation %s does not match its fingerprint: delete the collection",
			s.names.ledger, g.Fingerprint())
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	s.record = found
	return nil
}

// readRecord reads the record; ok is false when an ingestion has just created the collections.
func (s *Store) readRecord(ctx context.Context) (r record, ok bool, err error) {
	if r, ok, err = s.recordOf(ctx, s.names.ledger); ok {
		s.dimensions.Store(int64(r.Dimensions))
	}
	return r, ok, err
}

// recordOf reads the record in a ledger.
func (s *Store) recordOf(ctx context.Context, ledger string) (r record, ok bool, err error) {
	results, err := s.search(ctx, &pb.SearchRequest{
		Collection: ledger, Limit: 1, Filters: equal(propID, recordID),
		Properties: &pb.PropertiesRequest{NonRefProperties: []string{propRecord}},
	})
	if err != nil || len(results) == 0 {
		return r, false, err
	}
	if err := json.Unmarshal([]byte(fields(results[0]).text(propRecord)), &r); err != nil {
		return r, false, fmt.Errorf("record of %s: %w", ledger, err)
	}
	return r, true, nil
}

// writeRecord replaces the record.
func (s *Store) writeRecord(ctx context.Context, r record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	o, err := object(s.names.ledger, recordID, map[string]any{propState: stateRecord, propRecord: string(b)}, nil)
	if err != nil {
		return err
	}
	if err := s.write(ctx, o); err != nil {
		return err
	}
	s.record = r
	s.dimensions.Store(int64(r.Dimensions))
	return nil
}

// Complete records that, at that time, every listed document was indexed or had failed by itself.
func (s *Store) Complete(ctx context.Context, at time.Time, losses config.Losses) error {
	return s.fail(ctx, "complete the generation", s.updateRecord(ctx, func(r *record) {
		r.Completed, r.Losses = at.UTC(), losses
	}))
}

// Measure replaces what has been measured of the generation.
func (s *Store) Measure(ctx context.Context, m index.Measured) error {
	return s.fail(ctx, "record what was measured", s.updateRecord(ctx, func(r *record) { r.Measured = m }))
}

// checkDimensions checks the vectors' lengths against each other and the index's, which the first
// vector of all decides. It returns their length, 0 when there are none.
func (s *Store) checkDimensions(chunks []index.Vectored) (int, error) {
	dimensions := int(s.dimensions.Load())
	found := 0
	for _, c := range chunks {
		if len(c.Vector) == 0 {
			continue
		}
		if found == 0 {
			found = len(c.Vector)
		}
		if dimensions == 0 {
			dimensions = found
		}
		if len(c.Vector) != dimensions {
			return 0, index.DimensionMismatch(len(c.Vector), dimensions)
		}
	}
	return found, nil
}

// claimDimensions makes the length the index's, if it has none yet.
func (s *Store) claimDimensions(ctx context.Context, dimensions int) error {
	if dimensions == 0 || int(s.dimensions.Load()) == dimensions {
		return nil
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if now := int(s.dimensions.Load()); now != 0 && now != dimensions {
		return index.DimensionMismatch(dimensions, now)
	}
	r, err := s.latestRecord(ctx)
	switch {
	case err != nil || r.Dimensions == dimensions:
		return err
	case r.Dimensions != 0:
		return index.DimensionMismatch(dimensions, r.Dimensions)
	}
	r.Dimensions = dimensions
	return s.writeRecord(ctx, r)
}

// updateRecord changes the record, and keeps what other workers have written to it.
func (s *Store) updateRecord(ctx context.Context, change func(*record)) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	r, err := s.latestRecord(ctx)
	if err != nil {
		return err
	}
	change(&r)
	return s.writeRecord(ctx, r)
}

// latestRecord is the record with what other workers have written to it, with writing held.
func (s *Store) latestRecord(ctx context.Context) (record, error) {
	if s.share.Whole() {
		return s.record, nil
	}
	r, ok, err := s.readRecord(ctx)
	if !ok && err == nil {
		err = fmt.Errorf("%w: its record is gone", index.ErrNotBuilt)
	}
	return r, err
}
