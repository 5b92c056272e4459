package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Store is one generation of a pipeline's index. All of its methods may be called concurrently; writes queue.
type Store struct {
	directory  string
	pipeline   config.Pipeline
	generation int64 // its row

	lock   *os.File
	reader *sql.DB
	fetch  *sql.Stmt // see chunksAtOnce

	writing    sync.Mutex // held by the one write that goes on; guards what follows
	writer     *writer
	lastNumber int64                       // of a chunk; none is given twice while a store is open, so that readers cannot mix them up
	staged     map[string]map[string]int64 // by document and chunk id: the number of its vector

	mu         sync.RWMutex // guards what follows; written only with writing held, too
	ranking    *ranking
	dimensions int // 0 until the first vector
}

var _ index.Store = (*Store)(nil)

// Options say which index to open.
type Options struct {
	// Directory holds the database and its lock; it is made when absent, readable by this user only.
	Directory string
	Pipeline  config.Pipeline
	// Generation is made, empty, when the database does not hold it.
	Generation config.Generation
}

// Open takes the directory and loads the generation's ranking. It fails with index.ErrLocked when another
// process, or another store of this one, has the directory; with ErrDamaged when the database cannot be read;
// and with index.ErrFull when there is no room to make it. In none of these cases is anything deleted.
func Open(ctx context.Context, o Options) (*Store, error) {
	if err := os.MkdirAll(o.Directory, 0o700); err != nil {
		return nil, fmt.Errorf("make the index directory: %w", err)
	}
	held, err := lock(o.Directory)
	if err != nil {
		return nil, err
	}
	s := &Store{directory: o.Directory, pipeline: o.Pipeline, lock: held, ranking: newRanking(), staged: map[string]map[string]int64{}}
	if err := s.open(ctx, o.Generation); err != nil {
		return nil, errors.Join(s.fail("open index", err), s.Close())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, g config.Generation) (err error) {
	if s.writer, err = openWriter(ctx, s.directory); err != nil {
		return err
	}
	if s.reader, err = openDatabase(s.directory, "query_only(1)"); err != nil {
		return err
	}
	// A read takes a fraction of a millisecond, a new connection several: a burst of questions waits for those there are.
	readers := max(4, runtime.GOMAXPROCS(0))
	s.reader.SetMaxOpenConns(readers)
	s.reader.SetMaxIdleConns(readers)
	if s.fetch, err = s.reader.PrepareContext(ctx, fetchChunks); err != nil {
		return err
	}
	if err := s.openGeneration(ctx, g); err != nil {
		return err
	}
	if err := s.dropStaged(ctx); err != nil {
		return err
	}
	if err := s.reader.QueryRowContext(ctx, `SELECT coalesce(max(number), 0) FROM chunk`).Scan(&s.lastNumber); err != nil {
		return err
	}
	return s.load(ctx)
}

// Close ends the store and gives up the directory. Nothing is lost without it.
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

// fail says what failed, and on which index.
func (s *Store) fail(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, explain(err, s.directory))
}
