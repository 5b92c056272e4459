// Package gateway serves a pipeline over HTTP: OpenAI's APIs of chat and responses, the search API of
// NVIDIA's RAG blueprint, the pipeline's models, the state of its index, and a web page.
//
// It decides which requests are valid and which form a reply has. Package query answers them.
package gateway

import (
	"context"
	_ "embed"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"github.com/ragpipeline/ragpipeline/internal/access"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/gateway/page"
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

// Options configures a Gateway.
type Options struct {
	Config config.Gateway
	Query  *query.Service
	// Index is shown at /v1/index and /v1/documents, as far as the caller may see its documents.
	Index access.Ledger
	// Originals returns the bytes, at most max, of the version of a document that the row describes,
	// or an error if they cannot be had; then the gateway sends the text in the index. If it is nil,
	// the gateway reaches no source.
	Originals func(ctx context.Context, row *index.Row, max int64) ([]byte, error)
	// Draw makes a picture of a page of a PDF, which counts from 1. If it is nil, pages have no pictures.
	Draw     func(ctx context.Context, pdf []byte, page int) (*PagePicture, error)
	Embedder Embedder
	// Progress returns how far the ingestion is that runs in this process; nil while none runs. It may
	// itself be nil.
	Progress func() *config.Progress
	// Ranker is nil if the pipeline has no reranking model.
	Ranker Ranker
	// Keys returns the clients by name. The gateway calls it at most
	// once a second, so that a changed key takes effect. If it is nil, the gateway admits every
	// client and ignores bearer tokens.
	Keys func() (keys.Clients, error)
	// Tokens returns who sent a bearer token from an address, in place of Keys. The error is oidc.ErrRefused for a
	// token that is not valid.
	Tokens func(ctx context.Context, address, token string) (*access.Caller, error)
	// SignIn signs in the page's users, who then send tokens; nil if they must bring a key or a token.
	SignIn SignIn
	// LoopbackOnly refuses requests whose Host is not this machine. Otherwise a foreign web page
	// could reach a gateway without keys through a name of its own that resolves to 127.0.0.1.
	LoopbackOnly bool
	// Hosts are further names that LoopbackOnly admits, such as that of a container's host.
	Hosts []string
	// Status answers the route of the ops port that tells the state of the stages. It is for a gateway without keys on
	// one machine, where the caller also operates it; with nil, the gateway has no such route.
	Status http.Handler
	// Registerer receives the metrics of what is admitted; nil keeps them private.
	Registerer prometheus.Registerer
	// Log receives a line for each request, without any of its content. If it is nil, the lines are
	// discarded.
	Log *slog.Logger
}

// Gateway is the HTTP side of a pipeline.
type Gateway struct {
	config    config.Gateway
	query     *query.Service
	index     access.Reader
	originals func(ctx context.Context, row *index.Row, max int64) ([]byte, error)
	draw      func(ctx context.Context, pdf []byte, page int) (*PagePicture, error)
	contents  *contents
	embedder  Embedder
	progress  func() *config.Progress
	ranker    Ranker
	auth      *authenticator // is nil if clients are anonymous
	loopback  bool
	hosts     []string
	cors      cors
	origins   *http.CrossOriginProtection
	answers   *admission
	searches  *admission
	texts     *admission
	// tokens is Options.Tokens; nil if clients have no such tokens.
	tokens      func(ctx context.Context, address, token string) (*access.Caller, error)
	tokenLimits *keys.Client // bounds each caller with a token
	signIn      SignIn       // is nil if the page signs in nobody
	rates       *rates
	log         *slog.Logger
	mux         *http.ServeMux
	agents      http.Handler // serves MCP
	created     int64        // is the Unix time that /v1/models returns
	ready       atomic.Bool
	keepAlive   time.Duration       // is how long a stream may be silent
	vectors     *semaphore.Weighted // bounds the vectors that are being sent, by their number
	replies     *semaphore.Weighted // bounds the bytes of replies that are being sent
	// vectorsWait is how long many vectors wait for others to be sent.
	vectorsWait time.Duration
	retry       time.Duration // is the pause between the first attempts of Warm
}

// New makes a Gateway.
func New(o Options) *Gateway {
	g := &Gateway{
		config:      o.Config,
		query:       o.Query,
		index:       access.NewReader(o.Index, o.Config.Access),
		originals:   o.Originals,
		draw:        o.Draw,
		contents:    newContents(5 * time.Second),
		vectors:     semaphore.NewWeighted(manyTexts),
		replies:     semaphore.NewWeighted(repliesBytes),
		vectorsWait: 5 * time.Second,
		embedder:    o.Embedder,
		progress:    o.Progress,
		ranker:      o.Ranker,
		loopback:    o.LoopbackOnly,
		hosts:       o.Hosts,
		cors:        newCORS(o.Config.Origins, o.Keys != nil || o.Tokens != nil),
		origins:     http.NewCrossOriginProtection(),
		answers:     newAdmission("answers", o.Config.Limits, o.Registerer),
		searches:    newAdmission("searches", o.Config.Limits, o.Registerer),
		texts:       newAdmission("texts", o.Config.Limits, o.Registerer),
		tokens:      o.Tokens,
		signIn:      o.SignIn,
		rates:       newRates(),
		tokenLimits: &keys.Client{},
		log:         o.Log,
		mux:         http.NewServeMux(),
		created:     time.Now().Unix(),
		keepAlive:   10 * time.Second,
		retry:       250 * time.Millisecond,
	}
	if g.progress == nil {
		g.progress = func() *config.Progress { return nil }
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.agents = g.newAgents()
	if c := o.Config.OIDC; c != nil {
		g.tokenLimits = &keys.Client{RequestsPerMinute: c.RequestsPerMinute, TokensPerMinute: c.TokensPerMinute}
	}
	if o.Keys != nil {
		g.auth = newAuthenticator(o.Keys, g.log)
	}
	for _, to := range g.routes() {
		g.add(to.pattern, func(x *exchange, r *http.Request) error { return g.serve(x, r, to) })
	}
	if o.Status != nil {
		of := route{handle: mounted(o.Status)}
		g.add("GET "+config.OpsPath, func(x *exchange, r *http.Request) error { return g.serve(x, r, of) })
	}
	g.add(otherwise, g.refuse)
	return g
}

// add lets a handler answer the requests that match the pattern.
func (g *Gateway) add(pattern string, handle handler) {
	g.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange) // ServeHTTP made it
		x.err = handle(x, r)
	})
}

