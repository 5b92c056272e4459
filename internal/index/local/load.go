package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// loadBatch is how many chunks are prepared together.
const loadBatch = 128

// loaded is a chunk as the database has it.
type loaded struct {
	index.Chunk
	number int64
	vector []float32
}

// load reads the generation's chunks and vectors into the ranking, in their order. Reading, preparing and
// adding go on at once; a batch's future is queued in order and carries its result.
func (s *Store) load(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	futures := make(chan chan []ranked, runtime.GOMAXPROCS(0))
	group.Go(func() error {
		defer close(futures)
		return s.readBatches(ctx, func(batch []loaded) error {
			future := make(chan []ranked, 1)
			select {
			case futures <- future:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			group.Go(func() error { future <- rankBatch(batch); return nil })
			return nil
		})
	})
	for future := range futures {
		for _, r := range <-future {
			s.ranking.add(r)
		}
	}
	return group.Wait()
}

// readBatches calls do with the generation's chunks, in the order of their numbers.
func (s *Store) readBatches(ctx context.Context, do func([]loaded) error) error {
	rows, err := s.reader.QueryContext(ctx, `SELECT number, id, document, source, title, heading, text, metadata, vector
		FROM chunk LEFT JOIN vector USING (number) WHERE generation = ? ORDER BY number`, s.generation)
	if err != nil {
		return err
	}
	defer rows.Close()
	var batch []loaded
	for rows.Next() {
		c := loaded{vector: make([]float32, s.dimensions)}
		var metadata string
		var vector sql.RawBytes
		if err := rows.Scan(&c.number, &c.ID, &c.Document, &c.Source, &c.Title, &c.Heading, &c.Text, &metadata, &vector); err != nil {
			return err
		}
		if c.Metadata, err = decodeMetadata(metadata); err != nil {
			return err
		}
		if err := decodeVector(c.vector, vector); err != nil {
			return err
		}
		if batch = append(batch, c); len(batch) == loadBatch {
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

func rankBatch(batch []loaded) []ranked {
	out := make([]ranked, len(batch))
	var before *origin
	for i := range batch {
		out[i] = newRanked(&batch[i].Chunk, before)
		out[i].number, out[i].vector = batch[i].number, batch[i].vector
		normalise(out[i].vector)
		before = out[i].origin
	}
	return out
}

func decodeMetadata(text string) (metadata map[string]string, _ error) {
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &metadata); err != nil {
		return nil, fmt.Errorf("%w: metadata of a chunk: %w", ErrDamaged, err)
	}
	return metadata, nil
}
