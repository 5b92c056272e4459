package ingest

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count over the life of the process, run after run.
type metrics struct {
	documents *prometheus.CounterVec // by result: added, changed, unchanged, failed, removed, kept, held back
	chunks    *prometheus.CounterVec // by result: embedded, reused, truncated
	requests  prometheus.Gauge
	texts     prometheus.Gauge
}

// newMetrics registers the metrics, or finds those of an earlier run.
// Those of the pace are registered where it is known.
func newMetrics(reg prometheus.Registerer, paced bool) (metrics, error) {
	m := metrics{
		documents: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ragpipeline_ingest_documents_total",
			Help: "Documents that ingestion dealt with, by what became of them.",
		}, []string{"result"}),
		chunks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ragpipeline_ingest_chunks_total",
			Help: "Chunks of added and changed documents, by whether they had to be embedded; truncated ones are embedded ones.",
		}, []string{"result"}),
		requests: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "ragpipeline_ingest_embedding_requests",
			Help: "Requests that ingestion sends to the embedding model at once, as its server bears them.",
		}),
		texts: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "ragpipeline_ingest_embedding_texts",
			Help: "Texts that ingestion puts into one request to the embedding model.",
		}),
	}
	if reg == nil {
		return m, nil
	}
	err := errors.Join(register(reg, &m.documents), register(reg, &m.chunks))
	if paced {
		err = errors.Join(err, register(reg, &m.requests), register(reg, &m.texts))
	}
	return m, err
}

// register registers a collector, or finds the one of an earlier run.
func register[C prometheus.Collector](reg prometheus.Registerer, c *C) error {
	err := reg.Register(*c)
	if was, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if existing, ok := was.ExistingCollector.(C); ok {
			*c, err = existing, nil
		}
	}
	return err
}
