package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Readers see each document whole, in one version or the next, while a writer replaces and removes.
func TestReadersSeeWholeDocuments(t *testing.T) {
	s := openStore(t, t.TempDir())
	const documents, parts = 5, 3
	name := func(i int) string { return fmt.Sprintf("docs/%d", i%documents) }
	for i := range documents {
		mustPut(t, s, name(i), "v0", parts)
	}
	ctx, stop := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for reader := range 4 {
		readers.Go(func() {
			for i := reader; ctx.Err() == nil; i++ {
				filter := index.AnyOf(config.KeyDocument, name(i))
				keyword, err := s.Keyword(t.Context(), "common", 100, filter)
				if err != nil || len(keyword) != parts {
					t.Errorf("keyword retriever: %d hits, %v; want %d", len(keyword), err, parts)
				}
				vector, err := s.Vector(t.Context(), []float32{1, 1}, 100, filter)
				if err != nil || len(vector) != parts {
					t.Errorf("vector retriever: %d hits, %v; want %d", len(vector), err, parts)
				}
				ids := []string{}
				for _, h := range slices.Concat(keyword, vector) {
					ids = append(ids, h.ID)
				}
				chunks, err := s.Chunks(t.Context(), ids)
				if err != nil {
					t.Error(err)
				}
				for _, c := range chunks {
					if word := strings.Split(c.ID, "#")[1]; !strings.HasPrefix(c.Text, word+" ") {
						t.Errorf("chunk %s has text %q", c.ID, c.Text)
					}
				}
				if _, err := s.Stats(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 600 { // enough for a compaction
		mustPut(t, s, name(i), fmt.Sprintf("v%d", i), parts)
		mustPut(t, s, "docs/passing", "common", 1)
		if _, err := s.Remove(t.Context(), []string{"docs/passing"}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	readers.Wait()
}

// writerDirectory asks the test binary to be the process that TestAKilledWriterLeavesWholeDocuments
// kills.
const writerDirectory = "RAGPIPELINE_TEST_INDEX_WRITER"

func TestMain(m *testing.M) {
	if directory := os.Getenv(writerDirectory); directory != "" {
		writeUntilKilled(directory)
	}
	os.Exit(m.Run())
}

func writeUntilKilled(directory string) {
	s, err := Open(context.Background(), Options{Directory: directory, Pipeline: pipeline, Generation: generation})
	for i := 0; err == nil; i++ {
		err = putDocument(context.Background(), s, fmt.Sprintf("docs/%d", i%20), fmt.Sprintf("v%d", i), 1+i%7)
		if err == nil {
			fmt.Fprintln(os.Stdout, i)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func TestAKilledWriterLeavesWholeDocuments(t *testing.T) {
	directory := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for round := range 5 {
		writer := exec.CommandContext(t.Context(), self)
		writer.Env = append(os.Environ(), writerDirectory+"="+directory)
		writer.Stderr = os.Stderr
		out, err := writer.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Start(); err != nil {
			t.Fatal(err)
		}
		var last int
		for range 30 + 17*round { // kill it in the middle of what comes after
			if _, err := fmt.Fscanln(out, &last); err != nil {
				t.Fatal(err)
			}
		}
		if round == 0 {
			if err := openError(t, directory); !errors.Is(err, index.ErrLocked) {
				t.Errorf("beside another process, opening gave %v", err)
			}
		}
		time.Sleep(time.Duration(round) * time.Millisecond) //nolint:forbidigo // any moment will do to be killed
		if err := writer.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for { // what it had written before it was killed counts, too
			if _, err := fmt.Fscanln(out, &last); err != nil {
				break
			}
		}
		_ = writer.Wait()

		s := openStore(t, directory)
		found := contents(t, s)
		for i := max(0, last-19); i <= last; i++ {
			name := fmt.Sprintf("docs/%d", i%20)
			if got := found[name]; !whole(got, name, i, last) {
				t.Fatalf("killed after %d, %s holds %v", last, name, got)
			}
		}
		if result := integrity(t, s); result != "ok" {
			t.Fatalf("integrity check: %s", result)
		}
		closeStore(t, s)
	}
}

// whole reports whether the document holds what write i put, or the write that may have followed
// the last report.
func whole(got []string, name string, i, last int) bool {
	for _, version := range []int{i, last + 1} {
		row, chunks := document(name, fmt.Sprintf("v%d", version), 1+version%7)
		want := []string{fmt.Sprint(row.Chunks)}
		for _, c := range chunks {
			want = append(want, c.ID)
		}
		if slices.Equal(want, got) {
			return true
		}
	}
	return false
}

func integrity(t *testing.T, s *Store) (result string) {
	t.Helper()
	if err := s.reader.QueryRowContext(t.Context(), `PRAGMA integrity_check`).Scan(&result); err != nil {
		t.Fatal(err)
	}
	return result
}
