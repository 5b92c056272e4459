package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// fakeIndex holds two passages that every question retrieves, and three documents.
type fakeIndex struct {
	err     error
	rows    []index.Row   // nil for the usual three
	chunks  []index.Chunk // nil for passages
	filters []*index.Filter
	keyword func(ctx context.Context, question string) // runs in Keyword
}

var passages = []index.Chunk{
	{
		ID: "c1", Document: "docs/guide/install.md", Source: "docs", Title: "Install", Heading: "Linux", Text: "Run <make>.",
		Start: 10, End: 21, Metadata: config.Metadata{"team": config.Text("core")},
	},
	{
		ID: "c2", Document: "docs/report.pdf", Source: "docs", Title: "Report", Text: "Revenue was 12.",
		Page: 3, Start: 0, End: 15,
	},
}

func (f *fakeIndex) Vector(_ context.Context, _ []float32, _ int, filter *index.Filter) ([]index.Hit, error) {
	return []index.Hit{{ID: "c1", Score: .75, Digest: 1}, {ID: "c2", Score: .5, Digest: 2}}, f.err
}

func (f *fakeIndex) Keyword(ctx context.Context, question string, _ int, filter *index.Filter) ([]index.Hit, error) {
	f.filters = append(f.filters, filter)
	if f.keyword != nil {
		f.keyword(ctx, question)
	}
	return []index.Hit{{ID: "c1", Score: 4, Digest: 1}}, f.err
}

func (f *fakeIndex) passages() []index.Chunk {
	if f.chunks != nil {
		return f.chunks
	}
	return passages
}

func (f *fakeIndex) Chunks(_ context.Context, ids []string) ([]index.Chunk, error) {
	var chunks []index.Chunk
	for _, id := range ids {
		for _, c := range f.passages() {
			if c.ID == id {
				chunks = append(chunks, c)
			}
		}
	}
	return chunks, f.err
}

func (f *fakeIndex) Stats(context.Context) (index.Stats, error) {
	return index.Stats{Documents: 3, Chunks: 2, FailedDocuments: 1, Dimensions: 2, MemoryBytes: 4096,
		Completed: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Losses: config.Losses{
			Reasons: map[config.Reason]int{config.NoTextLayer: 1},
			Warned:  1, WarningReasons: map[config.WarningReason]int{config.HiddenText: 1},
		}}, f.err
}

func (f *fakeIndex) Documents(_ context.Context, after string, limit int) ([]index.Row, error) {
	var rows []index.Row
	all := f.rows
	if all == nil {
		all = threeRows
	}
	for _, r := range all {
		if r.Document > after && len(rows) < limit {
			rows = append(rows, r)
		}
	}
	return rows, f.err
}

var threeRows = []index.Row{
	{Document: "docs/a.md", Source: "docs", Title: "A", Chunks: 1, State: index.Indexed},
	{
		Document: "docs/b.pdf", Source: "docs",
		State: index.Failed, Reason: config.NoTextLayer, Message: "pages are images",
	},
	{Document: "docs/c.md", Source: "docs", Title: "C", Chunks: 1, Truncated: 1, State: index.Indexed,
		Warnings: config.Warnings{{Reason: config.HiddenText, Count: 2, Places: []string{"line 3"}}}},
}

func (f *fakeIndex) Row(ctx context.Context, document string) (*index.Row, error) {
	rows, err := f.Documents(ctx, "", 1000)
	for i := range rows {
		if rows[i].Document == document {
			return &rows[i], err
		}
	}
	return nil, err
}

func (f *fakeIndex) Known(_ context.Context, document string) (map[string]bool, error) {
	known := map[string]bool{}
	for _, c := range f.passages() {
		if c.Document == document {
			known[c.ID] = true
		}
	}
	return known, f.err
}

func (f *fakeIndex) Seen(ctx context.Context, who index.Audience, after string, limit int) ([]index.Row, error) {
	all, err := f.Documents(ctx, after, len(threeRows)+len(f.rows))
	rows := slices.DeleteFunc(all, func(r index.Row) bool { return !who.Sees(r.Metadata) })
	return rows[:min(limit, len(rows))], err
}

func (f *fakeIndex) Count(ctx context.Context, who index.Audience) (counts index.Counts, err error) {
	all, err := f.Documents(ctx, "", len(threeRows)+len(f.rows))
	for _, row := range all {
		switch {
		case !who.Sees(row.Metadata):
			counts.Hidden = true
		case row.State == index.Failed:
			counts.FailedDocuments++
		default:
			counts.Documents++
			counts.Chunks += row.Chunks
		}
	}
	return counts, err
}

// fakeEmbedder returns (length, 0.5) for each text.
type fakeEmbedder struct {
	err error
	got model.EmbedRequest
}

func (f *fakeEmbedder) Query(context.Context, string) ([]float32, error) {
	return []float32{1, 0}, f.err
}

func (f *fakeEmbedder) Embed(_ context.Context, r model.EmbedRequest) ([][]float32, *model.Usage, error) {
	f.got = r
	var vectors [][]float32
	for _, t := range r.Texts {
		vectors = append(vectors, []float32{float32(len(t)), .5})
	}
	return vectors, &model.Usage{PromptTokens: 7, TotalTokens: 7}, f.err
}

