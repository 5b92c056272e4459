package crd

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/json"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// printsRow asks for a table as kubectl get does, before and after the operator wrote a status.
func (s server) printsRow(t *testing.T) {
	namespace := apiserver.Namespace(t, nil)
	if err := s.create(t, namespace, minimal(t)); err != nil {
		t.Fatal(err)
	}
	table := s.table(t, namespace)
	var columns []string
	for _, c := range table.ColumnDefinitions {
		columns = append(columns, c.Name)
	}
	if diff := cmp.Diff([]string{"Name", "Ready", "Documents", "Chunks", "Building", "Endpoint", "Status", "Synced", "Age"}, columns); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]any{"fixture", nil, nil, nil, nil, nil, nil, nil}, cells(t, table)); diff != "" {
		t.Errorf("without a status: %s", diff)
	}

	var p v1alpha1.RAGPipeline
	if err := s.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "fixture"}, &p); err != nil {
		t.Fatal(err)
	}
	p.Status.ObservedGeneration = p.Generation
	p.Status.Endpoint = "http://fixture-gateway.test.svc:8080"
	p.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Answering", Message: "questions are answered", LastTransitionTime: metav1.Now()}}
	p.Status.Sources = []v1alpha1.SourceStatus{
		{Name: "docs", Documents: 12, Scanned: 14, Unchanged: 12, Failed: 2, LastSuccessTime: new(metav1.Now())}, {Name: "gone", Message: "no such bucket"},
	}
	p.Status.Index = &v1alpha1.IndexStatus{
		LastSyncTime: new(metav1.NewTime(time.Now().Add(-15 * time.Hour))),
		Removed:      &v1alpha1.RemovedStatus{Documents: 3, VerifiedAt: metav1.Now()},
		Documents:    12, Chunks: 340, Building: &v1alpha1.Building{Phase: "Embedding"},
		FailedDocuments: 2, FailureReasons: []v1alpha1.ReasonCount{{Reason: "Encrypted", Documents: 1}, {Reason: "TooLarge", Documents: 1}},
		DocumentsWithWarnings: 1, WarningReasons: []v1alpha1.ReasonCount{{Reason: "HiddenText", Documents: 1}, {Reason: "LinesSkipped", Documents: 1}},
		Warnings: []v1alpha1.DocumentWarning{ // of one document, and of one reason
			{Document: "docs/a.csv", Reason: "HiddenText", Count: 1}, {Document: "docs/a.csv", Reason: "LinesSkipped", Count: 9, Places: []string{"line 1", "line 2", "line 3"}},
			{Document: "docs/b.csv", Reason: "LinesSkipped", Count: 1},
		},
	}
	if err := s.Status().Update(t.Context(), &p); err != nil {
		t.Fatal(err)
	}
	want := []any{"fixture", "True", int64(12), int64(340), "Embedding", "http://fixture-gateway.test.svc:8080", "questions are answered", "15h"}
	if diff := cmp.Diff(want, cells(t, s.table(t, namespace))); diff != "" {
		t.Errorf("with a status: %s", diff)
	}
}

func (s server) table(t *testing.T, namespace string) metav1.Table {
	t.Helper()
	get := s.rest.Get().AbsPath("/apis", v1alpha1.GroupVersion.String(), "namespaces", namespace, "ragpipelines")
	text, err := get.SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var table metav1.Table
	if err := json.UnmarshalCaseSensitivePreserveInts(text, &table); err != nil { // whole numbers as such
		t.Fatal(err)
	}
	return table
}

// cells are the only row's, without its age.
func cells(t *testing.T, table metav1.Table) []any {
	t.Helper()
	if len(table.Rows) != 1 {
		t.Fatalf("%d rows", len(table.Rows))
	}
	return table.Rows[0].Cells[:len(table.Rows[0].Cells)-1]
}
