package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// A database that someone copies over an open one has the same numbers of generations and chunks. Nothing of it is
// told: it may be another pipeline's, with other readers, or an older generation's.
func TestACopyOfAnotherDatabaseIsNotServed(t *testing.T) {
	const documents = 3
	other := config.Pipeline{Namespace: "default", Name: "other"}
	older := generation
	older.Chunking.Size++
	for name, foreign := range map[string]struct {
		pipeline   config.Pipeline
		generation config.Generation
		documents  int
	}{
		"of another pipeline":           {other, generation, documents},
		"of another generation":         {pipeline, older, documents},
		"of another pipeline and empty": {other, generation, 0},
	} {
		for does, read := range map[string]func(context.Context, *Store) error{
			"documents": func(ctx context.Context, s *Store) error { _, err := s.Documents(ctx, "", 100); return err },
			"a row":     func(ctx context.Context, s *Store) error { _, err := s.Row(ctx, "docs/b0"); return err },
			"failures":  func(ctx context.Context, s *Store) error { _, err := s.Failures(ctx, 100); return err },
			"what is seen": func(ctx context.Context, s *Store) error {
				_, err := s.Seen(ctx, index.Audience{}, "", 100)
				return err
			},
			"a count":    func(ctx context.Context, s *Store) error { _, err := s.Count(ctx, index.Audience{}); return err },
			"statistics": func(ctx context.Context, s *Store) error { _, err := s.Stats(ctx); return err },
			"chunks": func(ctx context.Context, s *Store) error {
				_, err := s.Chunks(ctx, []string{"docs/a0#apple#0", "docs/a1#apple#1"})
				return err
			},
		} {
			t.Run(name+", "+does, func(t *testing.T) {
				directory, from := t.TempDir(), t.TempDir()
				fill(t, directory, pipeline, generation, "a", documents)
				fill(t, from, foreign.pipeline, foreign.generation, "b", foreign.documents)
				s := openStore(t, directory)
				copied, err := os.ReadFile(databasePath(from))
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(databasePath(directory), copied, 0o600); err != nil {
					t.Fatal(err)
				}
				s.reader.SetMaxIdleConns(0) // closes those that have read the pages before
				err = read(t.Context(), s)
				if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "delete "+directory) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// fill makes an index of so many documents, each of which has three chunks.
func fill(t *testing.T, directory string, p config.Pipeline, g config.Generation, named string, documents int) {
	t.Helper()
	s, err := Open(t.Context(), Options{Directory: directory, Pipeline: p, Generation: g})
	if err != nil {
		t.Fatal(err)
	}
	for i := range documents {
		mustPut(t, s, fmt.Sprintf("docs/%s%d", named, i), map[string]string{"a": "apple", "b": "pear"}[named], 3)
	}
	closeStore(t, s)
}
