package local

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// A generation that another one has replaced may stay for a while, for a way back. Documents that are removed are
// removed from it as well, but it gets no new ones: it counts as never complete until a run has brought it up to date.

// maxRetained is how many replaced generations stay, those that were replaced last.
const maxRetained = 3

// others are the ids of the pipeline's generations but this one.
const others = `(SELECT id FROM generation WHERE pipeline = ?1 AND id <> ?2)`

// Retire deletes other generations of the pipeline and gives their space back to the file system.
func (s *Store) Retire(ctx context.Context, r index.Retirement) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	keep, err := json.Marshal(append([]string{}, r.Keep...)) // a null would match nothing
	if err != nil {
		return err
	}
	now := time.Now()
	if r.Retain > 0 {
		_, err = s.writer.conn.ExecContext(ctx,
			`UPDATE generation SET replaced = ?3 WHERE id IN `+others+` AND completed > 0 AND replaced = 0`,
			s.pipeline.String(), s.generation, nanoseconds(now))
	}
	if err == nil {
		err = s.deleteGenerations(ctx, `(SELECT id FROM generation WHERE id IN `+others+` AND (completed = 0 OR NOT ?3)
			AND fingerprint NOT IN (SELECT value FROM json_each(?4))
			AND id NOT IN (SELECT id FROM generation WHERE id IN `+others+` AND replaced > ?5
				ORDER BY replaced DESC, completed DESC LIMIT ?6))`,
			s.pipeline.String(), s.generation, r.Incomplete, string(keep), nanoseconds(now.Add(-r.Retain)), maxRetained)
	}
	if err == nil {
		_, err = s.writer.conn.ExecContext(ctx, `PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)`)
	}
	return s.fail("retire generations", err)
}

// deleteGenerations deletes those whose ids the query selects.
func (s *Store) deleteGenerations(ctx context.Context, ids string, arguments ...any) error {
	return s.writer.transaction(func() error {
		for _, statement := range []string{
			`DELETE FROM vector WHERE number IN (SELECT number FROM chunk WHERE generation IN ` + ids + `)`,
			`DELETE FROM chunk WHERE generation IN ` + ids,
			`DELETE FROM document WHERE generation IN ` + ids,
			`DELETE FROM generation WHERE id IN ` + ids,
		} {
			if _, err := s.writer.conn.ExecContext(ctx, statement, arguments...); err != nil {
				return err
			}
		}
		return nil
	})
}

// removeFromOthers deletes the documents from the pipeline's other generations. The caller is in a transaction.
func (s *Store) removeFromOthers(ctx context.Context, documents []string) error {
	names, err := json.Marshal(documents)
	if err != nil {
		return err
	}
	const these = ` WHERE generation IN ` + others + ` AND document IN (SELECT value FROM json_each(?3))`
	for _, statement := range []string{
		`DELETE FROM vector WHERE number IN (SELECT number FROM chunk` + these + `)`,
		`DELETE FROM chunk` + these,
		`DELETE FROM document` + these,
	} {
		_, err := s.writer.conn.ExecContext(ctx, statement, s.pipeline.String(), s.generation, string(names))
		if err != nil {
			return err
		}
	}
	return nil
}
