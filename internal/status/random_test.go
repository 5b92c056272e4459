package status

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// changes are the events that may happen to a pipeline at any time.
var changes = []func(*world){
	created, up, indexes, serves, edit, suspend, unreadable, rebuilds(40, 200), rebuilds(80, 200), switched, retriedRun, runWaits, stops, queued, rereads, rerankerUnreachable,
	func(w *world) { w.p.Spec.Suspend = false },
	func(w *world) { w.o.SpecChanged = !w.o.SpecChanged },
	func(w *world) { w.o.Problem, w.o.Missing, w.o.Unreadable = nil, nil, "" },
	func(w *world) { w.o.Components = map[string]Component{} },
	func(w *world) { w.p.Spec.FailurePolicy.LLM, w.p.Spec.FailurePolicy.Embedding = "Degrade", "Degrade" },
	failedRun(0, "NoDocuments", "there are no documents"), failedRun(1, "", "connection reset"),
	problem("ConfigurationError", "spec: wrong", true), problem("ApplyFailed", "no", false),
	missing("Secret", "hosted", "spec.models.llm.endpoint.secretRef", naming.ComponentLLM),
	missing("ConfigMap", "papers", "spec.documents[0].configMap.name", naming.ComponentIngest),
	down(naming.ComponentEmbedding, pod(unscheduled(noGPU))), down(naming.ComponentReranking, pod(waits("ImagePullBackOff", ""))),
	down(naming.ComponentWeaviate, pod(running(1), ended("OOMKilled", 137, time.Minute))), down(naming.ComponentGateway, pod(running(0))),
	rolling(naming.ComponentGateway), rolling(naming.ComponentEmbedding, corev1.Pod{}), nextEmbedding(pod(running(0))),
	stageFails(config.StageLLM, "ModelOverloaded", "full", 429), stageFails(config.StageEmbedding, "ModelNotFound", "unknown", 404),
	stageFails(config.StageIndex, "IndexUnreachable", "gone", 0), stageFails(config.StageIndex, config.IndexNotBuilt, "gone", 0),
}

// After any changes in any order, GitOps tools can read the status, and it stays the same while
// nothing happens.
func TestAnyHistory(t *testing.T) {
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 0))
		w := newWorld()
		var now time.Duration
		for range 12 {
			for range random.IntN(3) {
				changes[random.IntN(len(changes))](w)
			}
			now += time.Duration(random.IntN(20)) * time.Minute
			w.pass(now)
			holdsAlways(t, w)
			if diff := cmp.Diff(w.p.Status, Compute(w.p, w.o)); diff != "" {
				t.Errorf("it changes without a cause (-first +then):\n%s", diff)
			}
			if t.Failed() {
				t.Fatalf("seed %d, %s after noon", seed, now)
			}
		}
	}
}
