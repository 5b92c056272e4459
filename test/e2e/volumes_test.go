//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// growsAroundItsPods gives the store's volumes a size that they were provided with, so that nothing but the template
// of the claims is behind. The StatefulSet is made anew, no pod is restarted, and every question is answered.
func (p *pipeline) growsAroundItsPods(t *testing.T, size v1alpha1.VolumeSize) {
	t.Helper()
	var before appsv1.StatefulSet
	if err := api.Get(t.Context(), p.key(p.names().Weaviate()), &before); err != nil {
		t.Fatal(err)
	}
	pods := p.identities(naming.ComponentWeaviate)
	prober, since := p.probe("At how many bar does valve V7 open?"), time.Now()
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.VectorStore.Weaviate.Storage.Size = size })
	eventually(t, saidWithin, "the StatefulSet is made anew and knows its pods", func(ctx context.Context) error {
		var set appsv1.StatefulSet
		if err := api.Get(ctx, p.key(before.Name), &set); err != nil {
			return err
		}
		request := set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage().String()
		if set.UID == before.UID || request != string(size) || set.Status.ReadyReplicas != before.Status.ReadyReplicas {
			return fmt.Errorf("its claims are of %s, %d replicas are ready", request, set.Status.ReadyReplicas)
		}
		return nil
	})
	p.settled(readyWithin)
	if diff := cmp.Diff(pods, p.identities(naming.ComponentWeaviate)); diff != "" {
		t.Errorf("pods of the store are others, or were restarted: %s", diff)
	}
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, since)
}

// identities tell of a component's pods which they are, and how often each was restarted.
func (p *pipeline) identities(component string) map[string]string {
	p.t.Helper()
	list, err := p.podsOf(p.t.Context(), component)
	if err != nil {
		p.t.Fatal(err)
	}
	pods := map[string]string{}
	for _, pod := range list {
		pods[pod.Name] = fmt.Sprint(pod.UID, " owned by ", metav1.GetControllerOf(&pod).Kind, ", restarts: ",
			pod.Status.ContainerStatuses[0].RestartCount)
	}
	return pods
}

// refusesToGrow asks for more than the volumes have, of a StorageClass that cannot expand them.
func (p *pipeline) refusesToGrow(size v1alpha1.VolumeSize) {
	p.t.Helper()
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.VectorStore.Weaviate.Storage.Size = size })
	p.until(saidWithin, "says that the volumes cannot grow", has(v1alpha1.ConditionStalled, metav1.ConditionTrue,
		v1alpha1.ReasonVolumeResizeFailed, string(size), "must support resize", "allowVolumeExpansion"))
	p.until(saidWithin, "answers questions", has(v1alpha1.ConditionReady, metav1.ConditionTrue, "questions are answered", "allowVolumeExpansion"))
	var claim corev1.PersistentVolumeClaim
	if err := api.Get(p.t.Context(), p.key("data-"+p.names().Weaviate()+"-0"), &claim); err != nil {
		p.t.Fatal(err)
	}
	p.t.Logf("claim %s asks for %s and has %s", claim.Name, claim.Spec.Resources.Requests.Storage(), claim.Status.Capacity.Storage())
}
