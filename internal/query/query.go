// Package query answers a question: retrieve, rerank, prompt, answer; and reports on each stage.
//
// It knows neither HTTP nor a model's protocol. If a stage fails, it applies the pipeline's failure
// policy: the result is a typed error, or a degraded reply with a warning.
package query

import (
	"cmp"
	"context"
	"crypto/sha256"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ragpipeline/ragpipeline/internal/access"
	"github.com/ragpipeline/ragpipeline/internal/cache"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// Embedder makes a question's vector.
type Embedder interface {
	Query(ctx context.Context, text string) ([]float32, error)
}

// Ranker orders passages by how well they answer a question: every passage once, best first.
type Ranker interface {
	Rank(ctx context.Context, query string, passages []string) ([]model.Ranked, error)
}

// Chat is the LLM.
type Chat interface {
	Complete(ctx context.Context, r model.ChatRequest) (*model.Completion, error)
	Stream(ctx context.Context, r model.ChatRequest, delta model.Delta) (*model.Completion, error)
}

// Options are the parts of a Service.
type Options struct {
	// Config holds how to retrieve and answer, and the failure policy.
	Config config.Gateway
	// Index is searched for what the caller of a request's context may see; see package access.
	Index index.Searcher
	// Embedder is not asked in Keyword mode.
	Embedder Embedder
	// Ranker may be nil: passages keep their fused order.
	Ranker Ranker
	// Chat may be nil: replies are the passages without an answer.
	Chat Chat
	// Deadlines bounds each stage; a zero field takes its default.
	Deadlines Deadlines
	// Report, which may be nil, is told of each retrieval that succeeded and of each search of the
	// index that failed, as config.StageIndex. The models report on themselves.
	Report func(stage config.Stage, err error)
	// Registerer receives the metrics; nil keeps them private.
	Registerer prometheus.Registerer
}

// Deadlines is the most time that each stage may take.
type Deadlines struct {
	Embedding time.Duration // default 10 s
	Index     time.Duration // each of its calls; default 10 s
	Reranking time.Duration // default 30 s
	LLM       time.Duration // until the last word; default 5 min
}

func (d Deadlines) orDefaults() Deadlines {
	return Deadlines{
		Embedding: cmp.Or(d.Embedding, 10*time.Second),
		Index:     cmp.Or(d.Index, 10*time.Second),
		Reranking: cmp.Or(d.Reranking, 30*time.Second),
		LLM:       cmp.Or(d.LLM, 5*time.Minute),
	}
}

// Service answers questions over one generation of one pipeline. Its methods may be called
// concurrently.
type Service struct {
	config    config.Gateway
	index     access.Searcher
	embedder  Embedder
	ranker    Ranker
	chat      Chat
	deadlines Deadlines
	report    func(stage config.Stage, err error)
	metrics   *metrics
	// vectors holds those of recent questions by a hash of their texts, all from one model.
	vectors atomic.Pointer[vectors]
	// embeddings and rankings are calls that are made twice when they take long.
	embeddings, rankings hedge
	// dimensionMismatch reports whether the last question's vector did not fit the index.
	dimensionMismatch atomic.Bool
	// context is how many tokens the LLM's context has, if its server has shown that they are fewer than
	// the config says; 0 otherwise.
	context atomic.Int64
	reports reports
	// drifted is what SetDrifted was told.
	drifted atomic.Bool
}

type vectors = cache.Cache[[sha256.Size]byte, []float32]

// vectorsBytes bounds the vectors of questions that are kept: some 2,000 of 1,024 dimensions.
const vectorsBytes = 8 << 20

// New makes a Service.
func New(o Options) *Service {
	if o.Report == nil {
		o.Report = func(config.Stage, error) {}
	}
	s := &Service{
		config:    o.Config,
		index:     access.NewSearcher(o.Index, o.Config.Access),
		embedder:  o.Embedder,
		ranker:    o.Ranker,
		chat:      o.Chat,
		deadlines: o.Deadlines.orDefaults(),
		report:    o.Report,
		metrics:   newMetrics(o.Registerer),
	}
	s.forgetVectors()
	return s
}

func (s *Service) forgetVectors() {
	s.vectors.Store(cache.New[[sha256.Size]byte, []float32](vectorsBytes))
}

// SetDrifted tells whether the embedding model is another one than that which built the index. While it is, vectors
// are not used where the failure policy is Degrade and there is another retriever; elsewhere replies carry a warning.
func (s *Service) SetDrifted(drifted bool) {
	if s.drifted.Swap(drifted) != drifted {
		s.forgetVectors() // they are the other model's
	}
}
