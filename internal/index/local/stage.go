package local

import (
	"context"
	"fmt"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// Stage writes the vectors of chunks whose document is still to be put.
func (s *Store) Stage(ctx context.Context, document string, chunks []index.Vectored) error {
	if err := s.stage(ctx, document, chunks); err != nil {
		return s.fail(fmt.Sprintf("stage document %q", document), err)
	}
	return nil
}

func (s *Store) stage(ctx context.Context, document string, chunks []index.Vectored) error {
	if _, err := index.Check(document, chunks); err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	numbers := make([]int64, len(chunks))
	err := s.writer.transaction(func() (err error) {
		for i, c := range chunks {
			if len(c.Vector) == 0 || s.dimensions != 0 && len(c.Vector) != s.dimensions {
				return fmt.Errorf("%w: %d, not %d: build a new generation", index.ErrDimensions, len(c.Vector), s.dimensions)
			}
			if numbers[i], err = s.insertVector(c.Vector); err != nil {
				return err
			}
			if _, err := s.writer.stage.Exec(numbers[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.staged[document] == nil {
		s.staged[document] = map[string]int64{}
	}
	for i, c := range chunks {
		s.staged[document][c.ID] = numbers[i]
	}
	return nil
}

func (s *Store) stagedVector(number int64) ([]float32, error) {
	var b []byte
	if err := s.writer.readVector.QueryRow(number).Scan(&b); err != nil {
		return nil, err
	}
	v, err := vector.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return v, nil
}

// unstage ends the staging of the document's vectors: those that no chunk has taken go.
func (s *Store) unstage(document string) error {
	for _, number := range s.staged[document] {
		if _, err := s.writer.unstage.Exec(number); err != nil {
			return err
		}
		if _, err := s.writer.deleteUntaken.Exec(number); err != nil {
			return err
		}
	}
	return nil
}

// dropStaged drops what an earlier process staged and did not put.
func (s *Store) dropStaged(ctx context.Context) error {
	var any bool
	if err := s.writer.conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM staged)`).Scan(&any); err != nil || !any {
		return err
	}
	_, err := s.writer.conn.ExecContext(ctx, `BEGIN IMMEDIATE;
		DELETE FROM vector WHERE number IN (SELECT number FROM staged); DELETE FROM staged; COMMIT`)
	return err
}
