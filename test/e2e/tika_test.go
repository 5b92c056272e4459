//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// tikaPipeline is the sample, over a scan and an RTF, which a Tika of the operator's reads.
func tikaPipeline(t *testing.T, edit ...func(*v1alpha1.RAGPipelineSpec)) *pipeline {
	t.Helper()
	image := os.Getenv("E2E_TIKA_IMAGE")
	if image == "" {
		t.Skip("E2E_TIKA_IMAGE is not set: an image of Apache Tika is packed where there are Debian's packages and Maven")
	}
	n := newNamespace(t)
	works := configMap("works", map[string]string{"readme.md": "# The works\n\nThe handbook is a scan."})
	works.BinaryData = map[string][]byte{}
	for _, name := range []string{"handbook.pdf", "letter.rtf", "crane.doc"} {
		works.BinaryData[name] = scanned(t, name)
	}
	n.create(works)
	return n.sample("extraction-tika.yaml", func(p *v1alpha1.RAGPipeline) {
		p.Spec.Documents[0].PersistentVolumeClaim = nil
		p.Spec.Documents[0].ConfigMap = &v1alpha1.ConfigMapSource{Name: "works"}
		p.Spec.Extraction.Server.Tika.Image = v1alpha1.Image(image)
		for _, edit := range edit {
			edit(&p.Spec)
		}
	})
}

func scanned(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../compat/testdata/scans/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// answersFrom asks, and checks from which page of which document the first citation is.
func (p *pipeline) answersFrom(question, document string, page int) {
	p.t.Helper()
	reply, err := p.ask(p.t.Context(), question)
	if err != nil {
		p.t.Fatal(err)
	}
	if len(reply.Citations.Results) == 0 {
		p.t.Fatalf("%s: no citations", question)
	}
	if first := reply.Citations.Results[0]; !strings.HasSuffix(first.Document, document) || first.Metadata.Page != page {
		p.t.Errorf("%s: answered from %s, page %d; want %s, page %d", question, first.Document, first.Metadata.Page, document, page)
	}
}

func TestATikaReadsScansOfTheRightPage(t *testing.T) {
	t.Parallel()
	p := tikaPipeline(t)
	p.settled(2 * readyWithin)
	p.answersFrom("How often is the impeller of pump P-17 replaced?", "handbook.pdf", 2)
	p.answersFrom("On which day of the month is used oil collected?", "handbook.pdf", 3)
	p.answersFrom("What is the serial number of the compressor?", "letter.rtf", 0)
	p.answersFrom("Who is the inspector of hall four?", "crane.doc", 0)
	if err := has(v1alpha1.ConditionExtractionReady, metav1.ConditionTrue)(p.get()); err != nil {
		t.Error(err)
	}
	p.mountsNoToken()
}

// A sidecar ends TLS before the Tika, which listens within its pod alone.
func TestATikaBehindTLSReadsScansAndOldOfficeDocuments(t *testing.T) {
	long(t)
	t.Parallel()
	p := tikaPipeline(t, func(s *v1alpha1.RAGPipelineSpec) { s.Network = &v1alpha1.Network{TLS: "Internal"} })
	p.settled(2 * readyWithin)
	p.answersFrom("How often is the impeller of pump P-17 replaced?", "handbook.pdf", 2)
	p.answersFrom("Who is the inspector of hall four?", "crane.doc", 0)
	if err := has(v1alpha1.ConditionExtractionReady, metav1.ConditionTrue)(p.get()); err != nil {
		t.Error(err)
	}
	service := p.names().Stage(naming.ComponentExtraction)
	p.serviceHasPorts(service, 8443)
	p.speaksTLS(service, "/version")
	p.refusesPlainText(service, naming.ComponentExtraction, 8443, 9998)
	kill(t, p.pod(naming.ComponentExtraction))
	p.settled(readyWithin)
	p.speaksTLS(service, "/version")
}

// The Tika is killed while documents wait for it, and then taken away: what it missed is told, and read once it is back,
// though the documents did not change.
func TestWhatATikaMissedIsReadOnceItIsBack(t *testing.T) {
	long(t)
	t.Parallel()
	p := tikaPipeline(t)
	p.settled(2 * readyWithin)
	prober := p.probe("How often is the impeller of pump P-17 replaced?")

	kill(t, p.pod(naming.ComponentExtraction))
	p.scan("second.pdf")
	p.until(2*readyWithin, "the scan that came while the Tika restarted is read", p.documentsAre(5, 0))

	p.scaleTika(0)
	p.scan("third.pdf")
	p.until(2*readyWithin, "the scan that came without a Tika is told", p.documentsAre(5, 1))
	p.until(readyWithin, "the condition tells of the Tika", has(v1alpha1.ConditionExtractionReady, metav1.ConditionFalse))
	if err := has(v1alpha1.ConditionReady, metav1.ConditionTrue)(p.get()); err != nil {
		t.Error(err)
	}
	if reasons := p.get().Status.Index.FailureReasons; len(reasons) != 1 || reasons[0].Reason != "ServerFailed" {
		t.Errorf("the reasons are %+v", reasons)
	}

	p.scaleTika(1)
	p.until(4*readyWithin, "the scan is read without having changed", p.documentsAre(6, 0))
	p.until(readyWithin, "the condition tells of the Tika", has(v1alpha1.ConditionExtractionReady, metav1.ConditionTrue))
	prober.end()
	prober.unfailing(t)
}

// documentsAre objects to other numbers of documents, indexed and failed.
func (p *pipeline) documentsAre(indexed, failed int64) func(*v1alpha1.RAGPipeline) error {
	return func(object *v1alpha1.RAGPipeline) error {
		index := object.Status.Index
		if index == nil {
			return errors.New("there is no index")
		}
		if index.Documents != indexed || index.FailedDocuments != failed {
			return fmt.Errorf("%d documents are indexed and %d failed", index.Documents, index.FailedDocuments)
		}
		return nil
	}
}

// scan adds the scan under another name.
func (p *pipeline) scan(name string) {
	p.t.Helper()
	works := new(corev1.ConfigMap)
	if err := api.Get(p.t.Context(), p.key("works"), works); err != nil {
		p.t.Fatal(err)
	}
	works.BinaryData[name] = scanned(p.t, "handbook.pdf")
	if err := api.Update(p.t.Context(), works); err != nil {
		p.t.Fatal(err)
	}
}

// scaleTika does what an autoscaler does, and waits for the pods.
func (p *pipeline) scaleTika(replicas int) {
	p.t.Helper()
	name := p.names().Stage(naming.ComponentExtraction)
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas))
	if err := api.Patch(p.t.Context(), &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace.name, Name: name}}, patch); err != nil {
		p.t.Fatal(err)
	}
	eventually(p.t, 2*time.Minute, "the Tika is scaled", func(ctx context.Context) error {
		list, err := p.podsOf(ctx, naming.ComponentExtraction)
		if err == nil && len(list) != replicas {
			err = fmt.Errorf("there are %d pods", len(list))
		}
		return err
	})
}
