package query

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// fakeIndex answers with fixed hits and records what it was asked.
type fakeIndex struct {
	vector, keyword              []index.Hit
	vectorErr, keywordErr, idErr error
	chunks                       map[string]index.Chunk
	block                        func(ctx context.Context) error // runs in Keyword, before it answers

	mu      sync.Mutex
	limits  []int
	filters []*index.Filter
	types   map[string][]config.ScalarType // of metadata keys
	fetched []string
}

func (f *fakeIndex) note(limit int, filter *index.Filter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limits, f.filters = append(f.limits, limit), append(f.filters, filter)
}

func (f *fakeIndex) Vector(_ context.Context, _ []float32, limit int, filter *index.Filter) ([]index.Hit, error) {
	f.note(limit, filter)
	return f.vector, f.vectorErr
}

func (f *fakeIndex) Keyword(ctx context.Context, _ string, limit int, filter *index.Filter) ([]index.Hit, error) {
	f.note(limit, filter)
	if f.block != nil {
		if err := f.block(ctx); err != nil {
			return nil, err
		}
	}
	return f.keyword, f.keywordErr
}

func (f *fakeIndex) Chunks(_ context.Context, ids []string) ([]index.Chunk, error) {
	f.fetched = slices.Clone(ids)
	var chunks []index.Chunk
	for _, id := range ids {
		if c, ok := f.chunks[id]; ok {
			chunks = append(chunks, c)
		}
	}
	return chunks, f.idErr
}

type fakeEmbedder func(ctx context.Context, text string) ([]float32, error)

func (f fakeEmbedder) Query(ctx context.Context, text string) ([]float32, error) { return f(ctx, text) }

type fakeRanker func(ctx context.Context, query string, passages []string) ([]model.Ranked, error)

func (f fakeRanker) Rank(ctx context.Context, query string, passages []string) ([]model.Ranked, error) {
	return f(ctx, query, passages)
}

// reversing is a reranker that thinks the opposite of retrieval, with logits 1, 2, 3...
func reversing(_ context.Context, _ string, passages []string) ([]model.Ranked, error) {
	var ranking []model.Ranked
	for i := range passages {
		ranking = append(ranking, model.Ranked{Index: len(passages) - 1 - i, Score: float64(len(passages) - i)})
	}
	return ranking, nil
}

// fakeChat says its words one by one, then fails or ends.
type fakeChat struct {
	words  []string
	finish *string // nil: stop
	err    error
	got    model.ChatRequest
	asked  int
}

func (f *fakeChat) Complete(_ context.Context, r model.ChatRequest) (*model.Completion, error) {
	f.got = r
	f.asked++
	if f.err != nil {
		return nil, f.err
	}
	return f.completion(), nil
}

func (f *fakeChat) Stream(_ context.Context, r model.ChatRequest, delta model.Delta) (*model.Completion, error) {
	f.got = r
	f.asked++
	for _, w := range f.words {
		if err := delta(w); err != nil {
			return nil, err
		}
	}
	if f.err != nil {
		return nil, f.err
	}
	return f.completion(), nil
}

func (f *fakeChat) completion() *model.Completion {
	c := &model.Completion{FinishReason: "stop", Usage: &model.Usage{PromptTokens: 10, CompletionTokens: 2, TotalTokens: 12}}
	if f.finish != nil {
		c.FinishReason = *f.finish
	}
	for _, w := range f.words {
		c.Content += w
	}
	return c
}

// fixture is a pipeline over six chunks: a to d by vector, c to f by keyword. Fused at alpha 0.5, c
// leads.
type fixture struct {
	options Options
	index   *fakeIndex
	chat    *fakeChat
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	ix := &fakeIndex{
		vector:  []index.Hit{{ID: "a", Score: .9, Digest: 1}, {ID: "c", Score: .8, Digest: 3}, {ID: "b", Score: .6, Digest: 2}, {ID: "d", Score: .5, Digest: 4}},
		keyword: []index.Hit{{ID: "c", Score: 8, Digest: 3}, {ID: "e", Score: 6, Digest: 5}, {ID: "d", Score: 4, Digest: 4}, {ID: "f", Score: 2, Digest: 6}},
		chunks:  map[string]index.Chunk{},
	}
	for i, id := range []string{"a", "b", "c", "d", "e", "f"} {
		ix.chunks[id] = index.Chunk{ID: id, Document: "docs/" + id + ".md", Source: "docs", Title: id + ".md", Text: fmt.Sprintf("Text of %s.", id), Page: i + 1}
	}
	chat := &fakeChat{words: []string{"It is ", "so [1]."}}
	return &fixture{index: ix, chat: chat, options: Options{
		Config: config.Gateway{
			Pipeline:  config.Pipeline{Namespace: "default", Name: "demo"},
			Models:    config.Models{Embedding: config.Model{Name: "embed"}, Reranking: &config.Model{Name: "rank"}, LLM: &config.LLM{Model: config.Model{Name: "chat"}, ContextWindow: 8192}},
			Retrieval: config.Retrieval{Mode: config.Hybrid, K: 4, TopN: 2, Alpha: 0.5},
			Answer:    config.Answer{MaxTokens: 512},
		},
		Index:    ix,
		Embedder: fakeEmbedder(func(context.Context, string) ([]float32, error) { return []float32{1, 0}, nil }),
		Ranker:   fakeRanker(reversing),
		Chat:     chat,
	}}
}

func (f *fixture) service() *Service { return New(f.options) }

func ask(question string) Request {
	return Request{Messages: []model.Message{{Role: "user", Content: question}}}
}

func ids(passages []Passage) []string {
	ids := []string{}
	for _, p := range passages {
		ids = append(ids, p.ID)
	}
	return ids
}

func (f *fakeIndex) Types(_ context.Context, keys []string, _ *index.Filter) (map[string][]config.ScalarType, error) {
	types := map[string][]config.ScalarType{}
	for _, key := range keys {
		if f.types[key] != nil {
			types[key] = f.types[key]
		}
	}
	return types, nil
}
