package indextest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// bare are the chunks without their vectors.
func bare(chunks []index.Vectored) []index.Vectored {
	out := make([]index.Vectored, len(chunks))
	for i, c := range chunks {
		out[i] = index.Vectored{Chunk: c.Chunk}
	}
	return out
}

func stage(t *testing.T, store index.Store, document string, chunks ...index.Vectored) {
	t.Helper()
	if err := store.Stage(t.Context(), document, chunks); err != nil {
		t.Fatal(err)
	}
}

func stages(t *testing.T, at Place) {
	var large []index.Vectored
	for i := range 600 {
		large = append(large, passage(fmt.Sprint("large", i), "docs/large", fmt.Sprintf("apricot text %d", i), float32(i), 1))
	}
	store := at(t, Generation)
	put(t, store, "docs/a", passage("a", "docs/a", "apricot", 0, 1), passage("b", "docs/a", "banana", 1, 0))
	put(t, store, "docs/large", passage("large3", "docs/large", "apricot text 3", 3, 1), passage("old", "docs/large", "plum", 1, 1))
	before := snapshot(t, store)

	stage(t, store, "docs/large", large[4:200]...)
	stage(t, store, "docs/large", large[200:]...)
	if err := store.Stage(t.Context(), "docs/large", []index.Vectored{passage("x", "docs/large", "x", 1, 2, 3)}); !errors.Is(err, index.ErrDimensions) {
		t.Errorf("staging a vector of another length gave %v", err)
	}
	must(t, cmp.Diff(before, snapshot(t, store)))
	known, err := store.Known(t.Context(), "docs/large")
	must(t, cmp.Diff(map[string]bool{id("large3"): true, id("old"): true}, known))
	if err != nil {
		t.Fatal(err)
	}

	put(t, store, "docs/large", append(large[:3:3], bare(large[3:])...)...)
	mixed := snapshot(t, store)
	closed(t, store)

	// Put at once, and reopened, it is the same.
	store = open(t, at)
	must(t, cmp.Diff(mixed, snapshot(t, store)))
	put(t, store, "docs/large", large...)
	must(t, cmp.Diff(mixed, snapshot(t, store), aboutEqual))
}

// aboutEqual is for scores after objects were replaced: a store may count those in BM25 until it cleans up.
var aboutEqual = cmpopts.EquateApprox(0.001, 0)

func drops(t *testing.T, at Place) {
	store := at(t, Generation)
	a := passage("a", "docs/a", "apricot", 0, 1)
	fails := func() {
		t.Helper()
		if err := store.Put(t.Context(), indexed("docs/a", []index.Vectored{a}), bare([]index.Vectored{a})); err == nil {
			t.Error("a chunk was put whose vector had been dropped")
		}
		must(t, cmp.Diff([]string{}, vector(t, store, []float32{0, 1}, 10, nil)))
	}
	stage(t, store, "docs/a", a)
	put(t, store, "docs/a")
	fails()
	stage(t, store, "docs/a", a)
	closed(t, store)
	store = open(t, at)
	fails()
}
