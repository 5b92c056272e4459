package local

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// chunksAtOnce is how many chunks one statement fetches; k is 45 by default, and 400 at most.
const chunksAtOnce = 64

// fetchChunks reads what the ranking does not hold.
var fetchChunks = `SELECT number, id, title, heading, text, page, start, "end", layout, shown
	FROM chunk WHERE number IN (?` + strings.Repeat(", ?", chunksAtOnce-1) + `)`

// cacheBytes bounds the chunks that are kept in memory: some 30,000 of 800 characters.
const cacheBytes = 32 << 20

// maxHeadingBytes is about what a heading within a chunk takes in memory.
const maxHeadingBytes = 100

// chunkKey identifies a chunk as one Put wrote it, because each Put gives its chunks another meta.
// A key of a chunk that has changed since, or is gone, is never asked for again.
type chunkKey struct {
	meta   *documentMeta
	number int64
}

// Chunks returns the chunks of ids in their order, leaving out those that no longer exist. The
// chunks share their Metadata with the index: callers must not change it.
func (s *Store) Chunks(ctx context.Context, ids []string) ([]index.Chunk, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	wanted := s.entries(ids)
	keys := make([]chunkKey, len(wanted))
	for i, e := range wanted {
		keys[i] = chunkKey{e.meta, e.number}
	}
	chunks := make([]index.Chunk, len(wanted))
	s.cache.GetAll(keys, func(i int, c *index.Chunk) { chunks[i] = *c })
	var absent []int // indices into wanted and chunks
	for i := range chunks {
		if chunks[i].ID == "" {
			absent = append(absent, i)
		}
	}
	if len(absent) == 0 {
		return chunks, nil
	}
	for batch := range slices.Chunk(absent, chunksAtOnce) {
		if err := s.readChunks(ctx, chunks, wanted, batch); err != nil {
			return nil, s.fail("read chunks", err)
		}
	}
	return slices.DeleteFunc(chunks, func(c index.Chunk) bool { return c.ID == "" }), nil
}

// entries are the live chunks of ids.
func (s *Store) entries(ids []string) []entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	entries := make([]entry, 0, len(ids))
	for _, id := range ids {
		if ordinal, ok := s.ranking.ordinals[id]; ok {
			entries = append(entries, s.ranking.entries[ordinal])
		}
	}
	return entries
}

