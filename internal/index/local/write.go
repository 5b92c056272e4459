package local

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Put makes the document's chunks exactly these and writes its row, in one transaction.
func (s *Store) Put(ctx context.Context, row index.Row, chunks []index.Vectored) error {
	if err := s.put(ctx, row, chunks); err != nil {
		return s.fail(fmt.Sprintf("index document %q", row.Document), err)
	}
	return nil
}

func (s *Store) put(ctx context.Context, row index.Row, chunks []index.Vectored) error {
	prepared, err := prepare(row, chunks)
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	dimensions, err := s.complete(prepared, chunks)
	if err != nil {
		return err
	}
	if err := s.writer.transaction(func() error { return s.record(row, chunks, prepared, dimensions) }); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dimensions = dimensions
	s.ranking.replace(row.Document, prepared)
	return nil
}

// prepare does what is costly and needs no lock.
func prepare(row index.Row, chunks []index.Vectored) ([]ranked, error) {
	prepared := make([]ranked, len(chunks))
	seen := make(map[string]bool, len(chunks))
	var before *origin
	for i := range chunks {
		c := &chunks[i]
		switch {
		case c.Document != row.Document:
			return nil, fmt.Errorf("chunk %s is one of %q", c.ID, c.Document)
		case seen[c.ID]:
			return nil, fmt.Errorf("chunk %s comes twice", c.ID)
		case c.Vector != nil && len(c.Vector) == 0:
			return nil, fmt.Errorf("the vector of chunk %s is empty: the embedding model is at fault", c.ID)
		}
		seen[c.ID] = true
		for _, x := range c.Vector {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return nil, fmt.Errorf("the vector of chunk %s holds %v: the embedding model is at fault", c.ID, x)
			}
		}
		prepared[i] = newRanked(&c.Chunk, before)
		prepared[i].vector = slices.Clone(c.Vector)
		normalise(prepared[i].vector)
		before = prepared[i].origin
	}
	return prepared, nil
}

// complete fills in what the index knows of the chunks that it holds already, and returns the dimensions of
// the index with these chunks in it.
func (s *Store) complete(prepared []ranked, chunks []index.Vectored) (dimensions int, err error) {
	dimensions = s.dimensions
	for i := range prepared {
		c := &prepared[i]
		ordinal, held := s.ranking.ordinals[c.id]
		if held {
			old := s.ranking.entries[ordinal]
			if old.origin.document != c.origin.document {
				return 0, fmt.Errorf("chunk %s is one of %q already", c.id, old.origin.document)
			}
			c.number = old.number
		}
		switch {
		case chunks[i].Vector != nil:
		case held:
			c.vector = slices.Clone(s.ranking.vectors.row(ordinal))
		default:
			return 0, fmt.Errorf("chunk %s has no vector, and the index holds none for it", c.id)
		}
		if dimensions == 0 {
			dimensions = len(c.vector)
		}
		if len(c.vector) != dimensions {
			return 0, fmt.Errorf("%w: %d, not %d: build a new generation", index.ErrDimensions, len(c.vector), dimensions)
		}
	}
	return dimensions, nil
}

// record writes the document to the database and fills in the new chunks' numbers.
func (s *Store) record(row index.Row, chunks []index.Vectored, prepared []ranked, dimensions int) error {
	if err := s.deleteStale(row.Document, prepared); err != nil {
		return err
	}
	for i := range chunks {
		if err := s.recordChunk(&chunks[i], &prepared[i]); err != nil {
			return err
		}
	}
	if dimensions != s.dimensions {
		if _, err := s.writer.setDimensions.Exec(dimensions, s.generation); err != nil {
			return err
		}
	}
	_, err := s.writer.putDocument.Exec(s.generation, row.Document, row.Source, row.Hash, row.Attributes, row.Title,
		row.Chunks, row.Truncated, row.State, row.Reason, row.Message, nanoseconds(row.Updated))
	return err
}

// deleteStale deletes the document's chunks that are not among the new ones.
func (s *Store) deleteStale(document string, kept []ranked) error {
	numbers := make(map[int64]bool, len(kept))
	for _, c := range kept {
		numbers[c.number] = true
	}
	for _, ordinal := range s.ranking.documents[document] {
		number := s.ranking.entries[ordinal].number
		if numbers[number] {
			continue
		}
		if _, err := s.writer.deleteVector.Exec(number); err != nil {
			return err
		}
		if _, err := s.writer.deleteChunk.Exec(number); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) recordChunk(c *index.Vectored, r *ranked) error {
	metadata, err := encodeMetadata(c.Metadata)
	if err != nil {
		return err
	}
	if r.number != 0 {
		if _, err := s.writer.updateChunk.Exec(c.Source, c.Title, c.Heading, c.Text, c.Page, c.Start, c.End, metadata, r.number); err != nil {
			return err
		}
		if c.Vector != nil {
			_, err = s.writer.updateVector.Exec(encodeVector(c.Vector), r.number)
		}
		return err
	}
	s.lastNumber++
	r.number = s.lastNumber
	if _, err := s.writer.insertChunk.Exec(r.number, s.generation, c.ID, c.Document, c.Source, c.Title, c.Heading, c.Text,
		c.Page, c.Start, c.End, metadata); err != nil {
		return err
	}
	_, err = s.writer.insertVector.Exec(r.number, encodeVector(c.Vector))
	return err
}

// Remove deletes the documents' chunks and rows, in one transaction, and reports how many rows went.
func (s *Store) Remove(ctx context.Context, documents []string) (removed int, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, context.Cause(ctx)
	}
	err = s.writer.transaction(func() error {
		for _, document := range documents {
			if err := s.deleteStale(document, nil); err != nil {
				return err
			}
			result, err := s.writer.deleteDocument.Exec(s.generation, document)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			removed += int(n)
		}
		return nil
	})
	if err != nil {
		return 0, s.fail("remove documents", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, document := range documents {
		s.ranking.replace(document, nil)
	}
	return removed, nil
}

// Metadata is stored as JSON, and as nothing where there is none.
func encodeMetadata(metadata map[string]string) (string, error) {
	if len(metadata) == 0 {
		return "", nil
	}
	b, err := json.Marshal(metadata)
	return string(b), err
}
