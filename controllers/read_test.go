package controllers

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// An IngressClass is looked up until it was found for the present spec.
func TestAnIngressClassIsLookedUpUntilItIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		observed int64
		exists   bool
		missing  int
	}{
		"it does not exist":          {missing: 1},
		"it exists":                  {exists: true},
		"it was found":               {observed: 2},
		"another was found":          {observed: 1, missing: 1},
		"another was found, it also": {observed: 1, exists: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1alpha1.RAGPipeline{ObjectMeta: metav1.ObjectMeta{Namespace: "rag", Name: "papers", Generation: 2}}
			p.Spec.Gateway.Route = &v1alpha1.GatewayRoute{Ingress: &v1alpha1.Ingress{ClassName: "nginx"}}
			if c.observed > 0 {
				p.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionRouteReady, Status: metav1.ConditionTrue, ObservedGeneration: c.observed}}
			}
			builder := fake.NewClientBuilder().WithScheme(Scheme())
			if c.exists {
				builder.WithObjects(&networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "nginx"}})
			}
			api, s := builder.Build(), &plan.State{Pipeline: p}
			if err := (&Reconciler{Client: api, Uncached: api}).readReferences(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			if len(s.Missing) != c.missing {
				t.Errorf("missing are %+v, want %d", s.Missing, c.missing)
			}
		})
	}
}

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

// Everyone who may create a ConfigMap may say that it is a generation's record, and name servers in it.
func TestARecordCountsUnderTheNameOfItsGenerationAlone(t *testing.T) {
	p := &v1alpha1.RAGPipeline{ObjectMeta: metav1.ObjectMeta{Namespace: "rag", Name: "papers", UID: "papers"}}
	p.Spec.Models.Embedding.StandIn = &v1alpha1.StandIn{}
	ours := desired.NewRecord(p)
	theirs := ours
	theirs.Embedding.Endpoint = &v1alpha1.Endpoint{URL: "https://theirs.example.com"}
	fingerprint := ours.Fingerprint()
	if theirs.Fingerprint() != fingerprint {
		t.Fatal("the forged record is another generation's")
	}
	other := ours
	other.Generation.Chunking.Size++
	name := naming.For(p).Generation
	for title, c := range map[string]struct {
		name, label, owner string
		record             desired.Record
		counts             bool
	}{
		"under its name":                       {name(fingerprint), fingerprint, "papers", ours, true},
		"under another name":                   {"papers-theirs", fingerprint, "papers", theirs, false},
		"under the name of another generation": {name(other.Fingerprint()), other.Fingerprint(), "papers", theirs, false},
		"under that name, with this label":     {name(other.Fingerprint()), fingerprint, "papers", theirs, false},
		"of another pipeline":                  {name(fingerprint), fingerprint, "another", theirs, false},
	} {
		t.Run(title, func(t *testing.T) {
			text, err := json.Marshal(c.record)
			if err != nil {
				t.Fatal(err)
			}
			owner := p.DeepCopy()
			owner.UID = types.UID(c.owner)
			object := &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: p.Namespace, Name: c.name, UID: "record",
					Labels:          naming.Labels(p, naming.ComponentGeneration),
					OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(owner, v1alpha1.GroupVersion.WithKind(v1alpha1.Kind))},
				},
				Data: map[string]string{desired.RecordKey: string(text)},
			}
			object.Labels[naming.LabelGeneration] = c.label
			builder := fake.NewClientBuilder().WithScheme(Scheme()).WithObjects(object)
			if err := apply.Index(t.Context(), indexer{builder}, Scheme()); err != nil {
				t.Fatal(err)
			}
			api := builder.Build()
			r, s := &Reconciler{Client: api, Uncached: api}, &plan.State{Pipeline: p}
			for range 2 { // the second read is from memory
				if err := r.readGenerations(t.Context(), s); err != nil {
					t.Fatal(err)
				}
				want := map[string]desired.Record{}
				if c.counts {
					want[fingerprint] = c.record
				}
				if diff := cmp.Diff(want, s.Records); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// indexer gives a fake client the indexes of the operator's cache.
type indexer struct{ builder *fake.ClientBuilder }

func (i indexer) IndexField(_ context.Context, object client.Object, field string, extract client.IndexerFunc) error {
	i.builder.WithIndex(object, field, extract)
	return nil
}
