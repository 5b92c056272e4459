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
}

// batch is chunks of a segment, with their vectors as the database has them.
type batch struct {
	chunks  []loaded
	vectors block
}

// load reads the generation's chunks and vectors into the ranking, in their order. It prepares a
// batch while it reads the next ones: each batch's future is queued in order.
func (s *Store) load(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	type prepared struct {
		segment *segment
		terms   *counted
	}
	futures := make(chan chan prepared, runtime.GOMAXPROCS(0))
	group.Go(func() error {
		defer close(futures)
		return s.readBatches(ctx, func(b batch) error {
			future := make(chan prepared, 1)
			select {
			case futures <- future:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			group.Go(func() error { future <- prepared{segmentOf(b, s.dimensions), count(b.chunks)}; return nil })
			return nil
		})
	})
	postings := newBuilder()
	for future := range futures {
		next := <-future
		postings.add(next.terms)
		s.ranking.stage(next.segment)
	}
	s.ranking.postings = postings.postings()
	s.ranking.commit(0)
	return group.Wait()
}

// selectLoaded reads a generation's chunks in the order of their numbers. The plus keeps SQLite
// from using the index of their ids: it would then have to sort them all, vectors included, in a
// file.
const selectLoaded = `SELECT number, id, document, source, text, metadata, terms, loaded, vector, coalesce(sum, 0)
	FROM chunk LEFT JOIN vector USING (number) WHERE +generation = ? ORDER BY number`

// readBatches calls do with the generation's chunks, a segment at a time.
func (s *Store) readBatches(ctx context.Context, do func(batch) error) error {
	var all int
	if err := s.reader.QueryRowContext(ctx, `SELECT count(*) FROM chunk WHERE generation = ?`, s.generation).
		Scan(&all); err != nil || all == 0 {
		return err
	}
	room := reserve(all, s.dimensions)
	rows, err := s.reader.QueryContext(ctx, selectLoaded, s.generation)
	if err != nil {
		return err
	}
	defer rows.Close()
	next, last := batch{vectors: room.block()}, lastChunk{}
	for rows.Next() {
		if len(next.chunks) == segmentChunks {
			if err := do(next); err != nil {
				return err
			}
			next = batch{vectors: room.block()}
		}
		if err := s.readChunk(rows, &next, &last); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return do(next)
}

// lastChunk is the chunk before. Its metadata are mostly the next one's too.
type lastChunk struct {
	number   int64
	encoded  string
	metadata config.Metadata
}

// readChunk adds the chunk of a row to the batch.
func (s *Store) readChunk(rows *sql.Rows, to *batch, last *lastChunk) error {
	var (
		c           loaded
		metadata    string
		loaded, sum int64
		encoded     sql.RawBytes
	)
	err := rows.Scan(&c.number, &c.ID, &c.Document, &c.Source, &c.Text, &metadata, &c.terms, &loaded, &encoded, &sum)
	if err != nil {
		return err
	}
	if c.sum(s.generation, metadata) != loaded {
		return altered("a chunk")
	}
	if c.number <= last.number {
		return fmt.Errorf("%w: the chunks are not in their order", ErrDamaged)
	}
	last.number = c.number
	if metadata != last.encoded {
		decoded, err := config.DecodeMetadata(metadata)
		if err != nil {
			return fmt.Errorf("%w: metadata of a chunk: %w", ErrDamaged, err)
		}
		last.encoded, last.metadata = metadata, decoded
	}
	c.Metadata = last.metadata
	to.chunks = append(to.chunks, c)
	return to.vectors.read(c.number, encoded, sum, s.dimensions)
}

// sum is the chunk's loadedSum.
func (c *loaded) sum(generation int64, metadata string) int64 {
	return int64(sum(0).integer(c.number).integer(generation).text(c.ID).text(c.Document).text(c.Source).text(c.Text).
		text(metadata).text(c.terms))
}

// read appends a stored vector whose vectorSum was written.
func (b *block) read(number int64, encoded []byte, written int64, dimensions int) (err error) {
	from := len(b.rows)
	if b.rows, err = appendVector(b.rows, number, encoded, written); err != nil {
		return err
	}
	if n := len(b.rows) - from; n != dimensions {
		return fmt.Errorf("%w: a vector has %d dimensions where %d were expected", ErrDamaged, n, dimensions)
	}
	return nil
}

// readVector decodes a stored vector whose vectorSum was written.
func readVector(number int64, encoded []byte, written int64) ([]float32, error) {
	return appendVector(nil, number, encoded, written)
}

func appendVector(to []float32, number int64, encoded []byte, written int64) ([]float32, error) {
	if int64(sum(0).integer(number).bytes(encoded)) != written {
		return nil, altered("a vector")
	}
	v, err := vector.AppendDecoded(to, encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return v, nil
}

// segmentOf prepares everything but the postings.
func segmentOf(b batch, dimensions int) *segment {
	s := &segment{postings: newPostings(), vectors: b.vectors}
	for i := range b.chunks {
		s.vectors.normalise(i, dimensions)
		s.enter(b.chunks[i].number, &b.chunks[i].Chunk)
	}
	return s
}
