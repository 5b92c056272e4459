package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// maxRetry is the longest pause between two tries of Warm.
const maxRetry = 5 * time.Second

// Warm retrieves until it succeeds once; then the gateway is ready, until ctx ends. That no passage was found is fine.
// Later failures of an upstream do not end readiness: their JSON error tells a caller more than an empty Service.
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
		if code := failureOf(err).Code; code != last { // once for each cause, not for each try
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

// Ready tells whether a retrieval on the pinned generation has succeeded and the gateway is not shutting down.
func (g *Gateway) Ready() bool { return g.ready.Load() }

// healthz answers GET /healthz: the process serves.
func (g *Gateway) healthz(w http.ResponseWriter, _ *http.Request) error {
	return send(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
}

// readyz answers GET /readyz.
func (g *Gateway) readyz(w http.ResponseWriter, _ *http.Request) error {
	if !g.Ready() {
		return send(w, http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("no retrieval has succeeded yet\n"))
	}
	return send(w, http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
}
