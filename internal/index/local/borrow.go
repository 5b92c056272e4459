package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// lender is another generation of the pipeline, whose vectors are in this one's space.
type lender struct {
	generation int64
	dimensions int
}

// findLenders finds the other generations of the same embedding space that have vectors, the newest first.
func (s *Store) findLenders(ctx context.Context, space config.EmbeddingSpace) error {
	rows, err := s.reader.QueryContext(ctx, `SELECT id, dimensions, record, sum = `+generationSum+` FROM generation
		WHERE pipeline = ? AND id <> ? AND dimensions > 0 ORDER BY id DESC`, s.pipeline.String(), s.generation)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			l      lender
			record []byte
			intact bool
			g      config.Generation
		)
		if err := rows.Scan(&l.generation, &l.dimensions, &record, &intact); err != nil {
			return err
		}
		if !intact {
			return altered("the record of a generation")
		}
		if err := json.Unmarshal(record, &g); err != nil {
			return fmt.Errorf("%w: the record of a generation: %w", ErrDamaged, err)
		}
		if g.Embedding == space {
			s.lenders = append(s.lenders, l)
		}
	}
	return rows.Err()
}

// Borrow returns what other generations of the same embedding space have of the document's chunks.
func (s *Store) Borrow(ctx context.Context, document string, ids []string) (index.Loan, error) {
	if err := ctx.Err(); err != nil {
		return index.Loan{}, s.fail("read vectors", context.Cause(ctx))
	}
	loan := index.Loan{Vectors: map[string][]float32{}}
	s.mu.RLock()
	dimensions := s.dimensions
	s.mu.RUnlock()
	for _, l := range s.lenders {
		if dimensions != 0 && l.dimensions != dimensions {
			continue
		}
		if err := s.borrow(ctx, l, document, ids, &loan); err != nil {
			return index.Loan{}, s.fail(fmt.Sprintf("read vectors of document %q", document), err)
		}
	}
	return loan, nil
}

// selectLent reads the vectors of chunksAtOnce chunks of a generation.
var selectLent = `SELECT number, id, vector, sum FROM chunk JOIN vector USING (number)
	WHERE generation = ? AND id IN (?` + strings.Repeat(", ?", chunksAtOnce-1) + `)`

// borrow adds to the loan what a generation has of it.
func (s *Store) borrow(ctx context.Context, from lender, document string, ids []string, loan *index.Loan) error {
	wanted := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return loan.Vectors[id] != nil })
	before := len(loan.Vectors)
	for batch := range slices.Chunk(wanted, chunksAtOnce) {
		args := make([]any, 1+chunksAtOnce) // an argument left nil matches nothing
		args[0] = from.generation
		for i, id := range batch {
			args[1+i] = id
		}
		if err := s.readLent(ctx, args, loan); err != nil {
			return err
		}
	}
	if len(loan.Vectors) == before {
		return nil
	}
	var truncated int
	err := s.reader.QueryRowContext(ctx, `SELECT truncated FROM document WHERE generation = ? AND document = ?`,
		from.generation, document).Scan(&truncated)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	loan.Truncated += truncated
	return nil
}

func (s *Store) readLent(ctx context.Context, args []any, loan *index.Loan) error {
	rows, err := s.reader.QueryContext(ctx, selectLent, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var number, written int64
		var id string
		var encoded sql.RawBytes
		if err := rows.Scan(&number, &id, &encoded, &written); err != nil {
			return err
		}
		v, err := readVector(number, encoded, written)
		if err != nil {
			return err
		}
		loan.Vectors[id] = v
	}
	return rows.Err()
}
