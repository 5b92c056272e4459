package weaviate

import (
	"context"
	"fmt"
	"slices"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Stage writes the vectors of chunks whose document is still to be put, as objects of the ledger: there nothing
// searches them, and their texts do not count in BM25.
func (s *Store) Stage(ctx context.Context, document string, chunks []index.Vectored) error {
	err := ctx.Err()
	if err == nil {
		err = s.stage(ctx, document, chunks)
	}
	return s.fail(ctx, fmt.Sprintf("stage document %q", document), err)
}

func (s *Store) stage(ctx context.Context, document string, chunks []index.Vectored) error {
	if _, err := index.Check(document, chunks); err != nil {
		return err
	}
	dimensions, err := s.fits(chunks)
	if err != nil {
		return err
	}
	if err := s.claim(ctx, dimensions); err != nil {
		return err
	}
	for part := range slices.Chunk(chunks, batch) {
		objects := make([]*pb.BatchObject, len(part))
		for i, c := range part {
			if len(c.Vector) == 0 {
				return fmt.Errorf("%w: chunk %s has none", index.ErrDimensions, c.ID)
			}
			objects[i], err = object(s.names.ledger, stagedID(document, c.ID), map[string]any{propState: stateStaged, propOrder: order(document)}, c.Vector)
			if err != nil {
				return err
			}
		}
		if err := s.write(ctx, objects...); err != nil {
			return err
		}
		s.addStaged(document, part)
	}
	return nil
}

func (s *Store) addStaged(document string, chunks []index.Vectored) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.staged[document] == nil {
		s.staged[document] = map[string]bool{}
	}
	for _, c := range chunks {
		s.staged[document][c.ID] = true
	}
}

// stagedOf are the ids of the document's chunks that this process has staged.
func (s *Store) stagedOf(document string) map[string]bool {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.staged[document]
}

// unstage drops what is staged of the document.
func (s *Store) unstage(ctx context.Context, document string, staged map[string]bool) error {
	if staged == nil {
		return nil
	}
	err := s.remove(ctx, s.names.ledger, and(equal(propState, stateStaged), equal(propOrder, order(document))))
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	delete(s.staged, document)
	return nil
}
