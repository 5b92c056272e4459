// Package indextest holds every index.Store to the same contract.
package indextest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Storage opens a generation of one pipeline's index, with the same data at every call. One store
// is open at a time; the test closes it.
type Storage func(t *testing.T, g config.Generation) index.Store

// Run tests a store; empty creates a storage that holds nothing.
func Run(t *testing.T, empty func(t *testing.T) Storage) {
	for name, test := range map[string]func(t *testing.T, at Storage){
		"an empty index answers nothing":                       answersNothing,
		"chunks come back whole and in the order asked":        chunks,
		"the vector retriever ranks by cosine similarity":      vectors,
		"equal scores are ordered by id":                       ties,
		"the limit may be below, at or past the size":          limits,
		"keywords find identifiers, figures and names":         keywords,
		"filters come before ranking":                          filters,
		"the types of metadata are those of the chunks":        types,
		"an audience finds what it sees, and nothing else":     access,
		"a document's chunks become exactly the ones put":      replaces,
		"a chunk without a vector keeps the one it has":        keeps,
		"chunks that were fetched before are fetched anew":     fetchesAnew,
		"a refused document changes nothing":                   refuses,
		"vectors of another length are refused":                dimensions,
		"staged vectors are visible only after their put":      stages,
		"what is staged and not put is deleted":                drops,
		"the ledger lists every document in order":             ledger,
		"removing deletes chunks and rows and counts the rows": removes,
		"what was put is there after reopening":                reopens,
		"generations keep apart until the others are retired":  generations,
		"vectors are lent to another generation":               borrows,
		"vectors of another space are not lent":                lendsNothing,
		"a context that has ended ends the call":               cancelled,
	} {
		t.Run(name, func(t *testing.T) { test(t, empty(t)) })
	}
}

// Generation is the generation that most tests use; its first vector decides the dimensions.
var Generation = config.Generation{
	Embedding: config.EmbeddingSpace{Model: "test/embedding"},
	Chunking:  config.Chunking{Size: 800, Overlap: 200, Unit: config.Characters},
	Analyser:  config.AnalyserVersion,
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// id converts a test's name for a chunk to a chunk id.
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
	c := index.Chunk{ID: id(name), Document: document, Source: sourceOf(document), Text: text, End: len(text)}
	return index.Vectored{Chunk: c, Vector: vector}
}

func indexed(document string, chunks []index.Vectored) index.Row {
	return index.Row{
		Document: document, Source: sourceOf(document), Chunks: len(chunks), State: index.Indexed, Updated: noon,
	}
}

// sourceOf is the first segment of a document's identity.
func sourceOf(document string) string {
	source, _, _ := strings.Cut(document, "/")
	return source
}

func open(t *testing.T, at Storage) index.Store {
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

func vector(t *testing.T, store index.Store, query []float32, limit int, filter *index.Filter) []string {
	t.Helper()
	hits, err := store.Vector(t.Context(), query, limit, filter)
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(hits)
}

func keyword(t *testing.T, store index.Store, question string, limit int, filter *index.Filter) []string {
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

// fetch returns the chunks as they were put. Those that the store has joined must be what others would make of them.
func fetch(t *testing.T, store index.Store, ids ...string) []index.Chunk {
	t.Helper()
	chunks, err := store.Chunks(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	for i := range chunks {
		c := &chunks[i]
		joined := c.Joined
		if c.Joined = ""; joined != "" && joined != c.Embedded() {
			t.Errorf("the embedded text of %s is %q, and not %q", c.ID, joined, c.Embedded())
		}
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

// stats are the store's, without the memory, which only some stores report.
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
