package controllers

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

func TestPrometheusSeesTheStatusOfEachPipelineUntilItIsDeleted(t *testing.T) {
	at := metav1.NewTime(time.Unix(1_795_000_000, 0))
	p := &v1alpha1.RAGPipeline{ObjectMeta: metav1.ObjectMeta{Namespace: "rag", Name: "papers"}}
	p.Spec.Documents = []v1alpha1.Source{{Name: "bucket", S3: &v1alpha1.S3Source{}}}
	p.Spec.Sync.Interval = &metav1.Duration{Duration: time.Hour}
	registry := prometheus.NewRegistry()
	metrics := new(statusMetrics)
	registry.MustRegister(metrics)
	metrics.set(p, v1alpha1.RAGPipelineStatus{
		Conditions: []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Degraded"}},
		Sources: []v1alpha1.SourceStatus{
			{Name: "bucket", LastSuccessTime: &at, HeldBack: 12},
			{Name: "site", Message: "no route to host"},
		},
		Index: &v1alpha1.IndexStatus{Documents: 40, FailedDocuments: 2, DocumentsWithWarnings: 3, LastSyncTime: &at},
	})
	const want = `ragpipeline_condition{name="papers",namespace="rag",reason="Degraded",status="True",type="Ready"} 1
ragpipeline_documents{name="papers",namespace="rag"} 40
ragpipeline_documents_failed{name="papers",namespace="rag"} 2
ragpipeline_documents_with_warnings{name="papers",namespace="rag"} 3
ragpipeline_last_sync_timestamp_seconds{name="papers",namespace="rag"} 1.795e+09
ragpipeline_source_documents_held_back{name="papers",namespace="rag",source="bucket"} 12
ragpipeline_source_documents_held_back{name="papers",namespace="rag",source="site"} 0
ragpipeline_source_last_success_timestamp_seconds{name="papers",namespace="rag",source="bucket"} 1.795e+09
ragpipeline_source_up{name="papers",namespace="rag",source="bucket"} 1
ragpipeline_source_up{name="papers",namespace="rag",source="site"} 0
ragpipeline_sync_interval_seconds{name="papers",namespace="rag"} 3600
`
	if diff := cmp.Diff(want, scrape(t, registry)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	metrics.forget(types.NamespacedName{Namespace: "rag", Name: "papers"})
	if left := scrape(t, registry); left != "" {
		t.Errorf("after the pipeline was deleted there is still\n%s", left)
	}
}

// scrape returns the samples of a registry as Prometheus reads them, without their descriptions.
func scrape(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var samples bytes.Buffer
	for _, family := range families {
		var text bytes.Buffer
		if _, err := expfmt.MetricFamilyToText(&text, family); err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text.Bytes()) {
			if line[0] != '#' {
				samples.Write(line)
			}
		}
	}
	return samples.String()
}
