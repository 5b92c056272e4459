package query

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

func TestSearchUsesTheLegsOfItsMode(t *testing.T) {
	for _, tc := range []struct {
		name     string
		mode     config.Mode
		noRerank bool
		want     []string
	}{
		{"hybrid fuses both retrievers", config.Hybrid, true, []string{"c", "a"}},
		{"hybrid reranks the first k", config.Hybrid, false, []string{"d", "e"}},
		{"vector leaves the keyword retriever out", config.Vector, true, []string{"a", "c"}},
		{"keyword leaves the vector retriever out", config.Keyword, true, []string{"c", "e"}},
		{"keyword reranks too", config.Keyword, false, []string{"f", "d"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			f.options.Config.Retrieval.Mode = tc.mode
			if tc.mode == config.Keyword {
				f.options.Embedder = nil // would panic if it were asked
			}
			got, err := f.service().Search(t.Context(), SearchRequest{Query: "what?", NoRerank: tc.noRerank})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, ids(got.Passages)); diff != "" {
				t.Errorf("passages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSearchScores(t *testing.T) {
	f := newFixture(t)
	got, err := f.service().Search(t.Context(), SearchRequest{Query: "what?", TopN: 4})
	if err != nil {
		t.Fatal(err)
	}
	// The fake reranker turns c a e d around: d gets logit 4.
	d, e, c := got.Passages[0], got.Passages[1], got.Passages[3]
	if want := 1 / (1 + math.Exp(-0.4)); d.ID != "d" || d.Score != want || *d.Logit != 4 {
		t.Errorf("best passage %s has score %v and logit %v, want d with %v and 4", d.ID, d.Score, *d.Logit, want)
	}
	if e.Vector != nil || *e.Keyword != 6 {
		t.Errorf("raw scores of e: vector %v, keyword %v; want none and 6", e.Vector, e.Keyword)
	}
	if *c.Keyword != 8 || *c.Vector != .8 || c.Fused <= d.Fused {
		t.Errorf("raw scores of c: vector %v, keyword %v, fused %v", *c.Vector, *c.Keyword, c.Fused)
	}
	for _, p := range got.Passages {
		if p.Score < 0 || p.Score > 1 || p.Fused < 0 || p.Fused > 1 {
			t.Errorf("%s: score %v and fused %v must be in 0..1", p.ID, p.Score, p.Fused)
		}
	}
}

func TestARelevanceIsAScoreAlreadyAndALogitIsNot(t *testing.T) {
	logistic := func(logit float64) float64 { return 1 / (1 + math.Exp(-0.1*logit)) }
	for _, tc := range []struct {
		name      string
		protocol  config.Protocol
		said      [4]float64
		best, bad float64
	}{
		{"vLLM's relevance", config.OpenAI, [4]float64{1, .25, 0, .5}, 1, 0},
		{"llama.cpp's logits", config.OpenAI, [4]float64{.9, .5, -4, .1}, logistic(.9), logistic(-4)},
		{"logits above 1", config.OpenAI, [4]float64{7, .5, .4, .1}, logistic(7), logistic(.1)},
		{"a NIM's logits that happen to be in 0..1", config.NIM, [4]float64{.9, .5, .4, .1}, logistic(.9), logistic(.1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			f.options.Config.Models.Reranking.Protocol = tc.protocol
			f.options.Ranker = fakeRanker(func(context.Context, string, []string) ([]model.Ranked, error) {
				var ranking []model.Ranked
				for i, s := range tc.said {
					ranking = append(ranking, model.Ranked{Index: i, Score: s})
				}
				return ranking, nil
			})
			got, err := f.service().Search(t.Context(), SearchRequest{Query: "what?", TopN: 4})
			if err != nil {
				t.Fatal(err)
			}
			if best, bad := got.Passages[0].Score, got.Passages[3].Score; best != tc.best || bad != tc.bad {
				t.Errorf("the best has score %v and the worst %v, want %v and %v", best, bad, tc.best, tc.bad)
			}
		})
	}
}

func TestRerankingBreaksTiesByChunkID(t *testing.T) {
	f := newFixture(t)
	f.options.Ranker = fakeRanker(func(_ context.Context, _ string, passages []string) ([]model.Ranked, error) {
		ranking := make([]model.Ranked, len(passages))
		for i := range ranking {
			ranking[i] = model.Ranked{Index: i, Score: -3}
		}
		return ranking, nil
	})
	got, err := f.service().Search(t.Context(), SearchRequest{Query: "what?", TopN: 4})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "c", "d", "e"}, ids(got.Passages)); diff != "" {
		t.Errorf("passages (-want +got):\n%s", diff)
	}
}

func TestRerankerSeesContextAndText(t *testing.T) {
	f := newFixture(t)
	f.index.chunks["c"] = index.Chunk{ID: "c", Title: "Guide", Heading: "Install > Linux", Text: "Run it."}
	var seen []string
	f.options.Ranker = fakeRanker(func(ctx context.Context, q string, passages []string) ([]model.Ranked, error) {
		seen = passages
		return reversing(ctx, q, passages)
	})
	if _, err := f.service().Search(t.Context(), SearchRequest{Query: "what?"}); err != nil {
		t.Fatal(err)
	}
	if want := "Guide > Install > Linux\nRun it."; seen[0] != want {
		t.Errorf("reranker saw %q, want %q", seen[0], want)
	}
}

func TestEqualTextsCollapseBeforeTheCut(t *testing.T) {
	f := newFixture(t)
	f.index.vector[1].Digest, f.index.keyword[0].Digest = 1, 1 // c is a copy of a, and the better one
	got, err := f.service().Search(t.Context(), SearchRequest{Query: "what?", NoRerank: true, TopN: 3})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"c", "e", "d"}, ids(got.Passages)); diff != "" {
		t.Errorf("passages (-want +got):\n%s", diff)
	}
}

