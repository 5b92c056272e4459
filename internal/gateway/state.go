package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// maxRetry is the longest pause between two attempts of Warm.
const maxRetry = 5 * time.Second

// Warm retrieves until that succeeds once; then the gateway is ready, until ctx ends. A retrieval
// that finds no passage succeeds, too. Later failures of an upstream do not end readiness: their
// JSON error tells a client more than a Service without pods.
func (g *Gateway) Warm(ctx context.Context) {
	pause, last := g.retry, ""
	for {
		err := g.query.Probe(ctx)
		if err == nil {
			g.ready.Store(true)
			context.AfterFunc(ctx, func() { g.ready.Store(false) })
			g.log.Info("Gateway became ready", "generation", g.config.Generation.Fingerprint())
			return
		}
		if ctx.Err() != nil {
			return
		}
		if code := failureOf(err).Code; code != last { // one line for each cause, not for each attempt
			last = code
			g.log.LogAttrs(ctx, slog.LevelWarn, "Gateway is not ready yet: the first retrieval failed", describe(err)...)
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, maxRetry)
		case <-ctx.Done():
			return
		}
	}
}

// Ready reports whether a retrieval on the pinned generation has succeeded and the gateway is not
// shutting down.
func (g *Gateway) Ready() bool { return g.ready.Load() }

// whileBuilding returns an error as long as the first ingestion of the index runs in this process: an answer
// would lack in silence what has not been read yet.
func (g *Gateway) whileBuilding() error {
	p := g.progress()
	if p == nil || g.Ready() {
		return nil
	}
	f := failure(http.StatusServiceUnavailable, "IndexBuilding", fmt.Sprintf(
		"the index is being built, with %d of %d documents done; ask again when it is complete",
		p.DocumentsDone, p.DocumentsTotal))
	f.retryAfter = 5 * time.Second
	return f
}

const plainText = "text/plain; charset=utf-8"

// healthz answers GET /healthz: the process serves.
func healthz(x *exchange, _ *http.Request) error {
	return x.send(http.StatusOK, plainText, []byte("ok\n"))
}

// readyz answers GET /readyz.
func (g *Gateway) readyz(x *exchange, _ *http.Request) error {
	if !g.Ready() {
		return x.send(http.StatusServiceUnavailable, plainText, []byte("no retrieval has succeeded yet\n"))
	}
	return x.send(http.StatusOK, plainText, []byte("ok\n"))
}

// IndexState is the body of GET /v1/index: the index that the gateway searches.
type IndexState struct {
	Pipeline        string `json:"pipeline"`   // has the form namespace/name
	Generation      string `json:"generation"` // is the fingerprint of the pinned generation
	Ready           bool   `json:"ready"`
	Documents       int    `json:"documents"`
	Chunks          int    `json:"chunks"`
	FailedDocuments int    `json:"failed_documents"`
	// FailureReasons and WarningReasons count documents by reason, as of LastSync. A document with warnings is in the
	// index, but was only partly read. All three, and MemoryBytes, are omitted for a caller who may not see every
	// document.
	FailureReasons        map[config.Reason]int        `json:"failure_reasons,omitempty"`
	DocumentsWithWarnings int                          `json:"documents_with_warnings,omitempty"`
	WarningReasons        map[config.WarningReason]int `json:"warning_reasons,omitempty"`

	Dimensions  int             `json:"dimensions,omitempty"`
	LastSync    time.Time       `json:"last_sync,omitzero"` // is when a run last completed every listed document
	Progress    *IndexProgress  `json:"progress,omitempty"` // is omitted if no run is seen by this gateway
	MemoryBytes int64           `json:"memory_bytes,omitempty"`
	Models      IndexModels     `json:"models"`
	Retrieval   IndexRetrieval  `json:"retrieval"`
	Chunking    config.Chunking `json:"chunking"`
}

// IndexProgress is how far the ingestion is that runs in the gateway's own process, as in `ragpipeline run`.
type IndexProgress struct {
	Phase          config.Phase `json:"phase"`
	DocumentsDone  int          `json:"documents_done"`
	DocumentsTotal int          `json:"documents_total"`
	SecondsLeft    float64      `json:"seconds_left,omitempty"` // is omitted if it is not known
}

// IndexModels holds the names of the models.
type IndexModels struct {
	Embedding string `json:"embedding"`
	Reranking string `json:"reranking,omitempty"`
	LLM       string `json:"llm,omitempty"`
}

// IndexRetrieval describes how passages are retrieved.
type IndexRetrieval struct {
	Mode  config.Mode `json:"mode"`
	K     int         `json:"k"`
	TopN  int         `json:"top_n"`
	Alpha float64     `json:"alpha"`
}

// indexState answers GET /v1/index.
func (g *Gateway) indexState(x *exchange, r *http.Request) error {
	stats, err := g.index.Stats(r.Context())
	if err != nil {
		return unavailable(err)
	}
	c := g.config
	state := IndexState{
		Pipeline:        c.Pipeline.String(),
		Generation:      c.Generation.Fingerprint(),
		Ready:           g.Ready(),
		Documents:       stats.Documents,
		Chunks:          stats.Chunks,
		FailedDocuments: stats.FailedDocuments,

		FailureReasons:        stats.Losses.Reasons,
		DocumentsWithWarnings: stats.Losses.Warned,
		WarningReasons:        stats.Losses.WarningReasons,

		Dimensions:  stats.Dimensions,
		LastSync:    stats.Completed,
		MemoryBytes: stats.MemoryBytes,
		Models:      IndexModels{Embedding: c.Models.Embedding.Name},
		Retrieval:   IndexRetrieval{c.Retrieval.Mode, c.Retrieval.K, c.Retrieval.TopN, c.Retrieval.Alpha},
		Chunking:    c.Generation.Chunking,
	}
	if p := g.progress(); p != nil {
		state.Progress = &IndexProgress{p.Phase, p.DocumentsDone, p.DocumentsTotal, p.SecondsLeft}
	}
	if c.Models.Reranking != nil {
		state.Models.Reranking = c.Models.Reranking.Name
	}
	if c.Models.LLM != nil {
		state.Models.LLM = c.Models.LLM.Name
	}
	return x.sendJSON(state)
}
