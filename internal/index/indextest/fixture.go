package indextest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// id is the chunk id of a test's name for a chunk.
func id(name string) string { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String() }

func ids(names []string) []string {
	out := []string{}
	for _, n := range names {
		out = append(out, id(n))
	}
	return out
}

func passage(name, document, text string, vector ...float32) index.Vectored {
	if vector == nil {
		vector = []float32{}
	}
	return index.Vectored{
		Chunk:  index.Chunk{ID: id(name), Document: document, Source: strings.SplitN(document, "/", 2)[0], Text: text, End: len(text)},
		Vector: vector,
	}
}

func indexed(document string, chunks []index.Vectored) index.Row {
	return index.Row{Document: document, Source: strings.SplitN(document, "/", 2)[0], Chunks: len(chunks), State: index.Indexed, Updated: noon}
}

func open(t *testing.T, at Place) index.Store {
	t.Helper()
	store := at(t, Generation)
	t.Cleanup(func() { closed(t, store) })
	return store
}

func closed(t *testing.T, store index.Store) {
	t.Helper()
	if err := store.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func must(t *testing.T, diff string) {
	t.Helper()
	if diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func put(t *testing.T, store index.Store, document string, chunks ...index.Vectored) {
	t.Helper()
	if err := store.Put(t.Context(), indexed(document, chunks), chunks); err != nil {
		t.Fatal(err)
	}
}

func vector(t *testing.T, store index.Store, query []float32, limit int, filter index.Filter) []string {
	t.Helper()
	hits, err := store.Vector(t.Context(), query, limit, filter)
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(hits)
}

func keyword(t *testing.T, store index.Store, question string, limit int, filter index.Filter) []string {
	t.Helper()
	hits, err := store.Keyword(t.Context(), question, limit, filter)
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(hits)
}

func idsOf(hits []index.Hit) []string {
	ids := []string{}
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return ids
}

func fetch(t *testing.T, store index.Store, ids ...string) []index.Chunk {
	t.Helper()
	chunks, err := store.Chunks(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	return chunks
}

func rows(t *testing.T, store index.Store) []index.Row {
	t.Helper()
	rows, err := store.Documents(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func documents(t *testing.T, store index.Store) []string {
	t.Helper()
	names := []string{}
	for _, r := range rows(t, store) {
		names = append(names, r.Document)
	}
	return names
}

// stats are the store's, without the memory that only some know.
func stats(t *testing.T, store index.Store) index.Stats {
	t.Helper()
	s, err := store.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.MemoryBytes = 0
	return s
}

// state is everything that a user can see of an index of these tests.
type state struct {
	Rows    []index.Row
	Stats   index.Stats
	Vector  []index.Hit
	Keyword []index.Hit
	Chunks  []index.Chunk
}

func snapshot(t *testing.T, store index.Store) (s state) {
	t.Helper()
	s.Rows, s.Stats = rows(t, store), stats(t, store)
	query := make([]float32, s.Stats.Dimensions)
	for i := range query {
		query[i] = float32(i + 1)
	}
	var err error
	if s.Vector, err = store.Vector(t.Context(), query, 1000, nil); err != nil {
		t.Fatal(err)
	}
	if s.Keyword, err = store.Keyword(t.Context(), "text apricot banana cherry damson plum", 1000, nil); err != nil {
		t.Fatal(err)
	}
	s.Chunks = fetch(t, store, idsOf(s.Vector)...)
	return s
}
