package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/cache"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

var (
	pipeline   = config.Pipeline{Namespace: "default", Name: "test"}
	generation = config.Generation{Embedding: config.EmbeddingSpace{Model: "test/embedding"}}
)

func openStore(t *testing.T, directory string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Directory: directory, Pipeline: pipeline, Generation: generation})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// openError is what opening fails with, after closing nothing and changing nothing.
func openError(t *testing.T, directory string) error {
	t.Helper()
	s, err := Open(t.Context(), Options{Directory: directory, Pipeline: pipeline, Generation: generation})
	if err == nil {
		s.Close()
		t.Fatal("the index was opened")
	}
	return err
}

func closeStore(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// document makes a document of n chunks that all hold the word.
func document(name, word string, n int) (index.Row, []index.Vectored) {
	chunks := make([]index.Vectored, n)
	for i := range chunks {
		chunks[i] = index.Vectored{
			Chunk: index.Chunk{
				ID:       fmt.Sprintf("%s#%s#%d", name, word, i),
				Document: name, Source: "docs", Text: fmt.Sprintf("%s common part%d", word, i),
			},
			Vector: []float32{1, float32(i)},
		}
	}
	return index.Row{Document: name, Source: "docs", Chunks: n, State: index.Indexed}, chunks
}

func putDocument(ctx context.Context, s *Store, name, word string, n int) error {
	row, chunks := document(name, word, n)
	return s.Put(ctx, row, chunks)
}

func mustPut(t *testing.T, s *Store, name, word string, n int) {
	t.Helper()
	if err := putDocument(t.Context(), s, name, word, n); err != nil {
		t.Fatal(err)
	}
}

// contents are the ledger and, by keyword, the chunks of each document.
func contents(t *testing.T, s *Store) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	rows, err := s.Documents(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		hits, err := s.Keyword(t.Context(), "common", 1000, index.AnyOf(config.KeyDocument, row.Document))
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{fmt.Sprint(row.Chunks)}
		for _, h := range hits {
			ids = append(ids, h.ID)
		}
		slices.Sort(ids[1:])
		found[row.Document] = ids
	}
	return found
}

func TestASecondStoreIsLockedOut(t *testing.T) {
	directory := t.TempDir()
	s := openStore(t, directory)
	err := openError(t, directory)
	if !errors.Is(err, index.ErrLocked) || !strings.Contains(err.Error(), directory) {
		t.Errorf("a second store gave %v; it should name the directory", err)
	}
	mustPut(t, s, "docs/a", "apple", 1) // the first is not disturbed
	closeStore(t, s)
	openStore(t, directory)
}

func TestADirectoryOfAnyName(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "a b%20c#d?e=f&g 한국어")
	s := openStore(t, directory)
	mustPut(t, s, "docs/a", "apple", 1)
	closeStore(t, s)
	if _, err := os.Stat(filepath.Join(directory, "index.db")); err != nil {
		t.Error(err)
	}
	if got := len(contents(t, openStore(t, directory))); got != 1 {
		t.Errorf("%d documents after reopening, want 1", got)
	}
}