// Handler is the gateway on its API port.
func (g *Gateway) Handler() http.Handler { return g }

// route is one method of one path.
type route struct {
	pattern string // is a pattern of http.ServeMux
	handle  handler
	open    bool       // reports whether the route needs no key
	places  *admission // admits the requests, which have a span; nil admits all
}

func (g *Gateway) routes() []route {
	web := page.New(g.signIn != nil)
	return []route{
		{pattern: "POST /v1/chat/completions", handle: g.chat, places: g.answers},
		{pattern: "POST /v1/responses", handle: g.responses, places: g.answers},
		{pattern: "POST /v1/search", handle: g.search, places: g.searches},
		{pattern: "POST /v1/embeddings", handle: g.embeddings, places: g.texts},
		{pattern: "POST /v1/ranking", handle: g.ranking, places: g.texts},
		{pattern: "POST /v1/rerank", handle: g.rerank("1"), places: g.texts},
		{pattern: "POST /v2/rerank", handle: g.rerank("2"), places: g.texts},
		{pattern: "GET /v1/models", handle: g.models},
		{pattern: "GET /v1/models/{id...}", handle: g.oneModel},
		{pattern: "GET /v1/index", handle: g.indexState},
		{pattern: "GET /v1/documents", handle: g.documents},
		{pattern: "GET /v1/documents/{id...}", handle: g.document},
		{pattern: "GET /v1/documents/{id}/content", handle: g.document},
		{pattern: "GET /v1/documents/{id}/chunks", handle: g.document},
		{pattern: "GET /v1/documents/{id}/pages/{page}", handle: g.document},
		{pattern: "POST /mcp", handle: g.mcp, places: g.answers},
		{pattern: "POST /sign-in", handle: g.beginSignIn, open: true},
		{pattern: "POST /sign-in/token", handle: g.finishSignIn, open: true},
		{pattern: "GET /{$}", handle: mounted(web), open: true},
		{pattern: "GET /assets/{name}", handle: mounted(web), open: true},
		{pattern: "GET /openapi.json", handle: openAPI, open: true},
		{pattern: "GET /healthz", handle: healthz, open: true},
		{pattern: "GET /readyz", handle: g.readyz, open: true},
	}
}

// otherwise is the pattern of requests that match no route.
const otherwise = "/"

// refuse returns the error of a request that matches no route: 405 if the path has other methods,
// and 404 if it has none.
func (g *Gateway) refuse(x *exchange, r *http.Request) error {
	var allowed []string
	for _, method := range []string{http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPost} {
		other := r.WithContext(r.Context())
		other.Method = method
		if _, pattern := g.mux.Handler(other); pattern != otherwise {
			x.route = pathOf(pattern)
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return unknownRoute()
	}
	return wrongMethod(allowed)
}

//go:embed openapi.json
var openAPIJSON []byte

// openAPI answers GET /openapi.json.
func openAPI(x *exchange, _ *http.Request) error {
	return x.send(http.StatusOK, "application/json", openAPIJSON)
}
