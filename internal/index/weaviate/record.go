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

// record is what the ledger says of the generation as a whole.
type record struct {
	Generation config.Generation `json:"generation"`
	Dimensions int               `json:"dimensions,omitempty"`
	Completed  time.Time         `json:"completed,omitzero"`
}

// openRecord reads the generation's record, or makes it.
func (s *Store) openRecord(ctx context.Context, g config.Generation) error {
	found, ok, err := s.readRecord(ctx)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.writeRecord(ctx, record{Generation: g})
	case found.Generation != g:
		return fmt.Errorf("%s: the record of generation %s is not the one of that fingerprint: delete the collection", s.names.ledger, g.Fingerprint())
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	s.record = found
	return nil
}

// readRecord reads the record; ok is false when an ingestion has just made the collections.
func (s *Store) readRecord(ctx context.Context) (r record, ok bool, err error) {
	results, err := s.search(ctx, &pb.SearchRequest{
		Collection: s.names.ledger, Limit: 1, Filters: equal(propID, recordID),
		Properties: &pb.PropertiesRequest{NonRefProperties: []string{propRecord}},
	})
	if err != nil || len(results) == 0 {
		return r, false, err
	}
	if err := json.Unmarshal([]byte(fields(results[0]).text(propRecord)), &r); err != nil {
		return r, false, fmt.Errorf("record of %s: %w", s.names.ledger, err)
	}
	s.dimensions.Store(int64(r.Dimensions))
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

// Complete records that every listed document is indexed or has failed by itself, at that time.
func (s *Store) Complete(ctx context.Context, at time.Time) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	r := s.record
	r.Completed = at.UTC()
	return s.fail(ctx, "complete the generation", s.writeRecord(ctx, r))
}

// fits checks the vectors' lengths against each other and the index's, which the first of all vectors decides.
// It returns their length, 0 when there are none.
func (s *Store) fits(chunks []index.Vectored) (int, error) {
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
			return 0, fmt.Errorf("%w: %d, not %d: build a new generation", index.ErrDimensions, len(c.Vector), dimensions)
		}
	}
	return found, nil
}

// claim makes the length the index's, if it has none yet.
func (s *Store) claim(ctx context.Context, dimensions int) error {
	if dimensions == 0 || int(s.dimensions.Load()) == dimensions {
		return nil
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if now := int(s.dimensions.Load()); now != 0 && now != dimensions {
		return fmt.Errorf("%w: %d, not %d: build a new generation", index.ErrDimensions, dimensions, now)
	}
	r := s.record
	r.Dimensions = dimensions
	return s.writeRecord(ctx, r)
}
