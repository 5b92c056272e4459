package indextest

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

func replaces(t *testing.T, at Storage) {
	store := open(t, at)
	put(t, store, "docs/a", passage("old", "docs/a", "apricot", 1, 0), passage("both", "docs/a", "banana", 0, 1))
	put(t, store, "docs/b", passage("b", "docs/b", "apricot", 1, 0))
	put(t, store, "docs/a", passage("both", "docs/a", "banana", 0, 1), passage("new", "docs/a", "cherry", 1, 1))

	must(t, cmp.Diff(ids([]string{"b"}), keyword(t, store, "apricot", 10, nil)))
	must(t, cmp.Diff(ids([]string{"new"}), keyword(t, store, "cherry", 10, nil)))
	must(t, cmp.Diff(ids([]string{"both", "new", "b"}), vector(t, store, []float32{0, 1}, 10, nil)))
	must(t, cmp.Diff([]index.Chunk{}, fetch(t, store, id("old")), cmpopts.EquateEmpty()))
	must(t, cmp.Diff(index.Stats{Documents: 2, Chunks: 3, Dimensions: 2}, stats(t, store)))

	put(t, store, "docs/a")
	must(t, cmp.Diff(ids([]string{"b"}), vector(t, store, []float32{0, 1}, 10, nil)))
}

func keeps(t *testing.T, at Storage) {
	store := open(t, at)
	c := passage("a", "docs/a", "text", 3, 4)
	c.Metadata = config.Metadata{"team": config.Text("vision")}
	put(t, store, "docs/a", c)
	known, err := store.Known(t.Context(), "docs/a")
	if err != nil {
		t.Fatal(err)
	}
	must(t, cmp.Diff(map[string]bool{c.ID: true}, known))

	c.Vector, c.Page, c.Start, c.End, c.Metadata = nil, 7, 10, 14, config.Metadata{"team": config.Text("audio")}
	put(t, store, "docs/a", c, passage("b", "docs/a", "more", 0, 1))
	must(t, cmp.Diff([]index.Chunk{c.Chunk}, fetch(t, store, c.ID), cmpopts.EquateEmpty()))
	must(t, cmp.Diff(ids([]string{"a", "b"}), vector(t, store, []float32{3, 4}, 10, nil)))
	must(t, cmp.Diff(ids([]string{"a"}), keyword(t, store, "text", 10, index.AnyOf("team", "audio"))))
	must(t, cmp.Diff([]string{}, keyword(t, store, "text", 10, index.AnyOf("team", "vision"))))

	known, err = store.Known(t.Context(), "docs/none")
	if err != nil || len(known) != 0 {
		t.Errorf("an unknown document is known by %v, %v", known, err)
	}
}

func fetchesAnew(t *testing.T, at Storage) {
	store := open(t, at)
	c, other := passage("a", "docs/a", "text", 3, 4), passage("b", "docs/b", "text", 0, 1)
	put(t, store, "docs/a", c)
	put(t, store, "docs/b", other)
	before := fetch(t, store, c.ID, other.ID)
	before[0].Text, before[1].Text = "a caller's own", "a caller's own"
	must(t, cmp.Diff([]index.Chunk{other.Chunk, c.Chunk}, fetch(t, store, other.ID, c.ID), cmpopts.EquateEmpty()))

	c.Title, c.Heading, c.Page = "Another title", "Another heading", 7
	c.Metadata = config.Metadata{"team": config.Text("audio")}
	c.Layout = index.Layout{Headings: []index.Heading{{Offset: 3, Path: "A > \"B\""}}, Slide: true,
		Boxes: []index.Box{{72, 700.5, 300.1, 712}, {72, 690, 120, 699.9}}}
	put(t, store, "docs/a", c)
	must(t, cmp.Diff([]index.Chunk{c.Chunk, other.Chunk}, fetch(t, store, c.ID, other.ID), cmpopts.EquateEmpty()))
	put(t, store, "docs/a")
	must(t, cmp.Diff([]index.Chunk{other.Chunk}, fetch(t, store, c.ID, other.ID), cmpopts.EquateEmpty()))
	c.Page = 8
	put(t, store, "docs/a", c)
	must(t, cmp.Diff([]index.Chunk{c.Chunk}, fetch(t, store, c.ID), cmpopts.EquateEmpty()))
	if _, err := store.Remove(t.Context(), []string{"docs/a", "docs/b"}); err != nil {
		t.Fatal(err)
	}
	must(t, cmp.Diff([]index.Chunk{}, fetch(t, store, c.ID, other.ID), cmpopts.EquateEmpty()))
}