func TestRetireGivesSpaceBack(t *testing.T) {
	directory := t.TempDir()
	old := openStore(t, directory)
	mustPut(t, old, "docs/a", "apple", 2000)
	closeStore(t, old)
	size := func() int64 {
		info, err := os.Stat(filepath.Join(directory, "index.db"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	before, next := size(), generation
	next.Analyser = "next"
	s, err := Open(t.Context(), Options{Directory: directory, Pipeline: pipeline, Generation: next})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	other := openOther(t, s)
	mustPut(t, s, "docs/b", "banana", 1)
	if err := s.Retire(t.Context(), index.Retirement{}); err != nil {
		t.Fatal(err)
	}
	if after := size(); after > before/4 {
		t.Errorf("the database has %d bytes after retiring, %d before", after, before)
	}
	if got := len(contents(t, s)); got != 1 {
		t.Errorf("%d documents are left, want 1", got)
	}
	var left int
	err = s.reader.QueryRowContext(t.Context(), `SELECT count(*) FROM generation WHERE pipeline = ?`, other).Scan(&left)
	if err != nil || left != 1 {
		t.Errorf("another pipeline has %d generations left (%v), want 1", left, err)
	}
}

// openOther makes a generation of another pipeline in the same database.
func openOther(t *testing.T, s *Store) string {
	t.Helper()
	if _, err := s.writer.conn.ExecContext(t.Context(),
		`INSERT INTO generation (pipeline, fingerprint, record) VALUES ('default/other', '00000000', '{}')`); err != nil {
		t.Fatal(err)
	}
	return "default/other"
}

func TestMemoryIsReported(t *testing.T) {
	s := openStore(t, t.TempDir())
	before := s.rankingStats().MemoryBytes
	mustPut(t, s, "docs/a", "apple", 1000)
	grown := s.rankingStats().MemoryBytes - before
	if grown < 1000*(2*4+40) || grown > 1000*1000 {
		t.Errorf("a thousand chunks took %d bytes", grown)
	}
}

func TestLoadingSortsNothing(t *testing.T) {
	s := openStore(t, t.TempDir())
	rows, err := s.reader.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+selectLoaded, s.generation)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	steps := 0
	for ; rows.Next(); steps++ {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(step, "TEMP B-TREE") {
			t.Errorf("SQLite plans to sort every vector: %s", step)
		}
	}
	if err := rows.Err(); err != nil || steps == 0 {
		t.Fatalf("%d steps, %v", steps, err)
	}
}

func TestABurstOfReadsThrowsNoConnectionAway(t *testing.T) {
	s := openStore(t, t.TempDir())
	s.cache = cache.New[chunkKey, *index.Chunk](0) // every read is one of the database
	row, chunks := document("docs/a", "word", 3)
	if err := s.Put(t.Context(), row, chunks); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 32 {
		group.Go(func() {
			for range 20 {
				if got, err := s.Chunks(t.Context(), []string{chunks[0].ID, chunks[2].ID}); err != nil || len(got) != 2 {
					t.Errorf("%d chunks, %v", len(got), err)
				}
			}
		})
	}
	group.Wait()
	if closed := s.reader.Stats().MaxIdleClosed; closed > 0 {
		t.Errorf("%d connections were opened and closed again", closed)
	}
}

// Readers keep the chunk in the cache all the time, while the document changes under them.
func TestACacheNeverReturnsAnEarlierVersion(t *testing.T) {
	s := openStore(t, t.TempDir())
	row, chunks := document("docs/a", "word", 1)
	ids := []string{chunks[0].ID}
	write := func(page int) error {
		chunks[0].Page = page
		return s.Put(t.Context(), row, chunks)
	}
	if err := write(1); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var readers sync.WaitGroup
	defer readers.Wait()
	defer close(stop)
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = s.Chunks(t.Context(), ids)
				}
			}
		})
	}
	for page := 2; page < 200; page++ {
		if err := write(page); err != nil {
			t.Fatal(err)
		}
		got, err := s.Chunks(t.Context(), ids)
		if err != nil || len(got) != 1 || got[0].Page != page {
			t.Fatalf("after page %d was written, %v was read, %v", page, got, err)
		}
	}
}

// A generation that was replaced stays for a while, without documents that are removed, and is complete again once a
// run has completed it.
func TestAReplacedGenerationStaysForAWayBack(t *testing.T) {
	directory := t.TempDir()
	open := func(analyser string) *Store {
		t.Helper()
		g := generation
		g.Analyser = analyser
		s, err := Open(t.Context(), Options{Directory: directory, Pipeline: pipeline, Generation: g})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	completed := func(s *Store) bool {
		t.Helper()
		stats, err := s.Stats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return !stats.Completed.IsZero()
	}
	complete := func(s *Store, retain time.Duration) {
		t.Helper()
		if err := s.Complete(t.Context(), time.Now(), config.Losses{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Retire(t.Context(), index.Retirement{Retain: retain}); err != nil {
			t.Fatal(err)
		}
	}
	synced := index.Measured{Synced: config.Synced{Sources: []config.SourceSync{{Name: "docs", Revision: "1"}}}}
	first := open("first")
	mustPut(t, first, "docs/a", "apple", 2)
	mustPut(t, first, "docs/b", "pear", 2)
	if err := first.Measure(t.Context(), synced); err != nil {
		t.Fatal(err)
	}
	complete(first, time.Hour)
	closeStore(t, first)

	second := open("second")
	mustPut(t, second, "docs/a", "apple", 1)
	complete(second, time.Hour)
	if _, err := second.Remove(t.Context(), []string{"docs/b"}); err != nil {
		t.Fatal(err)
	}
	if left, err := second.Left(t.Context(), []string{"docs/a", "docs/b"}); err != nil || len(left) != 1 || left[0] != "docs/a" {
		t.Errorf("%v are left, %v", left, err)
	}
	closeStore(t, second)
	found, err := Inspect(t.Context(), directory, pipeline)
	if err != nil || len(found) != 2 || !found[0].Replaced || found[1].Replaced || found[0].Stats.Documents != 1 {
		t.Errorf("the index has %+v, %v", found, err)
	}

	first = open("first")
	if got := contents(t, first); len(got) != 1 || completed(first) {
		t.Errorf("it has %v, and is complete: %t", got, completed(first))
	}
	if stats, err := first.Stats(t.Context()); err != nil || stats.Measured.Synced.Sources[0].Revision != "" {
		t.Errorf("it is of the revision %+v, %v", stats.Measured.Synced, err)
	}
	complete(first, time.Hour)
	if !completed(first) {
		t.Error("it is not complete again")
	}
	complete(first, time.Nanosecond)
	if found, err := Inspect(t.Context(), directory, pipeline); err != nil || len(found) != 1 {
		t.Errorf("once its time is up, the index has %+v, %v", found, err)
	}
	closeStore(t, first)
}
