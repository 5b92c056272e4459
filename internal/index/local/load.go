package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// load reads the generation's chunks and vectors into the ranking.
func (s *Store) load(ctx context.Context) error {
	rows, err := s.reader.QueryContext(ctx, `SELECT number, id, document, source, title, heading, text, metadata, vector
		FROM chunk LEFT JOIN vector USING (number) WHERE generation = ? ORDER BY number`, s.generation)
	if err != nil {
		return err
	}
	defer rows.Close()
	var before *origin
	for rows.Next() {
		var (
			c        index.Chunk
			number   int64
			metadata string
			blob     sql.RawBytes
		)
		if err := rows.Scan(&number, &c.ID, &c.Document, &c.Source, &c.Title, &c.Heading, &c.Text, &metadata, &blob); err != nil {
			return err
		}
		if c.Metadata, err = decodeMetadata(metadata); err != nil {
			return err
		}
		r := newRanked(&c, before)
		r.number, r.vector = number, make([]float32, s.dimensions)
		if err := decodeVector(r.vector, blob); err != nil {
			return err
		}
		normalise(r.vector)
		s.ranking.add(r)
		before = r.origin
	}
	return rows.Err()
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
