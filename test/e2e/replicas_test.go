//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func TestAStoreOfThreeReplicasGoesOnWithoutAnyOneOfThem(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	n.create(configMap("docs", valves(0, 30)))
	object := standIns("three", "docs")
	object.Spec.VectorStore.Weaviate.Replicas = 3
	p := n.pipeline(object)
	p.settled(2 * readyWithin)
	p.growsAroundItsPods(t, "20Gi")
	p.encrypts()
	p.renews()
	prober := p.probe("At how many bar does valve V7 open?")
	for ordinal := range 3 {
		p.replaced(fmt.Sprintf("%s-%d", p.names().Weaviate(), ordinal))
		p.settled(readyWithin)
	}
	prober.end()
	gap := prober.silence()
	t.Logf("the longest time without an answer was %s", gap)
	if gap > readyFollows {
		t.Errorf("without one of three replicas no question was answered for %s", gap)
	}
	p.holdsOnce(30)
	eventually(t, readyWithin, "all three are ready, and one may be disrupted", func(ctx context.Context) error {
		var budget policyv1.PodDisruptionBudget
		if err := api.Get(ctx, p.key(p.names().Weaviate()), &budget); err != nil {
			return err
		}
		if allowed := budget.Status.DisruptionsAllowed; allowed != 1 {
			return fmt.Errorf("the disruption budget allows %d", allowed)
		}
		return nil
	})
	p.refusesToGrow("500Gi")
	p.answers("At how many bar does valve V7 open?", "8")
}

// replaced kills a replica of the store, and waits until another has its name and is ready.
func (p *pipeline) replaced(name string) {
	p.t.Helper()
	pod := new(corev1.Pod)
	if err := api.Get(p.t.Context(), p.key(name), pod); err != nil {
		p.t.Fatal(err)
	}
	uid := pod.UID
	p.t.Logf("%s is killed", name)
	kill(p.t, pod)
	eventually(p.t, readyWithin, name+" is back", func(ctx context.Context) error {
		list, err := p.podsOf(ctx, naming.ComponentWeaviate)
		if err != nil {
			return err
		}
		for _, pod := range list {
			for _, c := range pod.Status.Conditions {
				if pod.Name == name && pod.UID != uid && c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
					return nil
				}
			}
		}
		return fmt.Errorf("it is not among the %d", len(list))
	})
}

// silence is the longest time without an answer since the first one.
func (b *prober) silence() (longest time.Duration) {
	questions, _ := b.seen()
	var last time.Time
	for _, q := range questions { // in the order in which they ended
		if q.err != nil {
			continue
		}
		if !last.IsZero() {
			longest = max(longest, q.done.Sub(last))
		}
		last = q.done
	}
	return longest
}
