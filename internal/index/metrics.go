package index

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector reports to Prometheus what an index holds at the time of the scrape.
type collector struct {
	reader                      Reader
	documents, chunks, lastSync *prometheus.Desc
	failed, warned              *prometheus.Desc // documents
}

// NewCollector returns the index's metrics: ragpipeline_index_{documents,chunks,failed_documents}
// and, once its generation was complete, ragpipeline_index_last_sync_timestamp_seconds and
// ragpipeline_index_documents_with_warnings. While the index cannot be read there are none.
func NewCollector(reader Reader) prometheus.Collector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("ragpipeline_index_"+name, help, nil, nil)
	}
	return &collector{
		reader:    reader,
		documents: desc("documents", "Documents that the index holds, not counting failed ones."),
		chunks:    desc("chunks", "Chunks that the index holds."),
		lastSync:  desc("last_sync_timestamp_seconds", "When the index last matched its sources."),
		failed:    desc("failed_documents", "Documents that could not be indexed."),
		warned:    desc("documents_with_warnings", "Documents in the index that were only partly read, as of the last sync."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(descs chan<- *prometheus.Desc) {
	descs <- c.documents
	descs <- c.chunks
	descs <- c.lastSync
	descs <- c.failed
	descs <- c.warned
}

// statsTimeout bounds the wait for an index that does not answer.
const statsTimeout = 5 * time.Second

// Collect implements prometheus.Collector.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statsTimeout)
	defer cancel()
	stats, err := c.reader.Stats(ctx)
	if err != nil {
		return // the stage's status and the log tell why
	}
	gauge := func(d *prometheus.Desc, value float64) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	gauge(c.documents, float64(stats.Documents))
	gauge(c.chunks, float64(stats.Chunks))
	gauge(c.failed, float64(stats.FailedDocuments))
	if !stats.Completed.IsZero() {
		gauge(c.lastSync, float64(stats.Completed.UnixMilli())/1000)
		gauge(c.warned, float64(stats.Losses.Warned))
	}
}
