package local

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// Put makes the document's chunks exactly these and writes its row, in one transaction.
func (s *Store) Put(ctx context.Context, row index.Row, chunks []index.Vectored) error {
	if err := s.put(ctx, row, chunks); err != nil {
		return s.fail(fmt.Sprintf("index document %q", row.Document), err)
	}
	return nil
}

func (s *Store) put(ctx context.Context, row index.Row, chunks []index.Vectored) error {
	ids, err := index.Check(row.Document, chunks)
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	first, dimensions := len(s.ranking.entries), s.dimensions
	err = s.writer.transaction(func() error {
		if err := s.deleteStale(row.Document, ids); err != nil {
			return err
		}
		if dimensions, err = s.putChunks(row.Document, chunks); err != nil {
			return err
		}
		if err := s.unstage(row.Document); err != nil {
			return err
		}
		return s.putRow(row)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.ranking.rollback()
		return err
	}
	delete(s.staged, row.Document)
	s.dimensions = dimensions
	s.ranking.replace(row.Document, first)
	return nil
}

// putChunks writes the chunks to the database and stages them in the ranking, a segment at a time.
// It returns the dimensions of the index with these chunks in it.
func (s *Store) putChunks(document string, chunks []index.Vectored) (dimensions int, err error) {
	dimensions = s.dimensions
	for batch := range slices.Chunk(chunks, segmentChunks) {
		next := newSegment(len(batch))
		for i := range batch {
			if err := s.putChunk(&batch[i], s.staged[document][batch[i].ID], &dimensions, next); err != nil {
				return 0, err
			}
		}
		s.mu.Lock()
		s.ranking.stage(next)
		s.mu.Unlock()
	}
	if dimensions != s.dimensions {
		_, err = s.writer.setDimensions.Exec(dimensions, s.generation)
	}
	return dimensions, err
}

// putChunk writes a chunk to the database and adds it to the segment. A vector that the chunk lacks
// is taken from the index or from what is staged; staged is the number of its staged vector, or 0.
func (s *Store) putChunk(c *index.Vectored, staged int64, dimensions *int, into *segment) error {
	ordinal, held := s.ranking.ordinals[c.ID]
	var number int64
	if held {
		old := s.ranking.entries[ordinal]
		if old.meta.document != c.Document {
			return fmt.Errorf("chunk %s already belongs to document %q", c.ID, old.meta.document)
		}
		number = old.number
	}
	var unit []float32
	switch {
	case c.Vector != nil:
		unit = vector.Unit(c.Vector)
	case held:
		unit = slices.Clone(s.ranking.vectors.row(ordinal))
	case staged != 0:
		var err error
		if unit, err = s.stagedVector(staged); err != nil {
			return err
		}
		vector.Normalise(unit)
	default:
		return fmt.Errorf("chunk %s has no vector, and the index does not hold one for it", c.ID)
	}
	if *dimensions == 0 {
		*dimensions = len(unit)
	}
	if len(unit) != *dimensions {
		return index.DimensionMismatch(len(unit), *dimensions)
	}
	terms := joinedTerms(&c.Chunk)
	number, err := s.recordChunk(c, number, staged, terms)
	if err != nil {
		return err
	}
	into.add(number, &c.Chunk, unit)
	into.postings.add(terms)
	return nil
}

// recordChunk writes a chunk to the database, under the number that it has there, or else that of
// its staged vector, or else a new one.
func (s *Store) recordChunk(c *index.Vectored, number, staged int64, terms string) (int64, error) {
	metadata, err := c.Metadata.Encode()
	if err != nil {
		return 0, err
	}
	layout, err := c.Layout.Encode()
	if err != nil {
		return 0, err
	}
	if number != 0 {
		err = s.writer.one(s.writer.updateChunk, c.Source, c.Title, c.Heading, c.Text,
			c.Page, c.Start, c.End, metadata, terms, number, layout)
		if err == nil && c.Vector != nil {
			err = s.writer.one(s.writer.updateVector, vector.Encode(c.Vector), number)
		}
		return number, err
	}
	if number = staged; c.Vector != nil {
		if number, err = s.insertVector(c.Vector); err != nil {
			return 0, err
		}
	}
	_, err = s.writer.insertChunk.Exec(number, s.generation, c.ID, c.Document, c.Source, c.Title, c.Heading, c.Text,
		c.Page, c.Start, c.End, metadata, terms, layout)
	return number, err
}

// insertVector writes a vector under a new number.
func (s *Store) insertVector(v []float32) (number int64, err error) {
	s.lastNumber++
	_, err = s.writer.insertVector.Exec(s.lastNumber, vector.Encode(v))
	return s.lastNumber, err
}

func (s *Store) putRow(row index.Row) error {
	warnings, err := row.Warnings.Encode()
	if err != nil {
		return err
	}
	metadata, err := row.Metadata.Encode()
	if err != nil {
		return err
	}
	_, err = s.writer.putDocument.Exec(s.generation, row.Document, row.Source, row.Hash, row.Attributes, row.Title,
		row.Chunks, row.Truncated, row.State, row.Reason, row.Message, nanoseconds(row.Updated), warnings, row.Readers,
		row.Version, row.Attempts, metadata, s.pipeline.String(), s.fingerprint)
	return err
}

// PutRow replaces the row of a document that has one.
func (s *Store) PutRow(ctx context.Context, row index.Row) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	err := s.writer.transaction(func() error {
		deleted, err := s.writer.deleteDocument.Exec(s.generation, row.Document)
		if err != nil {
			return err
		}
		if n, err := deleted.RowsAffected(); err != nil || n == 0 {
			return cmp.Or(err, fmt.Errorf("the ledger has no row of %q to replace", row.Document))
		}
		return s.putRow(row)
	})
	return s.fail("write ledger", err)
}

