//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// chart is today's; previousChart that of an earlier commit, where there is one.
const chart = "../../charts/ragpipeline"

var previousChart = env("E2E_PREVIOUS_CHART", chart)

// It runs alone: another image of the operator rolls every pipeline's pods.
func TestAnotherOperatorGoesOnAmidAReindexAndNoQuestionFails(t *testing.T) {
	n := newNamespace(t)
	n.fill("notes", 0, 3000)
	object := standIns("upgrade", "")
	object.Spec.Documents = []v1alpha1.Source{{Name: "notes", PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "notes"}}}
	object.Spec.Index.Retain = new(metav1.Duration)
	p := n.pipeline(object)
	prober := p.probe("At how many bar does valve V77 open?")
	p.settled(2 * readyWithin)
	begun, before, old := time.Now(), p.startTimes(naming.ComponentWeaviate), p.get().Status.Index.Generation

	overlap := int32(10)
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Chunking = v1alpha1.Chunking{Size: 60, Overlap: &overlap} })
	p.until(readyWithin, "the next index is being built", func(object *v1alpha1.RAGPipeline) error {
		if b := object.Status.Index.Building; b == nil || b.DocumentsDone == 0 {
			return errors.New("it is not")
		}
		return nil
	})
	t.Cleanup(func() { install(t, chart, operatorImage) })
	install(t, previousChart, operatorNextImage)
	p.until(2*readyWithin, "the new index is live", func(object *v1alpha1.RAGPipeline) error {
		if object.Status.Index.Generation == old {
			return errors.New("the old one is")
		}
		return isSettled(object)
	})
	p.oneRunOf(p.get().Status.Index.Generation)
	install(t, chart, operatorImage)
	p.settled(readyWithin)
	p.oneGenerationIsLeft()
	p.holdsOnce(3000)

	runs, uid := p.runs(), p.get().UID
	helm(t, "uninstall", operatorRelease, "--namespace", operatorNamespace, "--wait")
	p.answers("At how many bar does valve V77 open?", "78")
	install(t, chart, operatorImage)
	p.settled(readyWithin)
	if now := p.runs(); now != runs || p.get().UID != uid {
		t.Errorf("installing again made a new pipeline, or a new run: %s, then %s", runs, now)
	}
	if now := p.startTimes(naming.ComponentWeaviate); now != before {
		t.Errorf("the operator's upgrade restarted the store:\n%s\n%s", before, now)
	}
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, begun)
}

// It runs alone, too. The program before read Markdown as text: of the guide, two chunks change.
func TestAnUpgradeReadsDocumentsAgainAndEmbedsWhatChanged(t *testing.T) { upgrade(t, nil) }

// The same with TLS between the pods: neither the store nor its sidecar is restarted, and the certificates stay.
func TestAnUpgradeWithTLSKeepsTheCertificates(t *testing.T) {
	long(t)
	upgrade(t, &v1alpha1.Network{TLS: "Internal"})
}

