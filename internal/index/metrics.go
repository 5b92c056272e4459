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

	// Of each source, by name.
	sourceDocuments, sourceListed, sourceFailed *prometheus.Desc
}

// NewCollector returns the index's metrics: ragpipeline_index_{documents,chunks,failed_documents}
// and, once its generation was complete, ragpipeline_index_last_sync_timestamp_seconds and
// ragpipeline_index_documents_with_warnings; of each source, as the last run found it,
// ragpipeline_index_source_{documents,last_success_timestamp_seconds,failed}. While the index cannot be read there are
// none.
func NewCollector(reader Reader) prometheus.Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("ragpipeline_index_"+name, help, labels, nil)
	}
	return &collector{
		reader:    reader,
		documents: desc("documents", "Documents that the index holds, not counting failed ones."),
		chunks:    desc("chunks", "Chunks that the index holds."),
		lastSync:  desc("last_sync_timestamp_seconds", "When the index last matched its sources."),
		failed:    desc("failed_documents", "Documents that could not be indexed."),
		warned:    desc("documents_with_warnings", "Documents in the index that were only partly read, as of the last sync."),

		sourceDocuments: desc("source_documents", "Documents that the index holds of a source.", "source"),
		sourceListed: desc("source_last_success_timestamp_seconds", "When a run last listed the source completely.",
			"source"),
		sourceFailed: desc("source_failed", "1 if the last run could not list the source completely, else 0.", "source"),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(descs chan<- *prometheus.Desc) {
	descs <- c.documents
	descs <- c.chunks
	descs <- c.lastSync
	descs <- c.failed
	descs <- c.warned
	descs <- c.sourceDocuments
	descs <- c.sourceListed
	descs <- c.sourceFailed
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
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(c.documents, float64(stats.Documents))
	gauge(c.chunks, float64(stats.Chunks))
	gauge(c.failed, float64(stats.FailedDocuments))
	if !stats.Completed.IsZero() {
		gauge(c.lastSync, float64(stats.Completed.UnixMilli())/1000)
		gauge(c.warned, float64(stats.Losses.Warned))
	}
	for _, s := range stats.Measured.Synced.Sources {
		failed := 0.0
		if s.Error != "" {
			failed = 1
		}
		gauge(c.sourceDocuments, float64(s.Documents), s.Name)
		gauge(c.sourceFailed, failed, s.Name)
		if !s.LastSuccess.IsZero() {
			gauge(c.sourceListed, float64(s.LastSuccess.UnixMilli())/1000, s.Name)
		}
	}
}
