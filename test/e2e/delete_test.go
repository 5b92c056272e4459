//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// goneWithin is what the garbage collector may take, and Weaviate to write out what it has in
// memory.
const goneWithin = 2 * time.Minute

func TestADeletedPipelineLeavesItsVolumesAndTakesThemUpAgain(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	n.create(configMap("docs", valves(0, 12)))
	eventually(t, time.Minute, "the namespace has what every namespace has", func(ctx context.Context) error {
		return api.Get(ctx, n.key("kube-root-ca.crt"), new(corev1.ConfigMap))
	})
	before := n.stock()
	kept, gone := n.pipeline(standIns("kept", "docs")), n.pipeline(withoutVolumes("gone", "docs"))
	kept.settled(readyWithin)
	gone.settled(readyWithin)
	if s := kept.summary(); s.Listed != 12 || s.Embedded != 12 {
		t.Errorf("the first run says %+v", *s)
	}

	kept.remove()
	gone.remove()
	n.comesTo(before, "PersistentVolumeClaim/data-kept-weaviate-0", "PersistentVolumeClaim/gone-llm")
	claims := n.stock()

	// The same name again takes up the volumes, and has nothing to embed.
	kept, gone = n.pipeline(standIns("kept", "docs")), n.pipeline(withoutVolumes("gone", "docs"))
	kept.settled(readyWithin)
	if s := kept.summary(); s.Listed != 12 || s.Indexed != 12 || s.Embedded != 0 {
		t.Errorf("over the kept index the run says %+v", *s)
	}
	kept.answers("At how many bar does valve V7 open?", "8 bar")
	gone.settled(readyWithin)
	if s := gone.summary(); s.Embedded != 12 {
		t.Errorf("over an index that was not kept the run says %+v", *s)
	}
	now := n.stock()
	for name, uid := range claims {
		if now[name] != uid {
			t.Errorf("%s was made anew", name)
		}
	}

	// Deleted and applied at once, while the first one's objects are still on their way out.
	kept.remove()
	kept = n.pipeline(standIns("kept", "docs"))
	kept.settled(goneWithin + readyWithin)
	if s := kept.summary(); s.Embedded != 0 {
		t.Errorf("after a quick replacement the run says %+v", *s)
	}
}

// withoutVolumes is a pipeline of which the LLM's cache alone is to stay.
func withoutVolumes(name, documents string) *v1alpha1.RAGPipeline {
	p := standIns(name, documents)
	p.Spec.VectorStore.Weaviate.Storage.WhenDeleted = "Delete"
	p.Spec.Models.Reranking = simulated(naming.ComponentReranking, "Delete")
	p.Spec.Models.LLM.Model = *simulated(naming.ComponentLLM, "Retain")
	return p
}

// simulated is a NIM that needs no GPU, with a cache.
func simulated(role string, whenDeleted v1alpha1.Retention) *v1alpha1.Model {
	return &v1alpha1.Model{NIM: &v1alpha1.NIM{
		Image: v1alpha1.Image(simulatorImage),
		Model: v1alpha1.ModelName("e2e/" + role),
		GPU:   v1alpha1.GPU{Count: new(int32)},
		Env:   []v1alpha1.EnvVar{{Name: "NIMSIM_FLAGS", Value: "-role=" + role + " -model=e2e/" + role}},
		Cache: &v1alpha1.Cache{Size: "1Gi", WhenDeleted: whenDeleted},
	}}
}

// valves are documents of one chunk each.
func valves(first, count int) map[string]string {
	documents := map[string]string{}
	for i := first; i < first+count; i++ {
		documents[fmt.Sprintf("valve-%d.md", i)] = fmt.Sprintf("# Valve V%d\n\nValve V%d opens at %d bar and is made of steel grade S%d.\n", i, i, i+1, i*7)
	}
	return documents
}

// remove deletes the pipeline as `kubectl delete --wait=false` does.
func (p *pipeline) remove() {
	p.t.Helper()
	object := &v1alpha1.RAGPipeline{ObjectMeta: metav1.ObjectMeta{Namespace: p.namespace.name, Name: p.name}}
	if err := api.Delete(p.t.Context(), object, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		p.t.Fatal(err)
	}
}

// comesTo waits until the namespace holds what it held before, and besides that exactly what is to
// be kept.
func (n *namespace) comesTo(before map[string]string, kept ...string) {
	n.t.Helper()
	slices.Sort(kept)
	eventually(n.t, goneWithin, "nothing is left but "+strings.Join(kept, " and "), func(ctx context.Context) error {
		now, err := n.inventory(ctx)
		if err != nil {
			return err
		}
		for name, uid := range before {
			if now[name] != uid {
				n.t.Fatalf("%s, which is the user's, was touched", name)
			}
			delete(now, name)
		}
		if left := slices.Sorted(maps.Keys(now)); !slices.Equal(left, kept) {
			return fmt.Errorf("left: %v", left)
		}
		return nil
	})
}

func TestAnObjectOfSomebodyElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	draft := standIns("taken", n.documentsOf(turbine))
	draft.Spec.Suspend = true // the name of its generation's record is known once the API server has filled in the defaults
	p := n.pipeline(draft)
	theirs := []client.Object{ // in the order in which the pipeline needs the names
		secret(p.names().WeaviateKey(), map[string]string{"not": "ours"}),
		configMap(p.names().Generation(desired.NewRecord(p.get()).Fingerprint()), map[string]string{"not": "ours"}),
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: p.names().Gateway()}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}},
	}
	n.create(theirs...)
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Suspend = false })
	for _, object := range theirs {
		name, version := object.GetName(), object.GetResourceVersion()
		for condition, status := range map[string]metav1.ConditionStatus{
			v1alpha1.ConditionReady: metav1.ConditionFalse, v1alpha1.ConditionStalled: metav1.ConditionTrue,
		} {
			p.until(saidWithin, "says that "+name+" is taken", has(condition, status, v1alpha1.ReasonNameTaken, name))
		}
		if err := api.Get(t.Context(), n.key(name), object); err != nil || object.GetResourceVersion() != version {
			t.Errorf("%s was touched: %v", name, err)
		}
		if err := api.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	p.settled(readyWithin)
	p.answers(howFast, "1234")
}
