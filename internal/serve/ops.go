package serve

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/pprof"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// OpsOptions is what the ops port tells of.
type OpsOptions struct {
	// Status is the body of config.OpsPath.
	Status func(context.Context) config.OpsStatus
	// Ready answers /readyz; nil means always. It should say no once the process's context is over.
	Ready func() bool
	// Gatherer answers /metrics.
	Gatherer prometheus.Gatherer
}

// Ops is the handler of the ops port, which only the operator and the monitoring reach: status, health,
// metrics and profiles.
func Ops(o OpsOptions) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+config.OpsPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(o.Status(r.Context()))
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if o.Ready != nil && !o.Ready() {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ok\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}