func TestChunksGoneSinceRetrievalAreLeftOut(t *testing.T) {
	f := newFixture(t)
	delete(f.index.chunks, "a")
	got, err := f.service().Search(t.Context(), SearchRequest{Query: "what?"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"d", "e"}, ids(got.Passages)); diff != "" {
		t.Errorf("passages (-want +got):\n%s", diff)
	}
}

func TestLegsFetchAPoolAndTheFilterReachesBoth(t *testing.T) {
	filter := index.AnyOf("team", "vision")
	for _, tc := range []struct{ k, want int }{{0, 100}, {250, 250}} {
		f := newFixture(t)
		if _, err := f.service().Search(t.Context(), SearchRequest{Query: "what?", K: tc.k, Filter: filter}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{tc.want, tc.want}, f.index.limits); diff != "" {
			t.Errorf("limits for k %d (-want +got):\n%s", tc.k, diff)
		}
		want := index.All(index.Audience{}.Filter(), filter)
		if diff := cmp.Diff([]*index.Filter{want, want}, f.index.filters); diff != "" {
			t.Errorf("filters (-want +got):\n%s", diff)
		}
	}
}

func TestKeywordLegRunsWhileTheQuestionIsEmbedded(t *testing.T) {
	f := newFixture(t)
	embedding, searching := make(chan struct{}), make(chan struct{})
	f.index.block = func(ctx context.Context) error {
		close(searching)
		return meet(ctx, embedding)
	}
	f.options.Embedder = fakeEmbedder(func(ctx context.Context, _ string) ([]float32, error) {
		close(embedding)
		return []float32{1}, meet(ctx, searching)
	})
	if _, err := f.service().Search(t.Context(), SearchRequest{Query: "what?"}); err != nil {
		t.Fatalf("the two did not overlap: %v", err)
	}
}

