package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
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

// A byte that changes on the disk either is reported, or changes nothing of what the index tells.
func TestDamageIsNeverServed(t *testing.T) {
	directory := t.TempDir()
	s := openStore(t, directory)
	for n := range 40 {
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
	reported := 0
	for range 600 {
		at, bit := random.IntN(len(whole)), random.IntN(8)
		damaged := append([]byte(nil), whole...)
		damaged[at] ^= 1 << bit
		if err := os.WriteFile(databasePath(directory), damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := tell(t.Context(), directory)
		if err == nil {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("bit %d of byte %d (page %d): served: %s", bit, at, at/4096, diff)
			}
			continue
		}
		reported++
		if errors.Is(err, ErrDamaged) && !strings.Contains(err.Error(), "delete "+directory) {
			t.Errorf("bit %d of byte %d: the remedy is missing: %v", bit, at, err)
		}
	}
	if reported < 100 {
		t.Errorf("%d of 600 changes were reported", reported)
	}
}