func refuses(t *testing.T, at Storage) {
	store := open(t, at)
	put(t, store, "docs/a", passage("a", "docs/a", "text", 1, 0))
	before := snapshot(t, store)

	bare := passage("bare", "docs/b", "text")
	bare.Vector = nil
	twice := passage("b", "docs/b", "text", 1, 0)
	for name, chunks := range map[string][]index.Vectored{
		"a vector missing":            {passage("b", "docs/b", "text", 1, 0), bare},
		"a chunk twice":               {twice, twice},
		"another document's":          {passage("b", "docs/c", "text", 1, 0)},
		"not a number":                {passage("b", "docs/b", "text", float32(math.NaN()), 0)},
		"infinite":                    {passage("b", "docs/b", "text", float32(math.Inf(1)), 0)},
		"a vector without dimensions": {passage("b", "docs/b", "text")},
	} {
		if err := store.Put(t.Context(), indexed("docs/b", chunks), chunks); err == nil {
			t.Errorf("%s: was accepted", name)
		}
		must(t, cmp.Diff(before, snapshot(t, store)))
	}
}

func dimensions(t *testing.T, at Storage) {
	store := open(t, at)
	mixed := []index.Vectored{passage("a", "docs/a", "text", 1, 0), passage("b", "docs/a", "text", 1, 0, 0)}
	if err := store.Put(t.Context(), indexed("docs/a", mixed), mixed); !errors.Is(err, index.ErrDimensions) {
		t.Errorf("mixed lengths gave %v", err)
	}
	put(t, store, "docs/a", passage("a", "docs/a", "text", 1, 0, 0))
	before := snapshot(t, store)
	other := []index.Vectored{passage("b", "docs/b", "text", 1, 0)}
	if err := store.Put(t.Context(), indexed("docs/b", other), other); !errors.Is(err, index.ErrDimensions) {
		t.Errorf("another length gave %v", err)
	}
	must(t, cmp.Diff(before, snapshot(t, store)))
	if _, err := store.Vector(t.Context(), []float32{1, 0}, 10, nil); !errors.Is(err, index.ErrDimensions) {
		t.Errorf("a question of another length gave %v", err)
	}
	if got := stats(t, store).Dimensions; got != 3 {
		t.Errorf("dimensions are %d, want 3", got)
	}
}

func removes(t *testing.T, at Storage) {
	store := open(t, at)
	for _, name := range []string{"a", "b", "c"} {
		put(t, store, "docs/"+name, passage(name, "docs/"+name, "text", 1, 0))
	}
	removed, err := store.Remove(t.Context(), []string{"docs/a", "docs/none", "docs/c"})
	if err != nil || removed != 2 {
		t.Fatalf("removed %d, %v; want 2", removed, err)
	}
	must(t, cmp.Diff(ids([]string{"b"}), keyword(t, store, "text", 10, nil)))
	must(t, cmp.Diff(ids([]string{"b"}), vector(t, store, []float32{1, 0}, 10, nil)))
	must(t, cmp.Diff([]string{"docs/b"}, documents(t, store)))
	must(t, cmp.Diff(index.Stats{Documents: 1, Chunks: 1, Dimensions: 2}, stats(t, store)))
	known, err := store.Known(t.Context(), "docs/a")
	if err != nil || len(known) != 0 {
		t.Errorf("a removed document is known by %v, %v", known, err)
	}
	put(t, store, "docs/é") // has a row and no chunk
	left, err := store.Left(t.Context(), []string{"docs/a", "docs/b", "docs/c", "docs/none", "docs/é"})
	if err != nil {
		t.Fatal(err)
	}
	must(t, cmp.Diff([]string{"docs/b", "docs/é"}, left))
	if unremoved, err := store.Unremoved(t.Context()); err != nil || len(unremoved) > 0 {
		t.Errorf("the removal of %v has not ended, %v", unremoved, err)
	}
	if removed, err := store.Remove(t.Context(), []string{"docs/a", "docs/é"}); err != nil || removed != 1 {
		t.Errorf("removed %d, %v; want the one that is left", removed, err)
	}
}

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

func stages(t *testing.T, at Storage) {
	var large []index.Vectored
	for i := range 600 {
		large = append(large, passage(fmt.Sprint("large", i), "docs/large", fmt.Sprintf("apricot text %d", i), float32(i), 1))
	}
	store := at(t, Generation)
	put(t, store, "docs/a", passage("a", "docs/a", "apricot", 0, 1), passage("b", "docs/a", "banana", 1, 0))
	put(t, store, "docs/large",
		passage("large3", "docs/large", "apricot text 3", 3, 1), passage("old", "docs/large", "plum", 1, 1))
	before := snapshot(t, store)

	stage(t, store, "docs/large", large[4:200]...)
	stage(t, store, "docs/large", large[200:]...)
	longer := []index.Vectored{passage("x", "docs/large", "x", 1, 2, 3)}
	if err := store.Stage(t.Context(), "docs/large", longer); !errors.Is(err, index.ErrDimensions) {
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

// aboutEqual compares scores after objects were replaced: a store may count those in BM25 until it
// cleans up.
var aboutEqual = cmpopts.EquateApprox(0.001, 0)

func drops(t *testing.T, at Storage) {
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