// fakeRanker ranks later passages higher.
type fakeRanker struct{ err error }

func (f *fakeRanker) Rank(_ context.Context, _ string, passages []string) ([]model.Ranked, error) {
	var ranking []model.Ranked
	for i := range passages {
		at := len(passages) - 1 - i
		ranking = append(ranking, model.Ranked{Index: at, Score: float64(at)})
	}
	return ranking, f.err
}

// fakeChat streams its words one by one. It calls between, if set, after each, and returns err
// after the last.
type fakeChat struct {
	words   []string
	err     error
	finish  string // is the reason that it ends, stop by default
	between func(ctx context.Context) error
	got     model.ChatRequest
}

func (f *fakeChat) Complete(ctx context.Context, r model.ChatRequest) (*model.Completion, error) {
	return f.Stream(ctx, r, func(string) error { return nil })
}

func (f *fakeChat) Stream(ctx context.Context, r model.ChatRequest, delta model.Delta) (*model.Completion, error) {
	f.got = r
	for _, w := range f.words {
		if err := delta(w); err != nil {
			return nil, err
		}
		if f.between != nil {
			if err := f.between(ctx); err != nil {
				return nil, err
			}
		}
	}
	if f.err != nil {
		return nil, f.err
	}
	return &model.Completion{Content: strings.Join(f.words, ""), FinishReason: cmp.Or(f.finish, "stop"),
		Usage: &model.Usage{PromptTokens: 20, CompletionTokens: 3, TotalTokens: 23}}, nil
}

// fixture is a gateway over fakes.
type fixture struct {
	options  Options
	deadline query.Deadlines
	index    *fakeIndex
	embedder *fakeEmbedder
	ranker   *fakeRanker
	chat     *fakeChat
	log      strings.Builder
}

func newFixture() *fixture {
	f := &fixture{
		index:    &fakeIndex{},
		embedder: &fakeEmbedder{},
		ranker:   &fakeRanker{},
		chat:     &fakeChat{words: []string{"Twelve", " [1]."}},
	}
	f.options = Options{
		Config: config.Gateway{
			Pipeline: config.Pipeline{Namespace: "default", Name: "demo"},
			Models: config.Models{Embedding: config.Model{Name: "embed"}, Reranking: &config.Model{Name: "rank"},
				LLM: &config.LLM{Model: config.Model{Name: "chat"}, ContextWindow: 8192}},
			Retrieval: config.Retrieval{Mode: config.Hybrid, K: 45, TopN: 5, Alpha: .5},
			Answer:    config.Answer{MaxTokens: 512},
			Generation: config.Generation{Embedding: config.EmbeddingSpace{Model: "embed"},
				Chunking: config.Chunking{Size: 800, Overlap: 200, Unit: config.Characters}},
		},
		Index:    f.index,
		Embedder: f.embedder,
		Ranker:   f.ranker,
		SignIn:   fakeIssuer{},
	}
	return f
}

func (f *fixture) gateway() *Gateway {
	o := query.Options{Config: f.options.Config, Index: f.index, Embedder: f.embedder, Deadlines: f.deadline}
	if f.options.Config.Models.Reranking != nil {
		o.Ranker = f.ranker
	}
	if f.options.Config.Models.LLM != nil {
		o.Chat = f.chat
	}
	f.options.Query = query.New(o)
	return New(f.options)
}

// serve starts the gateway on a port of its own.
func (f *fixture) serve(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(f.gateway().Handler())
	t.Cleanup(s.Close)
	return s
}

// call sends a request to the handler, without a network.
func (f *fixture) call(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	return call(f.gateway(), method, path, body, headers...)
}

func call(g *Gateway, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	g.Handler().ServeHTTP(w, r)
	return w
}

// failureIn reads the error out of a reply.
func failureIn(t *testing.T, body io.Reader) Failure {
	t.Helper()
	var reply struct{ Error Failure }
	d := json.NewDecoder(body)
	if err := d.Decode(&reply); err != nil {
		t.Fatalf("no JSON error: %v", err)
	}
	e := reply.Error
	if e.Object != "error" || e.Type == "" || e.Code == "" || e.Message == "" || e.ID == "" {
		t.Errorf("incomplete error %+v", e)
	}
	return e
}

func chatBody(question string) string {
	return fmt.Sprintf(`{"model": "demo", "messages": [{"role": "user", "content": %q}]}`, question)
}

func streamBody(question string) string {
	return fmt.Sprintf(`{"model": "demo", "stream": true, "stream_options": {"include_usage": true}, `+
		`"messages": [{"role": "user", "content": %q}]}`, question)
}

func (f *fakeIndex) Types(_ context.Context, keys []string, _ *index.Filter) (map[string][]config.ScalarType, error) {
	types := map[string][]config.ScalarType{}
	for _, c := range passages {
		for _, key := range keys {
			if value, ok := c.Metadata[key]; ok {
				types[key] = append(types[key], value.Type())
			}
		}
	}
	return types, f.err
}

func textLog(to io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }
