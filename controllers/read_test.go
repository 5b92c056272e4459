package controllers

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// A pipeline whose store runs asks the API server for its StorageClass no more: that is a request
// each pass.
func TestAStorageClassIsLookedUpWhileAVolumeIsAwaited(t *testing.T) {
	const running = corev1.PodRunning
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "fast"}}
	for name, c := range map[string]struct {
		phases  []corev1.PodPhase
		exists  bool
		missing int
	}{
		"before there is a pod":                    {missing: 1},
		"before there is a pod, and it exists":     {exists: true},
		"while a pod is pending":                   {phases: []corev1.PodPhase{running, corev1.PodPending}, missing: 1},
		"after every pod runs, though it was lost": {phases: []corev1.PodPhase{running, running}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1alpha1.RAGPipeline{ObjectMeta: metav1.ObjectMeta{Namespace: "rag", Name: "papers"}}
			p.Spec.VectorStore.Weaviate = &v1alpha1.Weaviate{Storage: v1alpha1.Storage{StorageClassName: "fast"}}
			s := &plan.State{Pipeline: p}
			for _, phase := range c.phases {
				s.Pods = append(s.Pods, corev1.Pod{
					ObjectMeta: metav1.ObjectMeta{Labels: naming.Labels(p, naming.ComponentWeaviate)},
					Status:     corev1.PodStatus{Phase: phase},
				})
			}
			builder := fake.NewClientBuilder().WithScheme(Scheme())
			if c.exists {
				builder.WithObjects(class)
			}
			api := builder.Build()
			r := &Reconciler{Client: api, Uncached: api}
			if err := r.readReferences(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if len(s.Missing) != c.missing {
				t.Errorf("missing are %+v, want %d", s.Missing, c.missing)
			}
		})
	}
}
