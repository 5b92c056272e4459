// Package gateway serves a pipeline over HTTP: chat as OpenAI has it, search as NVIDIA's RAG blueprint has it, the
// pipeline's models, the state of its index, and a page to ask from.
//
// It decides what a request may hold and how a reply looks. What happens in between is package query's.
package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// Embedder is the embedding model behind /v1/embeddings.
type Embedder interface {
	Embed(ctx context.Context, r model.EmbedRequest) ([][]float32, *model.Usage, error)
}

// Ranker is the reranking model behind /v1/ranking.
type Ranker interface {
	Rank(ctx context.Context, query string, passages []string) ([]model.Ranked, error)
}

// Options is what a Gateway is made of.
type Options struct {
	Config config.Gateway
	Query  *query.Service
	// Index is shown at /v1/index and /v1/documents.
	Index    index.Reader
	Embedder Embedder
	// Ranker is nil when the pipeline has no reranking model.
	Ranker Ranker
	// Keys gives each client's token by the client's name. It is asked again at most once a second, so that a
	// changed key is taken up. Nil lets everyone in, and then any bearer token is ignored.
	Keys func() (keys.Clients, error)
	// LoopbackOnly refuses requests whose Host is not this machine: a web page elsewhere cannot then reach a
	// gateway without keys by pointing a name of its own at 127.0.0.1.
	LoopbackOnly bool
	// Concurrent is how many POST requests are worked on at once (default 64), Queued how many more may wait for
	// up to 5 s (default 128).
	Concurrent, Queued int
	// Log receives a line for each request, without any of its content. Nil discards them.
	Log *slog.Logger
}

// Gateway is the HTTP side of a pipeline.
type Gateway struct {
	config    config.Gateway
	query     *query.Service
	index     index.Reader
	embedder  Embedder
	ranker    Ranker
	auth      *authenticator // nil: anonymous
	loopback  bool
	origins   *http.CrossOriginProtection
	limit     *limiter
	log       *slog.Logger
	routes    map[string]map[string]route // by path, then method
	created   int64                       // Unix time that models carry
	ready     atomic.Bool
	keepAlive time.Duration // of a silent stream
	retry     time.Duration // between the first tries of Warm
}

// New makes a Gateway.
func New(o Options) *Gateway {
	g := &Gateway{
		config:    o.Config,
		query:     o.Query,
		index:     o.Index,
		embedder:  o.Embedder,
		ranker:    o.Ranker,
		loopback:  o.LoopbackOnly,
		origins:   http.NewCrossOriginProtection(),
		limit:     newLimiter(cmp.Or(o.Concurrent, 64), cmp.Or(o.Queued, 128), 5*time.Second),
		log:       o.Log,
		created:   time.Now().Unix(),
		keepAlive: 10 * time.Second,
		retry:     250 * time.Millisecond,
	}
	if o.Keys != nil {
		g.auth = newAuthenticator(o.Keys)
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.routes = g.table()
	return g
}

// Handler is the gateway on its API port.
func (g *Gateway) Handler() http.Handler { return g }

// handler answers a request, or says why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// route is what one method of one path does.
type route struct {
	handle handler
	open   bool // asks for no key
	work   bool // counts against the limit, and has a span
}

func (g *Gateway) table() map[string]map[string]route {
	return map[string]map[string]route{
		"/v1/chat/completions": {http.MethodPost: {handle: g.chat, work: true}},
		"/v1/search":           {http.MethodPost: {handle: g.search, work: true}},
		"/v1/embeddings":       {http.MethodPost: {handle: g.embeddings, work: true}},
		"/v1/ranking":          {http.MethodPost: {handle: g.ranking, work: true}},
		"/v1/models":           {http.MethodGet: {handle: g.models}},
		"/v1/index":            {http.MethodGet: {handle: g.indexState}},
		"/v1/documents":        {http.MethodGet: {handle: g.documents}},
		"/":                    {http.MethodGet: {handle: g.page, open: true}},
		"/openapi.json":        {http.MethodGet: {handle: g.openAPI, open: true}},
		"/healthz":             {http.MethodGet: {handle: g.healthz, open: true}},
		"/readyz":              {http.MethodGet: {handle: g.readyz, open: true}},
	}
}
