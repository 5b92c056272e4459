// Package retrieval measures whether the passage that holds the answer is among those that reach the LLM: 30 questions
// over five quarterly reports that look alike.
//
// The reports are public but not part of this repository. Name a directory that holds the third-quarter reports of 2022
// as 2022-Q3-{AAPL,AMZN,INTC,MSFT,NVDA}.pdf, and for a real embedding model the base URL of a NIM:
//
//	RAGPIPELINE_10Q=DIR RAGPIPELINE_EMBEDDING=http://127.0.0.1:9100/v1,sentence-transformers/all-minilm-l6-v2 \
//	  go test ./test/retrieval -v
package retrieval

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
	"github.com/ragpipeline/ragpipeline/internal/ingest"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
	"github.com/ragpipeline/ragpipeline/internal/source"
	"github.com/ragpipeline/ragpipeline/internal/split"
	"github.com/ragpipeline/ragpipeline/internal/standin"
)

// question has a figure for its answer; a passage of the document that holds any of the figures answers it.
type question struct {
	Document string   `json:"document"`
	Question string   `json:"question"`
	Figures  []string `json:"figures"`
	// Origin is the public data set's row, or "written" for those that were written from reading the reports.
	Origin string `json:"origin"`
}

// gate is how many of the 30 questions Hybrid with a real embedding model must find the passage for.
const gate = 25

func TestThePassageWithTheFigureReachesTheLLM(t *testing.T) {
	reports := os.Getenv("RAGPIPELINE_10Q")
	if reports == "" {
		t.Skip("RAGPIPELINE_10Q names no directory with the five reports")
	}
	questions := readQuestions(t)
	standIn := startStandIn(t)
	embeddings := []config.Model{{URL: standIn, Name: config.StandInEmbedding}}
	if url, name, ok := strings.Cut(os.Getenv("RAGPIPELINE_EMBEDDING"), ","); ok {
		embeddings = append(embeddings, config.Model{URL: url, Name: name})
	}
	for _, embedding := range embeddings {
		t.Run(filepath.Base(embedding.Name), func(t *testing.T) {
			store := index(t, reports, "*.pdf", embedding)
			ranker := &config.Model{URL: standIn, Name: config.StandInReranking}
			hybrid := found(t, store, questions, embedding, config.Hybrid, nil)
			found(t, store, questions, embedding, config.Vector, nil)
			found(t, store, questions, embedding, config.Keyword, nil)
			reranked := found(t, store, questions, embedding, config.Hybrid, ranker)
			// Words alone cannot be asked to beat an order that a real model had a part in.
			if embedding.Name == config.StandInEmbedding && reranked < hybrid {
				t.Errorf("the stand-in's reranker finds %d, the fused order %d", reranked, hybrid)
			}
			if embedding.Name != config.StandInEmbedding && hybrid < gate {
				t.Errorf("Hybrid finds %d of %d, want at least %d", hybrid, len(questions), gate)
			}
		})
	}
}

func readQuestions(t *testing.T) []question {
	t.Helper()
	b, err := os.ReadFile("testdata/questions.json")
	if err != nil {
		t.Fatal(err)
	}
	var questions []question
	if err := json.Unmarshal(b, &questions); err != nil {
		t.Fatal(err)
	}
	return questions
}

func startStandIn(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(standin.NewHandler(standin.Options{}))
	t.Cleanup(server.Close)
	return server.URL + "/v1"
}

func generation(embedding config.Model) config.Generation {
	return config.Generation{
		Embedding: config.EmbeddingSpace{Model: embedding.Name},
		Chunking:  config.Chunking{Size: 800, Overlap: 200, Unit: config.Characters},
		Analyser:  config.AnalyserVersion, EmbeddedText: config.EmbeddedTextVersion,
	}
}