func upgrade(t *testing.T, network *v1alpha1.Network) {
	t.Helper()
	t.Cleanup(func() { install(t, chart, operatorImage) })
	install(t, previousChart, previousImage)
	n := newNamespace(t)
	models := n.host("models")
	n.create(configMap("notes", map[string]string{
		"bolts.csv": "part,torque\nflange,95\n",
		"plain.md":  "A text without any mark is the same to both.\n",
		"guide.md": "These notes are long enough for a chunk of their own, which is what begins the text before its heading.\n\n" +
			"## Valves\n\nThe valve V77 opens at *78* bar, and it closes again as soon as the pressure falls below 70 bar.\n",
	}))
	object, overlap := standIns("upgrade", "notes"), int32(0)
	object.Spec.Models.Embedding.Model = models.endpoint(config.StandInEmbedding)
	object.Spec.Chunking = v1alpha1.Chunking{Size: 100, Overlap: &overlap}
	object.Spec.Network = network
	p := n.pipeline(object)
	prober := p.probe("At how many bar does valve V77 open?")
	p.settled(2 * readyWithin)
	certificates := p.certificatesIfAny()
	begun, before, old := time.Now(), p.startTimes(naming.ComponentWeaviate), p.get().Status.Index.Generation
	if texts := models.passages(); len(texts) != 6 {
		t.Fatalf("the program before embedded %q", texts)
	}
	models.must(http.MethodDelete, "requests")

	install(t, chart, operatorImage)
	p.until(2*readyWithin, "the documents are read again", func(object *v1alpha1.RAGPipeline) error {
		run := p.newestRun()
		if rules := run.Annotations[naming.AnnotationRules]; rules != config.Rules() || run.Status.Succeeded == 0 {
			return fmt.Errorf("the last run goes by the rules %q, and its status is %+v", rules, run.Status)
		}
		return isSettled(object)
	})
	want := []string{
		"guide.md > Valves\n## Valves",
		"guide.md > Valves\nThe valve V77 opens at *78* bar, and it closes again as soon as the pressure falls below 70 bar.",
	}
	unchanged := slices.DeleteFunc(models.passages(), func(text string) bool { return slices.Contains(want, text) })
	switch same := p.get().Status.Index.Generation == old; {
	case same && len(unchanged) > 0:
		t.Errorf("read again in place, texts that have not changed were embedded: %q", unchanged)
	case len(unchanged) > 1: // one shows that the model still gives the vectors that the next generation takes over
		t.Errorf("texts that have not changed were embedded: %q", unchanged)
	}
	if texts := models.passages(); len(texts)-len(unchanged) != len(want) {
		t.Errorf("embedded %q, want %q", texts, want)
	}
	if now := p.startTimes(naming.ComponentWeaviate); now != before {
		t.Errorf("the operator's upgrade restarted the store:\n%s\n%s", before, now)
	}
	if diff := cmp.Diff(certificates, p.certificatesIfAny()); diff != "" {
		t.Errorf("the operator's upgrade changed the certificates (-before +after):\n%s", diff)
	}
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, begun)
}

// certificatesIfAny are digests of the pipeline's certificates, by entry; none without TLS.
func (p *pipeline) certificatesIfAny() map[string]string {
	p.t.Helper()
	if p.get().Spec.Network == nil {
		return nil
	}
	digests := map[string]string{}
	for entry, value := range p.certificates().Data {
		digests[entry] = config.Hash(string(value))
	}
	return digests
}

// newestRun is the Job that was made last.
func (p *pipeline) newestRun() batchv1.Job {
	p.t.Helper()
	var jobs batchv1.JobList
	if err := api.List(p.t.Context(), &jobs, client.InNamespace(p.namespace.name),
		client.MatchingLabels{naming.LabelPipeline: p.name}); err != nil {
		p.t.Fatal(err)
	}
	return slices.MaxFunc(append(jobs.Items, batchv1.Job{}), func(a, b batchv1.Job) int {
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	})
}

// oneRunOf checks that the building of a generation was started once. What follows it removes the
// old one.
func (p *pipeline) oneRunOf(generation string) {
	p.t.Helper()
	var jobs batchv1.JobList
	if err := api.List(p.t.Context(), &jobs, client.InNamespace(p.namespace.name),
		client.MatchingLabels{naming.LabelPipeline: p.name, naming.LabelGeneration: generation}); err != nil {
		p.t.Fatal(err)
	}
	for _, job := range jobs.Items {
		if job.Status.Failed > 0 {
			p.t.Errorf("%d pods of the run %s failed", job.Status.Failed, job.Name)
		}
		if retry := job.Annotations[naming.AnnotationRetry]; retry != "0" {
			p.t.Errorf("the run %s is the retry %s", job.Name, retry)
		}
	}
}

// install installs or upgrades the release to a chart and an image, and waits until nothing else
// runs.
func install(t *testing.T, chart, image string) {
	t.Helper()
	colon := strings.LastIndex(image, ":")
	helm(t, "upgrade", "--install", operatorRelease, chart, "--namespace", operatorNamespace, "--wait", "--timeout", "3m",
		"--set", "image.repository="+image[:colon], "--set", "image.tag="+image[colon+1:])
	err := await(context.Background(), time.Minute, func(ctx context.Context) error {
		list, err := operators(ctx)
		if err != nil {
			return err
		}
		for _, pod := range list {
			if pod.Spec.Containers[0].Image != image {
				return fmt.Errorf("%s runs %s", pod.Name, pod.Spec.Containers[0].Image)
			}
		}
		return nil
	})
	if err != nil {
		t.Errorf("the operator was not replaced: %v", err)
	}
}

// helm runs in a test's cleanup too, whose context has ended.
func helm(t *testing.T, arguments ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if output, err := exec.CommandContext(ctx, env("HELM", "../../bin/helm"), arguments...).CombinedOutput(); err != nil {
		t.Errorf("helm %s: %v\n%s", arguments[0], err, output)
	}
}