// meet waits until the other side has closed its channel.
func meet(ctx context.Context, other chan struct{}) error {
	select {
	case <-other:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestOnlyTheChosenTextsAreFetched(t *testing.T) {
	f := newFixture(t)
	if _, err := f.service().Search(t.Context(), SearchRequest{Query: "what?", NoRerank: true}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"c", "a"}, f.index.fetched); diff != "" {
		t.Errorf("fetched (-want +got):\n%s", diff)
	}
}

func TestThresholdDropsLowScores(t *testing.T) {
	f := newFixture(t)
	got, err := f.service().Search(t.Context(), SearchRequest{Query: "what?", TopN: 4, Threshold: probability(2.5)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"d", "e"}, ids(got.Passages)); diff != "" {
		t.Errorf("passages (-want +got):\n%s", diff)
	}
}

func TestSearchRefusesAndSaysWhichField(t *testing.T) {
	for _, tc := range []struct {
		name    string
		request SearchRequest
		field   string
		tooLong bool
	}{
		{"no question", SearchRequest{Query: " \n"}, "query", false},
		{"a question beyond the bound", SearchRequest{Query: strings.Repeat("x", MaxQuestion+1)}, "query", true},
		{"k beyond the bound", SearchRequest{Query: "q", K: 401}, "vdb_top_k", false},
		{"negative k", SearchRequest{Query: "q", K: -1}, "vdb_top_k", false},
		{"topN beyond the bound", SearchRequest{Query: "q", TopN: 26}, "reranker_top_k", false},
		{"topN above k", SearchRequest{Query: "q", K: 3, TopN: 4}, "reranker_top_k", false},
		{"a threshold above one", SearchRequest{Query: "q", Threshold: 1.1}, "confidence_threshold", false},
		{"a threshold that is no number", SearchRequest{Query: "q", Threshold: math.NaN()}, "confidence_threshold", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := newFixture(t).service().Search(t.Context(), tc.request)
			invalid, ok := errors.AsType[*Invalid](err)
			if !ok || invalid.Field != tc.field || invalid.TooLong != tc.tooLong {
				t.Errorf("got %#v, want Invalid for %s", err, tc.field)
			}
		})
	}
}

func TestTheCallersNumberMovesThePipelinesOther(t *testing.T) {
	s := newFixture(t).service() // k 4, topN 2
	for _, tc := range []struct {
		name  string
		asked SearchRequest
		k, n  int
	}{
		{"neither given", SearchRequest{Query: "q"}, 4, 2},
		{"topN above the pipeline's k raises k", SearchRequest{Query: "q", TopN: 10}, 10, 10},
		{"k below the pipeline's topN lowers topN", SearchRequest{Query: "q", K: 1}, 1, 1},
		{"both given", SearchRequest{Query: "q", K: 100, TopN: 10}, 100, 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := s.searchOf(tc.asked)
			if err != nil || got.k != tc.k || got.topN != tc.n {
				t.Errorf("got k %d and topN %d (%v), want %d and %d", got.k, got.topN, err, tc.k, tc.n)
			}
		})
	}
}

func TestTheIndexReportsOnItself(t *testing.T) {
	f := newFixture(t)
	f.options.Config.Retrieval.Mode = config.Keyword
	var reported []error
	f.options.Report = func(stage config.Stage, err error) {
		if stage != config.StageIndex {
			t.Errorf("reported on %q", stage)
		}
		reported = append(reported, err)
	}
	if err := f.service().Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]error{nil}, reported, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("reports of a retrieval (-want +got):\n%s", diff)
	}
	f.index.keywordErr = errors.New("disk I/O error")
	if err := f.service().Probe(t.Context()); !errors.Is(err, f.index.keywordErr) {
		t.Errorf("probe: got %v, want %v", err, f.index.keywordErr)
	}
	if last := reported[len(reported)-1]; !errors.Is(last, f.index.keywordErr) {
		t.Errorf("reported %v, want %v", last, f.index.keywordErr)
	}
}

// A question is embedded once, and anew when its vector could not be used.
func TestTheVectorOfAQuestionIsKept(t *testing.T) {
	f := newFixture(t)
	var asked []string
	f.options.Embedder = fakeEmbedder(func(_ context.Context, text string) ([]float32, error) {
		asked = append(asked, text)
		if len(asked) == 1 {
			return nil, errors.New("not now")
		}
		return []float32{1, 0}, nil
	})
	f.index.vectorErr = index.ErrDimensions
	s := f.service()
	for _, step := range []struct {
		question string
		fails    bool
		asked    string
	}{
		{"one?", true, "one?"},
		{"one?", true, "one? one?"},       // embedding had failed
		{"one?", false, "one? one? one?"}, // its vector had not fitted the index
		{"one?", false, "one? one? one?"},
		{"two?", false, "one? one? one? two?"},
		{"one?", false, "one? one? one? two?"},
	} {
		got, err := s.Search(t.Context(), SearchRequest{Query: step.question})
		if (err != nil) != step.fails {
			t.Fatalf("%s failed: %v", step.question, err)
		}
		if len(asked) == 2 {
			f.index.vectorErr = nil
		}
		if said := strings.Join(asked, " "); said != step.asked {
			t.Errorf("the model embedded %q, want %q", said, step.asked)
		}
		if err == nil && len(got.Passages) != 2 {
			t.Errorf("%s: %d passages", step.question, len(got.Passages))
		}
	}
}