// index ingests the directory's documents of that pattern, none of which may fail.
func index(t *testing.T, documents, pattern string, embedding config.Model) *local.Store {
	t.Helper()
	pipeline := config.Pipeline{Namespace: "default", Name: "reports"}
	g := generation(embedding)
	store, err := local.Open(t.Context(), local.Options{Directory: t.TempDir(), Pipeline: pipeline, Generation: g})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	sources := []config.Source{{Name: "reports", Include: []string{pattern}, Directory: &config.Directory{Path: documents}}}
	directory, err := source.New(sources[0], source.Resolvers{})
	if err != nil {
		t.Fatal(err)
	}
	splitter, err := split.New(g.Chunking)
	if err != nil {
		t.Fatal(err)
	}
	extractor := extract.New(extract.Options{CacheDir: extract.UserCache()})
	defer extractor.Close()
	report, err := ingest.Run(t.Context(), ingest.Options{
		Config:    config.Ingest{Version: config.Version, Pipeline: pipeline, Generation: g, Sources: sources, Embedding: embedding},
		Sources:   []source.Source{directory},
		Extractor: extractor,
		Splitter:  splitter,
		Embedder:  model.NewEmbedder(embedding, g.Embedding, nil, model.Transport{}),
		Index:     store,
	})
	t.Logf("%v", report)
	if err != nil {
		t.Fatal(err)
	}
	if report.Failed > 0 || report.Indexed == 0 {
		t.Fatalf("%d documents indexed and %d failed, want all", report.Indexed, report.Failed)
	}
	return store
}

// found counts the questions whose passage is among the topN, and logs the others.
func found(t *testing.T, store *local.Store, questions []question, embedding config.Model, mode config.Mode, ranker *config.Model) int {
	t.Helper()
	name := string(mode)
	if ranker != nil {
		name += " + stand-in reranking"
	}
	service := newService(store, embedding, mode, ranker, nil)
	n := 0
	var missed strings.Builder
	for _, q := range questions {
		result, err := service.Search(t.Context(), query.SearchRequest{Query: q.Question})
		if err != nil {
			t.Fatal(err)
		}
		if answers(q, result.Passages) {
			n++
		} else {
			fmt.Fprintf(&missed, "\n  missed: %s %v %s", q.Document, q.Figures, q.Question)
		}
	}
	t.Logf("%-30s %d of %d%s", name, n, len(questions), missed.String())
	return n
}

func newService(store *local.Store, embedding config.Model, mode config.Mode, ranker *config.Model,
	llm *config.LLM) *query.Service {
	c := config.Gateway{
		Generation: generation(embedding),
		Models:     config.Models{Embedding: embedding, Reranking: ranker, LLM: llm},
		Retrieval:  config.Retrieval{Mode: mode, K: 45, TopN: 5, Alpha: 0.5},
	}
	o := query.Options{Config: c, Index: store, Embedder: model.NewEmbedder(embedding, c.Generation.Embedding, nil, model.Transport{})}
	if ranker != nil {
		o.Ranker = model.NewRanker(*ranker, nil, model.Transport{})
	}
	if llm != nil {
		o.Chat = model.NewChat(*llm, nil, model.Transport{})
	}
	return query.New(o)
}

func answers(q question, passages []query.Passage) bool {
	for _, p := range passages {
		for _, figure := range q.Figures {
			if strings.HasSuffix(p.Document, "/"+q.Document) && holds(p.Text, figure) {
				return true
			}
		}
	}
	return false
}

// holds reports whether text has the figure as a number of its own: 450 does not stand in 1,450 or 4500.
func holds(text, figure string) bool {
	for rest := text; ; {
		i := strings.Index(rest, figure)
		if i < 0 {
			return false
		}
		before, after := rest[:i], rest[i+len(figure):]
		if !endsInDigit(before) && !startsWithDigit(after) {
			return true
		}
		rest = after
	}
}

func endsInDigit(s string) bool {
	s = strings.TrimRight(s, ",.")
	return s != "" && unicode.IsDigit(rune(s[len(s)-1]))
}

func startsWithDigit(s string) bool {
	s = strings.TrimLeft(s, ",")
	return s != "" && unicode.IsDigit(rune(s[0]))
}
