package ingest

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count over the life of the process, run after run.
type metrics struct {
	documents *prometheus.CounterVec // by result: added, changed, unchanged, failed, removed, kept, held back
	chunks    *prometheus.CounterVec // by result: embedded, reused, truncated
}

// newMetrics registers the counters, or finds those of an earlier run.
func newMetrics(reg prometheus.Registerer) (metrics, error) {
	m := metrics{
		documents: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ragpipeline_ingest_documents_total",
			Help: "Documents that ingestion dealt with, by what became of them.",
		}, []string{"result"}),
		chunks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ragpipeline_ingest_chunks_total",
			Help: "Chunks of added and changed documents, by whether they had to be embedded; truncated ones are embedded ones.",
		}, []string{"result"}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []**prometheus.CounterVec{&m.documents, &m.chunks} {
		err := reg.Register(*c)
		if was, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
			if existing, ok := was.ExistingCollector.(*prometheus.CounterVec); ok {
				*c, err = existing, nil
			}
		}
		if err != nil {
			return m, err
		}
	}
	return m, nil
}