// deleteStale deletes the document's chunks that are not kept.
func (s *Store) deleteStale(document string, kept map[string]bool) error {
	for _, ordinal := range s.ranking.documents[document] {
		old := s.ranking.entries[ordinal]
		if kept[old.id] {
			continue
		}
		if err := s.writer.one(s.writer.deleteVector, old.number); err != nil {
			return err
		}
		if err := s.writer.one(s.writer.deleteChunk, old.number); err != nil {
			return err
		}
	}
	return nil
}

// Remove deletes the documents' chunks and rows, in one transaction, and returns the number of rows
// deleted. It deletes them from the pipeline's other generations as well.
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
		return s.removeFromOthers(ctx, documents)
	})
	if err != nil {
		return 0, s.fail("remove documents", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, document := range documents {
		s.ranking.remove(document)
	}
	s.ranking.compact()
	return removed, nil
}

// Unremoved returns nothing: a removal is one transaction.
func (s *Store) Unremoved(ctx context.Context) ([]string, error) { return nil, ctx.Err() }

// Left returns those of the documents of which the database still has a row or a chunk, in whichever generation of the
// pipeline.
func (s *Store) Left(ctx context.Context, documents []string) ([]string, error) {
	names, err := json.Marshal(documents)
	if err != nil {
		return nil, err
	}
	rows, err := s.reader.QueryContext(ctx, `
		WITH own AS (SELECT id FROM generation WHERE pipeline = ?1), named AS (SELECT value FROM json_each(?2))
		SELECT document FROM document WHERE generation IN own AND document IN named
		UNION SELECT document FROM chunk WHERE generation IN own AND document IN named`,
		s.pipeline.String(), string(names))
	if err != nil {
		return nil, s.fail("prove the removal", err)
	}
	defer rows.Close()
	var left []string
	for rows.Next() {
		var document string
		if err := rows.Scan(&document); err != nil {
			return nil, s.fail("prove the removal", err)
		}
		left = append(left, document)
	}
	return left, s.fail("prove the removal", rows.Err())
}

// Stage writes the vectors of chunks whose document is not yet put.
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
				return index.DimensionMismatch(len(c.Vector), s.dimensions)
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
	var written int64
	if err := s.writer.readVector.QueryRow(number).Scan(&b, &written); err != nil {
		return nil, err
	}
	return readVector(number, b, written)
}

// unstage ends the staging of the document's vectors and deletes those that no chunk uses.
func (s *Store) unstage(document string) error {
	for _, number := range s.staged[document] {
		if _, err := s.writer.unstage.Exec(number); err != nil {
			return err
		}
		if _, err := s.writer.deleteUnused.Exec(number); err != nil {
			return err
		}
	}
	return nil
}

// dropStaged deletes what an earlier process staged and did not put.
func (s *Store) dropStaged(ctx context.Context) error {
	var any bool
	if err := s.writer.conn.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM staged)`).Scan(&any); err != nil || !any {
		return err
	}
	_, err := s.writer.conn.ExecContext(ctx, `BEGIN IMMEDIATE;
		DELETE FROM vector WHERE number IN (SELECT number FROM staged); DELETE FROM staged; COMMIT`)
	return err
}
