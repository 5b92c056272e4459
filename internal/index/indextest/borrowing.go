package indextest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/index"
	unit "github.com/ragpipeline/ragpipeline/internal/vector"
)

// borrow asks for the vectors of a document's chunks, and gives them by name, each of length 1.
func borrow(
	t *testing.T, store index.Store, document string, names ...string,
) (vectors map[string][]float32, truncated int) {
	t.Helper()
	loan, err := store.Borrow(t.Context(), document, ids(names))
	if err != nil {
		t.Fatal(err)
	}
	vectors = map[string][]float32{}
	for _, name := range names {
		if v, ok := loan.Vectors[id(name)]; ok {
			vectors[name] = unit.Unit(v)
		}
	}
	if len(vectors) != len(loan.Vectors) {
		t.Errorf("%d vectors were lent, %d of them asked for", len(loan.Vectors), len(vectors))
	}
	return vectors, loan.Truncated
}

func borrows(t *testing.T, at Storage) {
	next := Generation
	next.Analyser = "another"
	old := at(t, Generation)
	first := []index.Vectored{passage("a", "docs/a", "apricot", 3, 4), passage("b", "docs/a", "banana", 1, 0)}
	var many []index.Vectored
	for i := range 300 {
		many = append(many, passage(fmt.Sprint("many", i), "docs/many", fmt.Sprint("text ", i), float32(i), 1))
	}
	row := indexed("docs/a", first)
	row.Truncated = 1
	if err := old.Put(t.Context(), row, first); err != nil {
		t.Fatal(err)
	}
	put(t, old, "docs/many", many...)
	before := snapshot(t, old)
	if vectors, _ := borrow(t, old, "docs/a", "a"); len(vectors) > 0 {
		t.Errorf("a generation borrows from itself: %v", vectors)
	}
	closed(t, old)

	store := at(t, next)
	vectors, truncated := borrow(t, store, "docs/a", "a", "new", "b")
	must(t, cmp.Diff(map[string][]float32{"a": {0.6, 0.8}, "b": {1, 0}}, vectors, cmpopts.EquateApprox(0, 1e-6)))
	if truncated != 1 {
		t.Errorf("%d truncated chunks are told of, want 1", truncated)
	}
	var names []string
	for i := range many {
		names = append(names, fmt.Sprint("many", i))
	}
	if vectors, truncated = borrow(t, store, "docs/many", names...); len(vectors) != 300 || truncated != 0 {
		t.Errorf("%d vectors of 300, %d truncated", len(vectors), truncated)
	}
	must(t, cmp.Diff(index.Stats{}, stats(t, store))) // what is lent is not yet put
	put(t, store, "docs/a", first...)
	closed(t, store)

	old = at(t, Generation)
	must(t, cmp.Diff(before, snapshot(t, old)))
	closed(t, old)
}

func lendsNothing(t *testing.T, at Storage) {
	old := at(t, Generation)
	put(t, old, "docs/a", passage("a", "docs/a", "apricot", 1, 0))
	closed(t, old)

	prefixed := Generation
	prefixed.Embedding.PassagePrefix = "passage: "
	store := at(t, prefixed)
	if vectors, _ := borrow(t, store, "docs/a", "a"); len(vectors) > 0 {
		t.Errorf("vectors of texts with another prefix were lent: %v", vectors)
	}
	closed(t, store)

	longer := Generation
	longer.Analyser = "another"
	store = at(t, longer)
	defer closed(t, store)
	put(t, store, "docs/b", passage("b", "docs/b", "banana", 1, 0, 0))
	if vectors, _ := borrow(t, store, "docs/a", "a"); len(vectors) > 0 {
		t.Errorf("vectors of another length were lent: %v", vectors)
	}
}
