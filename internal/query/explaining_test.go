package query_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

func explains(t *testing.T, store index.Store) {
	fill(t, store)
	t.Run("every stage", func(t *testing.T) { explainsStages(t, store) })
	t.Run("why not", func(t *testing.T) { explainsAbsence(t, store) })
	t.Run("by keyword", func(t *testing.T) { explainsKeywords(t, store) })
}

// fill puts 300 documents docs/000 to docs/299, the nearest to every question first, of which the last ten have the
// word kiwi; docs/001 is a copy of docs/000. Two more have no chunks.
func fill(t *testing.T, store index.Store) {
	for i := range 300 {
		name, text := fmt.Sprintf("docs/%03d", i), fmt.Sprintf("Passage number %d.", max(i, 1))
		if i >= 290 {
			text += " A kiwi is a fruit."
		}
		p := passage(name, text, float32(math.Cos(float64(i)/200)), float32(math.Sin(float64(i)/200)))
		p.Metadata = config.Metadata{"even": config.Boolean(i%2 == 0)}
		put(t, store, p)
	}
	for _, row := range []index.Row{
		{Document: "docs/failed", State: index.Failed, Reason: config.NoTextLayer, Message: "pages are images"},
		{Document: "docs/empty", State: index.Indexed},
	} {
		row.Source = "docs"
		if err := store.Put(t.Context(), row, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// explained is a pipeline over such a store. Its reranker turns the order of its candidates around.
func explained(store index.Store, mode config.Mode) *query.Service {
	return query.New(query.Options{
		Config: config.Gateway{
			Retrieval: config.Retrieval{Mode: mode, K: 5, TopN: 2, Alpha: .9},
			Models:    config.Models{Embedding: config.Model{Name: "e"}, Reranking: &config.Model{Name: "r"}},
		},
		Index: store, Embedder: nearest{}, Ranker: around{},
	})
}

type nearest struct{}

func (nearest) Query(context.Context, string) ([]float32, error) { return []float32{1, 0}, nil }

type around struct{}

func (around) Rank(_ context.Context, _ string, passages []string) ([]model.Ranked, error) {
	ranking := make([]model.Ranked, len(passages))
	for i := range passages {
		ranking[i] = model.Ranked{Index: i, Score: float64(i)}
	}
	slices.Reverse(ranking)
	return ranking, nil
}

// ask is an explained search for "the kiwi?" that asks about a document.
func ask(t *testing.T, store index.Store, document string) query.SearchRequest {
	t.Helper()
	row, err := store.Row(t.Context(), document)
	if err != nil {
		t.Fatal(err)
	}
	known, err := store.Known(t.Context(), document)
	if err != nil {
		t.Fatal(err)
	}
	explain := &query.Explain{Document: document, Row: row}
	for id := range known {
		explain.Chunks = append(explain.Chunks, id)
	}
	return query.SearchRequest{Query: "the kiwi?", Explain: explain}
}

func explainsStages(t *testing.T, store index.Store) {
	service := explained(store, config.Hybrid)
	even := index.All(&index.Filter{Operator: index.In, Key: "even", Values: config.Boolean(true).Scalars()})
	r := ask(t, store, "")
	r.Filter = even
	found, err := service.Search(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	e := found.Explanation
	equal(t, cmp.Diff([]string{"kiwi"}, e.Words))
	equal(t, cmp.Diff(&query.Leg{Limit: 100, Candidates: 100, Removed: 50}, e.Vector))
	equal(t, cmp.Diff(&query.Leg{Limit: 100, Candidates: 5, Removed: 5}, e.Keyword))
	if len(e.Candidates) != 100 || e.TotalCandidates != 105 || e.EqualTexts != 0 || !e.Reranked {
		t.Errorf("%d of %d candidates, %d of equal texts, reranked: %v; want 100 of 105, none, true", len(e.Candidates),
			e.TotalCandidates, e.EqualTexts, e.Reranked)
	}
	// The fusion is 000, 002, 004 and so on; the reranker takes five of them and turns them around.
	for i, want := range []string{
		"BelowTopN 1 5", "BelowTopN 2 4", "BelowTopN 3 3", "Found 4 2", "Found 5 1", "BelowK 6 0",
	} {
		c, reranked := e.Candidates[i], 0
		if c.Reranking != nil {
			reranked = c.Reranking.Rank
		}
		equal(t, cmp.Diff(want, fmt.Sprintf("%s %d %d", c.Outcome, c.Fused.Rank, reranked)))
		if c.Vector.Rank != i+1 || c.Keyword != nil || c.Document != fmt.Sprintf("docs/%03d", 2*i) || len(c.Words) != 0 {
			t.Errorf("candidate %d is %+v", i, c)
		}
	}
	if found.Passages[0].ID != e.Candidates[4].Chunk || e.Candidates[4].Result != 1 {
		t.Errorf("result 1 is chunk %s; the explanation has %+v", found.Passages[0].ID, e.Candidates[4])
	}
}

func explainsAbsence(t *testing.T, store index.Store) {
	service := explained(store, config.Hybrid)
	even := index.All(&index.Filter{Operator: index.In, Key: "even", Values: config.Boolean(true).Scalars()})
	for _, tc := range []struct {
		name, document string
		filter         *index.Filter
		noRerank       bool
		threshold      float64
		outcome        query.Outcome
		message        string
		passage        string // has the ranks by vector and by keyword
	}{
		{"a result", "docs/005", nil, false, 0, query.OutcomeFound, "is result 1", "6 0"},
		{"the copy of a better chunk", "docs/001", nil, false, 0, query.OutcomeEqualText, "exactly the text", "2 0"},
		{"cut by topN after the reranking", "docs/002", nil, false, 0, query.OutcomeBelowTopN,
			"number 4 after the reranking, and the search returns 2", "3 0"},
		{"cut by topN without a reranking", "docs/004", nil, true, 0, query.OutcomeBelowTopN,
			"number 4 after the fusion, and the search returns 2", "5 0"},
		{"cut by the threshold", "docs/005", nil, false, .99, query.OutcomeBelowThreshold, "below confidence_threshold 0.99",
			"6 0"},
		{"cut by k", "docs/050", nil, false, 0, query.OutcomeBelowK, "number 50 after the fusion, and 5 go", "51 0"},
		{"found by its word alone, cut by k", "docs/299", nil, false, 0, query.OutcomeBelowK, "after the fusion", "300 4"},
		{"not among the candidates", "docs/200", nil, false, 0, query.OutcomeBelowCandidates,
			"number 201 by vector, and each retriever gives 100", "201 0"},
		{"removed by the filter", "docs/003", even, false, 0, query.OutcomeFiltered, "filter does not admit", "0 0"},
		{"behind others that the filter admits", "docs/202", even, false, 0, query.OutcomeBelowCandidates,
			"number 102 by vector", "102 0"},
		{"not in the ledger", "docs/none", nil, false, 0, query.OutcomeUnknown, "no such document", ""},
		{"a failed document", "docs/failed", nil, false, 0, query.OutcomeFailed, "NoTextLayer: pages are images", ""},
		{"a document without text", "docs/empty", nil, false, 0, query.OutcomeNoText, "no text was found", ""},
	} {
		r := ask(t, store, tc.document)
		r.Filter, r.NoRerank, r.Threshold = tc.filter, tc.noRerank, tc.threshold
		found, err := service.Search(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		a, ranks := found.Explanation.Document, ""
		for _, p := range a.Passages {
			ranks += fmt.Sprintf("%d %d", rankOf(p.Vector), rankOf(p.Keyword))
		}
		if a.Outcome != tc.outcome || !strings.Contains(a.Message, tc.message) || ranks != tc.passage {
			t.Errorf("%s: %s, %q, ranks %q; want %s, %q, ranks %q", tc.name, a.Outcome, a.Message, ranks, tc.outcome,
				tc.message, tc.passage)
		}
	}
}

func rankOf(s *query.Standing) int {
	if s == nil {
		return 0
	}
	return s.Rank
}

func explainsKeywords(t *testing.T, store index.Store) {
	service := explained(store, config.Keyword)
	found, err := service.Search(t.Context(), ask(t, store, "docs/003"))
	if err != nil {
		t.Fatal(err)
	}
	e := found.Explanation
	if a := e.Document; a.Outcome != query.OutcomeNoMatch || !strings.Contains(a.Message, "has a word of the query") {
		t.Errorf("a document without the word: %s, %q", a.Outcome, a.Message)
	}
	if e.Vector != nil || e.Keyword.Candidates != 10 || !slices.Equal(e.Candidates[0].Words, []string{"kiwi"}) {
		t.Errorf("retrievers %+v and %+v, first candidate %+v", e.Vector, e.Keyword, e.Candidates[0])
	}
}
