package serve

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// OpsOptions describes what the ops port reports.
type OpsOptions struct {
	Pipeline   config.Pipeline
	Generation config.Generation // the pinned one
	Stages     *Stages
	Index      index.Reader
	// Ready answers /readyz and is part of the status. It should return false once the process's
	// context is done. It is nil for a process that answers no questions; /readyz then always
	// succeeds.
	Ready func() bool
	// Progress returns how far an ingestion is. It may be nil, and may return nil.
	Progress func() *config.Progress
	// Gatherer answers /metrics.
	Gatherer prometheus.Gatherer
}

// Ops returns the handler of the ops port, which only the operator and the monitoring reach:
// status, health, metrics and profiles.
func Ops(o OpsOptions) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+config.OpsPath, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(o.status(r.Context()))
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

func (o *OpsOptions) status(ctx context.Context) config.OpsStatus {
	s := config.OpsStatus{
		Pipeline:   o.Pipeline.String(),
		Generation: o.Generation.Fingerprint(),
		Ready:      o.Ready != nil && o.Ready(),
		Stages:     o.Stages.Snapshot(),
		Index:      o.indexStatus(ctx),
	}
	if o.Progress != nil {
		s.Progress = o.Progress()
	}
	return s
}

// statsTimeout is how long the status waits for an index that may be unreachable. It is shorter
// than the time that the operator waits for the status, whose other fields matter more.
const statsTimeout = time.Second

func (o *OpsOptions) indexStatus(ctx context.Context) config.IndexStatus {
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	status := config.IndexStatus{EmbeddingModel: o.Generation.Embedding.Model}
	stats, err := o.Index.Stats(ctx)
	if err != nil {
		return status
	}
	status.Documents, status.Chunks, status.FailedDocuments = stats.Documents, stats.Chunks, stats.FailedDocuments
	status.Dimensions, status.LastSync, status.Losses = stats.Dimensions, stats.Completed, stats.Losses
	status.ChunksPerSecond, status.ChunkCounts = stats.Measured.ChunksPerSecond, stats.Measured.ChunkCounts
	status.Synced = stats.Measured.Synced
	failed, err := o.Index.Failures(ctx, config.MaxExamples)
	if err != nil {
		return status
	}
	for _, row := range failed {
		f := config.FailedDocument{Document: row.Document, Reason: row.Reason, Message: row.Message, Parked: row.Parked()}
		status.Failures = append(status.Failures, f)
	}
	return status
}
