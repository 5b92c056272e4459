//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
)

// lossy are documents of which one fails, and two are only partly read.
var lossy = map[string]string{
	"turbine.md": turbine["turbine.md"],
	"empty.md":   "",
	"valves.csv": "name,note\nAnn,\"x\nBob,valve V77 opens at 7 bar\n",
	"pump.html":  `<p>The pump of plant Kestrel weighs 90 kg.</p><p style="display:none">It weighs nothing.</p>`,
}

func TestDocumentsThatAreMissingOrPartlyReadAreTold(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	object := standIns("lossy", n.documentsOf(lossy))
	object.Spec.Ingest.MaxFailed = new(intstr.FromInt32(0))
	p := n.pipeline(object)

	t.Log("too many failed: no index goes live")
	p.until(readyWithin, "the first index is held back", has(v1alpha1.ConditionIndexReady, metav1.ConditionFalse,
		"TooManyFailed", "1 of 4", "spec.ingest.maxFailed (0)", "Malformed (1)", "docs/empty.md", "raise maxFailed"))

	t.Log("more may fail: it goes live as it is")
	p.mayFail(intstr.FromString("25%"))
	p.settled(readyWithin)
	p.answers(howFast, "1234")
	p.tellsItsLosses()

	t.Log("too many failed for the next index: the old one serves")
	first := p.get().Status.Index.Generation
	prober := p.probe(howFast)
	p.edit(func(s *v1alpha1.RAGPipelineSpec) {
		overlap := int32(20)
		s.Chunking.Size, s.Chunking.Overlap, s.Ingest.MaxFailed = 200, &overlap, new(intstr.FromString("24%"))
	})
	p.until(readyWithin, "the next index is held back", func(object *v1alpha1.RAGPipeline) error {
		return errors.Join(
			has(v1alpha1.ConditionStalled, metav1.ConditionTrue, "TooManyFailed", "spec.ingest.maxFailed (24%)", "Malformed (1)")(object),
			has(v1alpha1.ConditionReady, metav1.ConditionTrue)(object),
			has(v1alpha1.ConditionIndexReady, metav1.ConditionTrue)(object))
	})
	if now := p.get().Status.Index.Generation; now != first {
		t.Errorf("generation %s is live, not the first, %s", now, first)
	}
	p.mayFail(intstr.FromInt32(1))
	p.until(readyWithin, "the next index is live", func(object *v1alpha1.RAGPipeline) error {
		if object.Status.Index.Generation == first {
			return errors.New("the first is")
		}
		return isSettled(object)
	})

	t.Log("fewer may fail than do: the live index stays so, and tells of it")
	p.mayFail(intstr.FromInt32(0))
	p.until(readyWithin, "IndexReady warns", func(object *v1alpha1.RAGPipeline) error {
		return errors.Join(isSettled(object),
			has(v1alpha1.ConditionIndexReady, metav1.ConditionTrue, "TooManyFailed", "1 of 4 documents failed")(object))
	})
	n.document("empty.md", "Not any more.\n")
	p.until(readyWithin, "no document fails", func(object *v1alpha1.RAGPipeline) error {
		if i := object.Status.Index; i.FailedDocuments != 0 || i.FailureReasons != nil {
			return fmt.Errorf("%d do: %+v", i.FailedDocuments, i.FailureReasons)
		}
		return errors.Join(isSettled(object), has(v1alpha1.ConditionIndexReady, metav1.ConditionTrue, "Ready")(object))
	})
	prober.end()
	prober.unfailing(t)
}

// mayFail sets spec.ingest.maxFailed.
func (p *pipeline) mayFail(limit intstr.IntOrString) {
	p.t.Helper()
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Ingest.MaxFailed = &limit })
}

// tellsItsLosses checks that status, `kubectl get`, the events and the gateway name what the index
// lacks of the lossy documents.
func (p *pipeline) tellsItsLosses() {
	p.t.Helper()
	index := p.get().Status.Index
	want := &v1alpha1.IndexStatus{
		Documents: 3, FailedDocuments: 1, DocumentsWithWarnings: 2,
		FailureReasons: []v1alpha1.ReasonCount{{Reason: "Malformed", Documents: 1}},
		WarningReasons: []v1alpha1.ReasonCount{{Reason: "HiddenText", Documents: 1}, {Reason: "LinesSkipped", Documents: 1}},
	}
	got := &v1alpha1.IndexStatus{
		Documents: index.Documents, FailedDocuments: index.FailedDocuments, FailureReasons: index.FailureReasons,
		DocumentsWithWarnings: index.DocumentsWithWarnings, WarningReasons: index.WarningReasons,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("status.index (-want +got):\n%s", diff)
	}
	var examples []string
	for _, w := range index.Warnings {
		examples = append(examples, fmt.Sprintf("%s %s %d %s", w.Document, w.Reason, w.Count, strings.Join(w.Places, ", ")))
	}
	if err := containsAll(strings.Join(examples, "\n"), "docs/pump.html HiddenText 1", "docs/valves.csv LinesSkipped 1 line 2"); err != nil {
		p.t.Errorf("status.index.warnings: %v", err)
	}
	if row := p.row(); !strings.Contains(row, "questions are answered; 2 documents were only partly read, and 1 could not be indexed") {
		p.t.Errorf("kubectl get prints %s", row)
	}
	eventually(p.t, saidWithin, "an event tells of it", func(ctx context.Context) error {
		var events corev1.EventList
		if err := api.List(ctx, &events, client.InNamespace(p.namespace.name)); err != nil {
			return err
		}
		for _, e := range events.Items {
			if e.Reason == "PartlyRead" && e.InvolvedObject.Name == p.name && e.Type == corev1.EventTypeWarning {
				return containsAll(e.Message, "HiddenText (1)", "LinesSkipped (1)", "docs/pump.html", "docs/valves.csv", "/v1/documents?warnings=true")
			}
		}
		return errors.New("none does")
	})
	var page gateway.DocumentPage
	if err := p.call(p.t.Context(), http.MethodGet, "/v1/documents?warnings=true", nil, &page); err != nil {
		p.t.Fatal(err)
	}
	if len(page.Documents) != 2 || page.Documents[0].DocumentID != "docs/pump.html" || len(page.Documents[1].Warnings) != 1 {
		p.t.Errorf("documents with warnings: %+v", page)
	}
	state, err := p.index(p.t.Context())
	if err != nil || state.DocumentsWithWarnings != 2 || state.WarningReasons["LinesSkipped"] != 1 || state.FailureReasons["Malformed"] != 1 {
		p.t.Errorf("the gateway's index: %+v, %v", state, err)
	}
}
