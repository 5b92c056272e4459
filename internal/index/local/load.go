package local

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// loaded is a chunk as the database has it.
type loaded struct {
	index.Chunk
	number int64
	terms  string
	vector []float32
}

// load reads the generation's chunks and vectors into the ranking, in their order. It prepares the
// vectors of a batch while it reads the next ones and adds the terms of earlier ones: each batch's
// future is queued in order.
func (s *Store) load(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	type future struct {
		batch    []loaded
		prepared chan *segment
	}
	futures := make(chan future, runtime.GOMAXPROCS(0))
	group.Go(func() error {
		defer close(futures)
		return s.readBatches(ctx, func(batch []loaded) error {
			next := future{batch, make(chan *segment, 1)}
			select {
			case futures <- next:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			group.Go(func() error { next.prepared <- segmentOf(batch); return nil })
			return nil
		})
	})
	postings := newBuilder()
	for next := range futures {
		for i := range next.batch {
			postings.add(next.batch[i].terms)
		}
		s.ranking.stage(<-next.prepared)
	}
	s.ranking.postings = postings.postings()
	s.ranking.commit(0)
	return group.Wait()
}

// selectLoaded reads a generation's chunks in the order of their numbers. The plus keeps SQLite
// from using the index of their ids: it would then have to sort them all, vectors included, in a
// file.
const selectLoaded = `SELECT number, id, document, source, text, metadata, terms, vector
	FROM chunk LEFT JOIN vector USING (number) WHERE +generation = ? ORDER BY number`

// readBatches calls do with the generation's chunks, a segment at a time.
func (s *Store) readBatches(ctx context.Context, do func([]loaded) error) error {
	rows, err := s.reader.QueryContext(ctx, selectLoaded, s.generation)
	if err != nil {
		return err
	}
	defer rows.Close()
	var batch []loaded
	for rows.Next() {
		var (
			c        loaded
			metadata string
			encoded  sql.RawBytes
		)
		if err := rows.Scan(&c.number, &c.ID, &c.Document, &c.Source, &c.Text, &metadata, &c.terms, &encoded); err != nil {
			return err
		}
		if c.Metadata, err = config.DecodeMetadata(metadata); err != nil {
			return fmt.Errorf("%w: metadata of a chunk: %w", ErrDamaged, err)
		}
		if c.vector, err = s.decodeVector(encoded); err != nil {
			return err
		}
		if batch = append(batch, c); len(batch) == segmentChunks {
			if err := do(batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return do(batch)
}

// decodeVector reads a stored vector, which has the index's dimensions.
func (s *Store) decodeVector(encoded []byte) ([]float32, error) {
	v, err := vector.Decode(encoded)
	if err != nil || len(v) != s.dimensions {
		return nil, fmt.Errorf("%w: a vector of %d bytes where %d were expected", ErrDamaged, len(encoded), 4*s.dimensions)
	}
	return v, nil
}

// segmentOf prepares everything but the postings.
func segmentOf(batch []loaded) *segment {
	s := newSegment(segmentChunks)
	for i := range batch {
		c := &batch[i]
		vector.Normalise(c.vector)
		s.add(c.number, &c.Chunk, c.vector)
	}
	return s
}
