package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// instantIndex has 100 hits a retriever, half of them shared, and passages of 800 characters.
type instantIndex struct {
	fakeIndex
	vector, keyword []index.Hit
	chunks          map[string]index.Chunk
}

func newInstantIndex() *instantIndex {
	ix := &instantIndex{chunks: map[string]index.Chunk{}}
	for i := range 150 {
		id := fmt.Sprintf("00000000-0000-5000-8000-%012d", i)
		ix.chunks[id] = index.Chunk{ID: id, Document: "docs/report.pdf", Source: "docs", Title: "Quarterly report", Page: i,
			Text: strings.Repeat("Total net sales were 90,146 and \"other\" costs 7. ", 17)[:800], End: 800}
		hit := index.Hit{ID: id, Score: 1 / float64(i+1), Digest: uint64(i)}
		if i < 100 {
			ix.vector = append(ix.vector, hit)
		}
		if i >= 50 {
			ix.keyword = append(ix.keyword, hit)
		}
	}
	return ix
}

func (ix *instantIndex) Vector(context.Context, []float32, int, *index.Filter) ([]index.Hit, error) {
	return ix.vector, nil
}

func (ix *instantIndex) Keyword(context.Context, string, int, *index.Filter) ([]index.Hit, error) {
	return ix.keyword, nil
}

func (ix *instantIndex) Types(context.Context, []string, *index.Filter) (map[string][]config.ScalarType, error) {
	return nil, nil
}

func (ix *instantIndex) Chunks(_ context.Context, ids []string) ([]index.Chunk, error) {
	chunks := make([]index.Chunk, len(ids))
	for i, id := range ids {
		chunks[i] = ix.chunks[id]
	}
	return chunks, nil
}

func benchGateway() *Gateway {
	f := newFixture()
	ix := newInstantIndex()
	f.chat.words = strings.SplitAfter(strings.Repeat("Sales were 90,146 [1]. ", 25), " ") // 101 pieces
	f.options.Query = query.New(query.Options{
		Config: f.options.Config, Index: ix, Embedder: f.embedder, Ranker: f.ranker, Chat: instantChat{f.chat},
	})
	return New(f.options)
}

// instantChat returns a whole answer at once.
type instantChat struct{ *fakeChat }

func (c instantChat) Complete(context.Context, model.ChatRequest) (*model.Completion, error) {
	return &model.Completion{Content: "Sales were 90,146 [1].", FinishReason: "stop"}, nil
}

// BenchmarkAnswer measures the gateway's own cost of a question with k 45 and topN 5: everything
// else answers at once.
func BenchmarkAnswer(b *testing.B) {
	g := benchGateway()
	b.ReportAllocs()
	for b.Loop() {
		benchCall(b, g, chatBody("What were the total net sales?"))
	}
}

// BenchmarkStream is an answer of 101 pieces.
func BenchmarkStream(b *testing.B) {
	g := benchGateway()
	b.ReportAllocs()
	for b.Loop() {
		benchCall(b, g, streamBody("What were the total net sales?"))
	}
}

// BenchmarkAnswerOverHTTP is BenchmarkAnswer with a real connection, client included.
func BenchmarkAnswerOverHTTP(b *testing.B) {
	server := httptest.NewServer(benchGateway())
	defer server.Close()
	body := chatBody("What were the total net sales?")
	b.ReportAllocs()
	for b.Loop() {
		response, err := server.Client().Post(server.URL+chatRoute, "application/json", strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			b.Fatal(response.StatusCode, err)
		}
	}
}

// BenchmarkSearch is retrieval and reranking alone.
func BenchmarkSearch(b *testing.B) {
	o := newFixture().options
	o.Config.Retrieval.Mode = config.Hybrid
	service := query.New(query.Options{
		Config: o.Config, Index: newInstantIndex(), Embedder: &fakeEmbedder{}, Ranker: &fakeRanker{},
	})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := service.Search(b.Context(), query.SearchRequest{Query: "What were the total net sales?"}); err != nil {
			b.Fatal(err)
		}
	}
}

func benchCall(b *testing.B, g *Gateway, body string) {
	w := &sink{header: http.Header{}}
	g.ServeHTTP(w, httptest.NewRequest(http.MethodPost, chatRoute, strings.NewReader(body)))
	if w.status != 200 {
		b.Fatal(w.status)
	}
}

// sink discards a reply.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header    { return s.header }
func (s *sink) WriteHeader(status int) { s.status = status }
func (s *sink) Flush()                 {}
func (s *sink) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = 200
	}
	return len(b), nil
}
