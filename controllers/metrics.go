package controllers

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// statusMetrics gives Prometheus the status of every pipeline. Alerts rest on these metrics: they outlive
// the pods of a pipeline, and need no way into its namespace.
type statusMetrics struct {
	mu        sync.Mutex
	pipelines map[types.NamespacedName]pipelineStatus
}

// pipelineStatus is what the operator last reported of a pipeline.
type pipelineStatus struct {
	v1alpha1.RAGPipelineStatus
	syncInterval time.Duration // 0 if only changes start a run
}

func (m *statusMetrics) set(p *v1alpha1.RAGPipeline, now v1alpha1.RAGPipelineStatus) {
	status := pipelineStatus{RAGPipelineStatus: *now.DeepCopy(), syncInterval: plan.SyncInterval(p)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pipelines == nil {
		m.pipelines = map[types.NamespacedName]pipelineStatus{}
	}
	m.pipelines[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}] = status
}

func (m *statusMetrics) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pipelines, key)
}

// describe returns a metric of each pipeline, with further labels.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("ragpipeline_"+name, help, append([]string{"namespace", "name"}, labels...), nil)
}

var (
	conditionMetric = describe("condition",
		"1 for the status and the reason that a condition of a pipeline has.", "type", "status", "reason")
	documentsMetric = describe("documents", "Documents in the live index of a pipeline.")
	failedMetric    = describe("documents_failed", "Documents of a pipeline that could not be indexed.")
	warnedMetric    = describe("documents_with_warnings", "Documents in the index that were only partly read.")
	syncedMetric    = describe("last_sync_timestamp_seconds", "When the index of a pipeline last matched its sources.")
	intervalMetric  = describe("sync_interval_seconds", "Time between two runs of a pipeline, if it has an interval.")
	sourceUpMetric  = describe("source_up", "1 if the last run could list a source completely, otherwise 0.", "source")
	sourceSuccess   = describe("source_last_success_timestamp_seconds",
		"When a run last listed a source completely.", "source")
	heldBackMetric = describe("source_documents_held_back",
		"Documents that vanished from a source and stay in the index because they exceed spec.sync.maxPrune.", "source")
)

// Describe implements prometheus.Collector.
func (m *statusMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{conditionMetric, documentsMetric, failedMetric, warnedMetric, syncedMetric,
		intervalMetric, sourceUpMetric, sourceSuccess, heldBackMetric} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *statusMetrics) Collect(ch chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, status := range m.pipelines {
		gauge := func(d *prometheus.Desc, value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value,
				append([]string{key.Namespace, key.Name}, labels...)...)
		}
		at := func(d *prometheus.Desc, t *metav1.Time, labels ...string) {
			if t != nil {
				gauge(d, float64(t.Unix()), labels...)
			}
		}
		for _, c := range status.Conditions {
			gauge(conditionMetric, 1, c.Type, string(c.Status), c.Reason)
		}
		for _, s := range status.Sources {
			up := 1.0
			if s.Message != "" {
				up = 0
			}
			gauge(sourceUpMetric, up, s.Name)
			gauge(heldBackMetric, float64(s.HeldBack), s.Name)
			at(sourceSuccess, s.LastSuccessTime, s.Name)
		}
		if status.syncInterval > 0 {
			gauge(intervalMetric, status.syncInterval.Seconds())
		}
		if index := status.Index; index != nil {
			gauge(documentsMetric, float64(index.Documents))
			gauge(failedMetric, float64(index.FailedDocuments))
			gauge(warnedMetric, float64(index.DocumentsWithWarnings))
			at(syncedMetric, index.LastSyncTime)
		}
	}
}
