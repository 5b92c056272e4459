// Package local is the index of one machine: SQLite is the durable record, and ranking happens in
// memory.
//
// The database index.db holds the chunks, their vectors, the ledger and the generations. Opening a
// store loads one generation's ranking: postings for BM25 and a matrix of vectors, which the
// retrievers scan exactly. The only SQL on the question path fetches the chosen texts that no recent
// question chose. It is meant for up to 100,000 chunks.
//
// The chunks' terms are stored analysed, so that opening a store does not analyse the texts again.
//
// A document's chunks and its ledger row are written in one transaction. Once that is committed,
// the ranking changes in one step for readers. SQLite runs in WAL mode with synchronous=NORMAL: a
// killed process loses nothing that was committed; a machine that loses power may lose the last
// commits, never part of one, and the next run indexes those documents again.
package local

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/cache"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Store is one generation of a pipeline's index. All of its methods may be called concurrently;
// writes queue.
type Store struct {
	directory  string
	pipeline   config.Pipeline
	generation int64 // is its row in the database
	// fingerprint is the generation's.
	fingerprint string
	lenders     []lender

	lock   *os.File
	reader *sql.DB
	fetch  *sql.Stmt // reads chunksAtOnce chunks
	cache  *cache.Cache[chunkKey, *index.Chunk]

	passes sharing // are those of the vector searches

	writing turn // is held by the one write at a time and guards what follows
	writer  *writer
	// lastNumber is the highest number of a chunk. None is used twice while a store is open, so
	// that readers cannot confuse chunks.
	lastNumber int64
	staged     map[string]map[string]int64 // finds the number of a vector by document and chunk id

	mu         sync.RWMutex // guards what follows, which is written with writing held too
	ranking    *ranking
	dimensions int // is 0 until the first vector
}

var _ index.Store = (*Store)(nil)

// Options say which index to open.
type Options struct {
	// Directory holds the database and its lock; it is created when absent, readable by this user
	// only.
	Directory string
	Pipeline  config.Pipeline
	// Generation is created, empty, when the database does not hold it.
	Generation config.Generation
	// Fresh empties the generation, and lets no other one lend vectors to it.
	Fresh bool
}

// Open locks the directory and loads the generation's ranking. It fails with index.ErrLocked when
// another process, or another store of this one, has the directory open; with ErrDamaged when the
// database cannot be read; and with index.ErrFull when there is no room to create it. In none of
// these cases is anything deleted.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := os.MkdirAll(o.Directory, 0o700); err != nil {
		return nil, fmt.Errorf("create the index: %w", unusable(o.Directory, err))
	}
	held, err := lock(o.Directory)
	if err != nil {
		return nil, err
	}
	s := &Store{
		directory: o.Directory, pipeline: o.Pipeline, fingerprint: o.Generation.Fingerprint(), lock: held,
		staged: map[string]map[string]int64{}, ranking: newRanking(), writing: make(turn, 1),
		cache: cache.New[chunkKey, *index.Chunk](cacheBytes),
	}
	if err := s.open(ctx, o); err != nil {
		return nil, errors.Join(s.fail("open index", err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) (err error) {
	if s.writer, err = openWriter(ctx, s.directory); err != nil {
		return err
	}
	// The file system keeps the database's pages, and this store the chunks that are read often: a
	// connection needs 256 KiB of its own, not SQLite's 2 MB.
	if s.reader, err = openDatabase(s.directory, "query_only(1)", "cache_size(-256)"); err != nil {
		return err
	}
	// A read takes a fraction of a millisecond, a new connection several: a burst of questions
	// waits for the connections that are open.
	readers := max(4, runtime.GOMAXPROCS(0))
	s.reader.SetMaxOpenConns(readers)
	s.reader.SetMaxIdleConns(readers)
	if s.fetch, err = s.reader.PrepareContext(ctx, fetchChunks); err != nil {
		return err
	}
	if o.Fresh {
		const this = `(SELECT id FROM generation WHERE pipeline = ? AND fingerprint = ?)`
		if err := s.deleteGenerations(ctx, this, s.pipeline.String(), s.fingerprint); err != nil {
			return err
		}
	}
	if err := s.checkTable(ctx, "generation"); err != nil {
		return err
	}
	if err := s.openGeneration(ctx, o.Generation); err != nil {
		return err
	}
	if !o.Fresh {
		if err := s.findLenders(ctx, o.Generation.Embedding); err != nil {
			return err
		}
	}
	if err := s.dropStaged(ctx); err != nil {
		return err
	}
	if err := s.reader.QueryRowContext(ctx, `SELECT coalesce(max(number), 0) FROM chunk`).Scan(&s.lastNumber); err != nil {
		return err
	}
	if err := s.load(ctx); err != nil {
		return err
	}
	return s.checkLedger(ctx)
}

// openGeneration finds the generation's row, or inserts it.
func (s *Store) openGeneration(ctx context.Context, g config.Generation) error {
	record, err := json.Marshal(g)
	if err != nil {
		return err
	}
	pipeline, fingerprint := s.pipeline.String(), s.fingerprint
	var stored string
	var intact bool
	err = s.writer.conn.QueryRowContext(ctx,
		`SELECT id, record, dimensions, sum = `+generationSum+` FROM generation WHERE pipeline = ? AND fingerprint = ?`,
		pipeline, fingerprint).Scan(&s.generation, &stored, &s.dimensions, &intact)
	if errors.Is(err, sql.ErrNoRows) {
		return s.writer.conn.QueryRowContext(ctx,
			`INSERT INTO generation (pipeline, fingerprint, record, sum)
				VALUES (?1, ?2, ?3, checksum(?1, ?2, ?3, 0, 0, '', '')) RETURNING id`,
			pipeline, fingerprint, record).Scan(&s.generation)
	}
	if err != nil {
		return err
	}
	if !intact {
		return altered("the record of generation " + fingerprint)
	}
	var pinned config.Generation
	if err := json.Unmarshal([]byte(stored), &pinned); err != nil || pinned != g {
		return fmt.Errorf("%w: the record of generation %s does not match its fingerprint", ErrDamaged, fingerprint)
	}
	return nil
}

// Close ends the store and unlocks the directory. Nothing is lost without it.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	var errs []error
	if s.fetch != nil {
		errs = append(errs, s.fetch.Close())
	}
	if s.reader != nil {
		errs = append(errs, s.reader.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	return errors.Join(append(errs, s.lock.Close())...)
}

// Complete records that, at that time, every listed document was indexed or had failed by itself.
func (s *Store) Complete(ctx context.Context, at time.Time, losses config.Losses) error {
	encoded, err := json.Marshal(losses)
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err = s.writer.setCompleted.ExecContext(ctx, nanoseconds(at), string(encoded), s.generation)
	return s.fail("complete generation", err)
}

// Measure replaces what has been measured of the generation.
func (s *Store) Measure(ctx context.Context, m index.Measured) error {
	encoded, err := json.Marshal(m)
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, err = s.writer.setMeasured.ExecContext(ctx, string(encoded), s.generation)
	return s.fail("record what was measured", err)
}

// fail adds the operation that failed and, where it is known, the remedy.
func (s *Store) fail(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, explain(err, s.directory))
}

// nanoseconds converts a time for the database: 0 for the zero time. instant is its inverse, in
// UTC.
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
