package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// told is all that a store tells of its generation.
type told struct {
	Rows, Failures  []index.Row
	Chunks          []index.Chunk
	Vector, Keyword []index.Hit
	Stats           index.Stats
}

// tell opens the index and asks it for everything.
func tell(ctx context.Context, directory string) (t told, err error) {
	s, err := Open(ctx, Options{Directory: directory, Pipeline: pipeline, Generation: generation})
	if err != nil {
		return t, err
	}
	defer s.Close()
	var errs [6]error
	t.Rows, errs[0] = s.Documents(ctx, "", 1000)
	t.Failures, errs[1] = s.Failures(ctx, 1000)
	t.Vector, errs[2] = s.Vector(ctx, []float32{1, 2}, 1000, nil)
	t.Keyword, errs[3] = s.Keyword(ctx, "common", 1000, nil)
	ids := make([]string, len(t.Vector))
	for i, h := range t.Vector {
		ids[i] = h.ID
	}
	t.Chunks, errs[4] = s.Chunks(ctx, ids)
	t.Stats, errs[5] = s.Stats(ctx)
	return t, errors.Join(errs[:]...)
}

// pageBytes is the size of a page of the database.
const pageBytes = 4096

// damages change a database as disks and file systems do.
var damages = map[string]func(b []byte, random *rand.Rand){
	"a bit": func(b []byte, random *rand.Rand) { b[random.IntN(len(b))] ^= 1 << random.IntN(8) },
	"a sector that is lost": func(b []byte, random *rand.Rand) {
		clear(b[random.IntN(len(b)/512)*512:][:512])
	},
	"a page written in place of another": func(b []byte, random *rand.Rand) {
		pages := len(b)/pageBytes - 1
		from, to := 1+random.IntN(pages), 1+random.IntN(pages)
		copy(b[to*pageBytes:], b[from*pageBytes:][:pageBytes])
	},
	"two pages that changed places": func(b []byte, random *rand.Rand) {
		pages := len(b)/pageBytes - 1
		one, other := b[(1+random.IntN(pages))*pageBytes:][:pageBytes], b[(1+random.IntN(pages))*pageBytes:][:pageBytes]
		was := slices.Clone(one)
		copy(one, other)
		copy(other, was)
	},
}

// What changes on the disk either is reported with the remedy, or changes nothing of what the index tells.
func TestDamageIsNeverServed(t *testing.T) {
	directory := t.TempDir()
	s := openStore(t, directory)
	for n := range 200 {
		row, chunks := document(fmt.Sprintf("docs/%d", n), "apple", 3)
		row.Title, row.Hash = fmt.Sprint("title ", n), fmt.Sprint("hash ", n)
		for i := range chunks {
			chunks[i].Title, chunks[i].Heading, chunks[i].Page = row.Title, "heading", n
		}
		if err := s.Put(t.Context(), row, chunks); err != nil {
			t.Fatal(err)
		}
	}
	failed := index.Row{Document: "docs/x", Source: "docs", State: index.Failed, Reason: config.Malformed, Message: "broken"}
	if err := s.Put(t.Context(), failed, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Complete(t.Context(), time.Unix(1, 0), config.Losses{}); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	want, err := tell(t.Context(), directory)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(databasePath(directory))
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 6))
	for name, damage := range damages {
		const trials = 120
		reported := 0
		for n := range trials {
			damaged := slices.Clone(whole)
			damage(damaged, random)
			if err := os.WriteFile(databasePath(directory), damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := tell(t.Context(), directory)
			if err == nil {
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %d: served: %s", name, n, diff)
				}
				continue
			}
			reported++
			if !strings.Contains(err.Error(), "delete "+directory) && !strings.Contains(err.Error(), "choose another") &&
				!strings.Contains(err.Error(), "delete the directory") {
				t.Errorf("%s, %d: the remedy is missing: %v", name, n, err)
			}
		}
		t.Logf("%s: %d of %d were reported", name, reported, trials)
		if reported < trials/2 {
			t.Errorf("%s: %d of %d were reported", name, reported, trials)
		}
	}
}

// A row that a search of the database misses, as one behind a damaged page, is neither left out of an answer nor of a
// write.
func TestARowThatIsNotFoundIsDamage(t *testing.T) {
	for table, does := range map[string]func(context.Context, *Store) error{
		"chunk": func(ctx context.Context, s *Store) error {
			_, err := s.Chunks(ctx, []string{"docs/b#apple#1", "docs/a#apple#1"})
			return err
		},
		"chunk, when written":  func(ctx context.Context, s *Store) error { return putDocument(ctx, s, "docs/a", "apple", 3) },
		"chunk, when replaced": func(ctx context.Context, s *Store) error { return putDocument(ctx, s, "docs/a", "cherry", 1) },
		"chunk, when removed": func(ctx context.Context, s *Store) error {
			_, err := s.Remove(ctx, []string{"docs/a"})
			return err
		},
		"vector, when removed": func(ctx context.Context, s *Store) error {
			_, err := s.Remove(ctx, []string{"docs/a"})
			return err
		},
	} {
		t.Run(table, func(t *testing.T) {
			directory := t.TempDir()
			s := openStore(t, directory)
			mustPut(t, s, "docs/a", "apple", 3)
			mustPut(t, s, "docs/b", "apple", 3)
			name, _, _ := strings.Cut(table, ",")
			number := s.ranking.entries[s.ranking.ordinals["docs/a#apple#1"]].number
			if _, err := s.writer.conn.ExecContext(t.Context(), `DELETE FROM `+name+` WHERE number = ?`, number); err != nil {
				t.Fatal(err)
			}
			err := does(t.Context(), s)
			if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "delete "+directory) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestADirectoryThatCannotBeUsedIsTold(t *testing.T) {
	for name, spoil := range map[string]func(directory string) error{
		"it is a file":                func(d string) error { return os.WriteFile(d, nil, 0o600) },
		"its database is a directory": func(d string) error { return os.MkdirAll(d+"/index.db", 0o700) },
		"its lock is a directory":     func(d string) error { return os.MkdirAll(d+"/lock", 0o700) },
	} {
		directory := t.TempDir() + "/index"
		if err := spoil(directory); err != nil {
			t.Fatal(err)
		}
		want := directory + " must be a directory whose files this user may read and write"
		if err := openError(t, directory); !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A question whose deadline ends waits no longer for a write.
func TestTheWaitForAWriteEndsWithItsContext(t *testing.T) {
	s := &Store{writing: make(turn, 1), ranking: newRanking()}
	s.writing.Lock()
	ctx, cancel := context.WithCancelCause(t.Context())
	over := errors.New("the question is over")
	cancel(over)
	if _, err := s.live(ctx, entry{id: "x"}); !errors.Is(err, over) {
		t.Errorf("got %v", err)
	}
	s.writing.Unlock()
	if live, err := s.live(t.Context(), entry{id: "x"}); live || err != nil {
		t.Errorf("a chunk that is not there is live: %v, %v", live, err)
	}
}
