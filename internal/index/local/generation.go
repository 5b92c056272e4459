package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// openGeneration finds the generation's row, or makes it.
func (s *Store) openGeneration(ctx context.Context, g config.Generation) error {
	record, err := json.Marshal(g)
	if err != nil {
		return err
	}
	pipeline, fingerprint := s.pipeline.String(), g.Fingerprint()
	var stored string
	err = s.writer.conn.QueryRowContext(ctx, `SELECT id, record, dimensions FROM generation WHERE pipeline = ? AND fingerprint = ?`,
		pipeline, fingerprint).Scan(&s.generation, &stored, &s.dimensions)
	if errors.Is(err, sql.ErrNoRows) {
		return s.writer.conn.QueryRowContext(ctx, `INSERT INTO generation (pipeline, fingerprint, record) VALUES (?, ?, ?) RETURNING id`,
			pipeline, fingerprint, record).Scan(&s.generation)
	}
	if err != nil {
		return err
	}
	var pinned config.Generation
	if err := json.Unmarshal([]byte(stored), &pinned); err != nil || pinned != g {
		return fmt.Errorf("%w: the record of generation %s is not the one of that fingerprint", ErrDamaged, fingerprint)
	}
	return nil
}

// Complete records that every listed document is indexed or has failed by itself, at that time.
func (s *Store) Complete(ctx context.Context, at time.Time) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err := s.writer.setCompleted.ExecContext(ctx, nanoseconds(at), s.generation)
	return s.fail("complete generation", err)
}

// Retire drops the other generations of this pipeline and gives their space back to the file system.
func (s *Store) Retire(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	const others = `(SELECT id FROM generation WHERE pipeline = ? AND id <> ?)`
	err := s.writer.transaction(func() error {
		for _, statement := range []string{
			`DELETE FROM vector WHERE number IN (SELECT number FROM chunk WHERE generation IN ` + others + `)`,
			`DELETE FROM chunk WHERE generation IN ` + others,
			`DELETE FROM document WHERE generation IN ` + others,
			`DELETE FROM generation WHERE id IN ` + others,
		} {
			if _, err := s.writer.conn.ExecContext(ctx, statement, s.pipeline.String(), s.generation); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		_, err = s.writer.conn.ExecContext(ctx, `PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	return s.fail("retire generations", err)
}

// nanoseconds stores a time, 0 for the zero time; instant is its inverse, in UTC.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}