// readChunks reads the chunks of at most chunksAtOnce entries, at the places of both slices that
// absent names. The query takes well under a millisecond, so it does without a context, which costs
// database/sql a goroutine.
func (s *Store) readChunks(ctx context.Context, chunks []index.Chunk, entries []entry, absent []int) error {
	args := make([]any, chunksAtOnce) // an argument left nil matches nothing
	for i, place := range absent {
		args[i] = entries[place].number
	}
	rows, err := s.fetch.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	read := make(map[int64]index.Chunk, len(absent))
	for rows.Next() {
		var (
			number, shown int64
			layout        string
			c             index.Chunk
		)
		if err := rows.Scan(&number, &c.ID, &c.Title, &c.Heading, &c.Text, &c.Page, &c.Start, &c.End,
			&layout, &shown); err != nil {
			return err
		}
		if int64(sum(0).integer(number).text(c.Title).text(c.Heading).text(c.Text).integer(int64(c.Page)).
			integer(int64(c.Start)).integer(int64(c.End)).text(layout)) != shown {
			return altered("a chunk")
		}
		if c.Layout, err = index.DecodeLayout(layout); err != nil {
			return altered("a chunk")
		}
		read[number] = c
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, place := range absent {
		e := entries[place]
		c, ok := read[e.number]
		if !ok {
			if live, err := s.live(ctx, e); err != nil || live {
				return cmp.Or(err, missing("a chunk"))
			}
			continue
		}
		if c.ID != e.id { // of another pipeline's database that was copied over this one
			return altered("a chunk")
		}
		c.Document, c.Source, c.Metadata = e.meta.document, e.meta.source, e.meta.metadata
		c.Join()
		chunks[place] = c
		s.cache.Add(chunkKey{e.meta, e.number}, &c, int(unsafe.Sizeof(c))+len(c.Title)+len(c.Heading)+len(c.Joined)+
			len(c.Layout.Boxes)*int(unsafe.Sizeof(index.Box{}))+len(c.Layout.Headings)*maxHeadingBytes)
	}
	return nil
}

// live reports whether the chunk of an entry is still in the index. It waits for a write, which the database shows
// before the ranking does; the error is that of ctx.
func (s *Store) live(ctx context.Context, e entry) (bool, error) {
	if err := s.writing.LockWithin(ctx); err != nil {
		return false, err
	}
	defer s.writing.Unlock()
	s.mu.RLock()
	defer s.mu.RUnlock()
	ordinal, ok := s.ranking.ordinals[e.id]
	return ok && s.ranking.entries[ordinal].number == e.number, nil
}

// turn is a lock, whose wait can end. It is made with room for one.
type turn chan struct{}

// Lock waits for the lock.
func (t turn) Lock() { t <- struct{}{} }

// Unlock frees the lock.
func (t turn) Unlock() { <-t }

// LockWithin is Lock, unless ctx ends first; the error is its cause.
func (t turn) LockWithin(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Known returns the ids of the document's chunks; all have vectors.
func (s *Store) Known(_ context.Context, document string) (map[string]bool, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ordinals := s.ranking.documents[document]
	known := make(map[string]bool, len(ordinals))
	for _, ordinal := range ordinals {
		known[s.ranking.entries[ordinal].id] = true
	}
	return known, nil
}

const selectRows = `SELECT document, source, hash, attributes, title, chunks, truncated, state, reason, message,
	updated, warnings, readers, version, attempts, metadata, sum = ` + documentSum + ` FROM document WHERE generation = ? `

// Documents returns up to limit rows whose document sorts after the given one, in the order of
// their bytes.
func (s *Store) Documents(ctx context.Context, after string, limit int) ([]index.Row, error) {
	rows, err := s.rows(ctx, selectRows+`AND document > ? ORDER BY document LIMIT ?`, s.generation, after, max(limit, 0))
	return rows, s.fail("read ledger", err)
}

// Row returns the row of a document, or nil.
func (s *Store) Row(ctx context.Context, document string) (*index.Row, error) {
	rows, err := s.rows(ctx, selectRows+`AND document = ?`, s.generation, document)
	if err != nil || len(rows) == 0 {
		return nil, s.fail("read ledger", err)
	}
	return &rows[0], nil
}

// Failures returns up to limit failed rows, by document.
func (s *Store) Failures(ctx context.Context, limit int) ([]index.Row, error) {
	rows, err := s.rows(ctx, selectRows+`AND state = 'Failed' ORDER BY document LIMIT ?`, s.generation, max(limit, 0))
	return rows, s.fail("read ledger", err)
}

// rows reads those that a query of selectRows finds. args follow the pipeline and the fingerprint. Where there is none,
// the generation must be in the database all the same.
func (s *Store) rows(ctx context.Context, query string, args ...any) ([]index.Row, error) {
	rows, err := s.found(ctx, query, append([]any{s.pipeline.String(), s.fingerprint}, args...)...)
	if err == nil && len(rows) == 0 {
		err = s.checkPresent(ctx)
	}
	return rows, err
}

// own is the generation of the store, with the parameters id, pipeline and fingerprint.
const own = `(SELECT id FROM generation WHERE id = ? AND pipeline = ? AND fingerprint = ?)`

// checkPresent fails if the database no longer holds the generation.
func (s *Store) checkPresent(ctx context.Context) error {
	var present bool
	err := s.reader.QueryRowContext(ctx, `SELECT EXISTS `+own, s.generation, s.pipeline.String(), s.fingerprint).
		Scan(&present)
	if err == nil && !present {
		err = missing("generation " + s.fingerprint)
	}
	return err
}

func (s *Store) found(ctx context.Context, query string, args ...any) ([]index.Row, error) {
	found, err := s.reader.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	var rows []index.Row
	for found.Next() {
		var (
			row                index.Row
			updated            int64
			warnings, metadata string
			intact             bool
		)
		if err := found.Scan(&row.Document, &row.Source, &row.Hash, &row.Attributes, &row.Title, &row.Chunks,
			&row.Truncated, &row.State, &row.Reason, &row.Message, &updated, &warnings, &row.Readers,
			&row.Version, &row.Attempts, &metadata, &intact); err != nil {
			return nil, err
		}
		if !intact {
			return nil, altered(fmt.Sprintf("the ledger row of %q", row.Document))
		}
		if row.Metadata, err = config.DecodeMetadata(metadata); err != nil {
			return nil, fmt.Errorf("%w: metadata of %s: %w", ErrDamaged, row.Document, err)
		}
		if row.Warnings, err = config.DecodeWarnings(warnings); err != nil {
			return nil, fmt.Errorf("%w: warnings of %s: %w", ErrDamaged, row.Document, err)
		}
		row.Updated = instant(updated)
		rows = append(rows, row)
	}
	return rows, found.Err()
}

// seen is the condition on rows that an audience sees, with the parameters "limited only" and its groups as JSON.
// Within a text of metadata, a quote has a backslash before it, so that only a key can look like this one.
const seen = `CASE WHEN instr(metadata, '"access":') = 0 THEN NOT ?
	ELSE EXISTS (SELECT 1 FROM json_each(metadata, '$.access') WHERE value IN (SELECT value FROM json_each(?))) END `

func audience(who index.Audience) (args []any, err error) {
	groups, err := json.Marshal(append([]string{}, who.Groups...))
	return []any{who.Enforced, string(groups)}, err
}

// Seen returns up to limit rows that the audience sees, by document.
func (s *Store) Seen(ctx context.Context, who index.Audience, after string, limit int) ([]index.Row, error) {
	args, err := audience(who)
	if err != nil {
		return nil, err
	}
	args = append(append([]any{s.generation}, args...), after, max(limit, 0))
	rows, err := s.rows(ctx, selectRows+`AND `+seen+`AND document > ? ORDER BY document LIMIT ?`, args...)
	return rows, s.fail("read ledger", err)
}

// Count counts what the audience sees. A document's chunks become visible together with its row.
func (s *Store) Count(ctx context.Context, who index.Audience) (counts index.Counts, err error) {
	args, err := audience(who)
	if err != nil {
		return counts, err
	}
	err = s.reader.QueryRowContext(ctx, `SELECT coalesce(sum(seen AND state = 'Indexed'), 0),
		coalesce(sum(seen AND state = 'Failed'), 0), coalesce(sum(seen * chunks), 0), coalesce(min(seen), 1) = 0
		FROM (SELECT state, chunks, `+seen+`AS seen FROM document WHERE generation = `+own+`)`,
		append(args, s.generation, s.pipeline.String(), s.fingerprint)...).
		Scan(&counts.Documents, &counts.FailedDocuments, &counts.Chunks, &counts.Hidden)
	if err == nil && counts == (index.Counts{}) {
		err = s.checkPresent(ctx)
	}
	return counts, s.fail("count index", err)
}

// Stats counts what the generation holds.
func (s *Store) Stats(ctx context.Context) (index.Stats, error) {
	stats := s.rankingStats()
	var (
		completed, replaced int64
		losses, measured    string
	)
	err := s.reader.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM document WHERE document.generation = generation.id AND state = 'Indexed'),
		(SELECT count(*) FROM document WHERE document.generation = generation.id AND state = 'Failed'),
		completed, replaced, losses, measured FROM generation WHERE id = `+own,
		s.generation, s.pipeline.String(), s.fingerprint).
		Scan(&stats.Documents, &stats.FailedDocuments, &completed, &replaced, &losses, &measured)
	if errors.Is(err, sql.ErrNoRows) {
		err = missing("generation " + s.fingerprint)
	}
	if err == nil && losses != "" {
		err = json.Unmarshal([]byte(losses), &stats.Losses)
	}
	if err == nil && measured != "" {
		err = json.Unmarshal([]byte(measured), &stats.Measured)
	}
	if err != nil {
		return index.Stats{}, s.fail("count index", err)
	}
	if replaced > 0 {
		for i := range stats.Measured.Synced.Sources {
			stats.Measured.Synced.Sources[i].Revision = "" // documents may have been removed since
		}
		return stats, nil
	}
	stats.Completed = instant(completed)
	return stats, nil
}

func (s *Store) rankingStats() index.Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return index.Stats{Chunks: s.ranking.chunks(), Dimensions: s.dimensions,
		MemoryBytes: s.ranking.bytes() + int64(s.cache.Bytes())}
}
