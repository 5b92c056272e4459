//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// readyWithin is what a pipeline of stand-ins may take on a busy machine of two cores.
const readyWithin = 3 * time.Minute

// pipeline is one that a test has applied.
type pipeline struct {
	*namespace
	name string
}

// standIns is a pipeline of stand-in models over the documents of a ConfigMap.
func standIns(name, documents string) *v1alpha1.RAGPipeline {
	return &v1alpha1.RAGPipeline{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.RAGPipelineSpec{
			Documents: []v1alpha1.Source{{Name: "docs", ConfigMap: &v1alpha1.ConfigMapSource{Name: v1alpha1.ObjectName(documents)}}},
			Models: v1alpha1.Models{
				Embedding: v1alpha1.EmbeddingModel{Model: v1alpha1.Model{StandIn: &v1alpha1.StandIn{}}},
				Reranking: &v1alpha1.Model{StandIn: &v1alpha1.StandIn{}},
				LLM:       &v1alpha1.LLM{Model: v1alpha1.Model{StandIn: &v1alpha1.StandIn{}}},
			},
			VectorStore: v1alpha1.VectorStore{Weaviate: &v1alpha1.Weaviate{}},
		},
	}
}

// apply makes a pipeline.
func (n *namespace) pipeline(p *v1alpha1.RAGPipeline) *pipeline {
	n.t.Helper()
	frugal(&p.Spec)
	n.create(p)
	return &pipeline{n, p.Name}
}

// frugal reserves little CPU for Jobs and for Tika, which else wait for each other's on a node of two cores: those that
// serve keep theirs. The memory is what the operator gives.
func frugal(s *v1alpha1.RAGPipelineSpec) {
	reserve := func(memory string) map[string]resource.Quantity {
		return map[string]resource.Quantity{"cpu": resource.MustParse("20m"), "memory": resource.MustParse(memory)}
	}
	if s.Ingest.Resources == nil {
		s.Ingest.Resources = &v1alpha1.Resources{
			Requests: reserve("512Mi"), Limits: map[string]resource.Quantity{"memory": resource.MustParse("3Gi")},
		}
	}
	if s.Extraction != nil && s.Extraction.Server.Tika != nil {
		s.Extraction.Server.Tika.Resources = &v1alpha1.Resources{Requests: reserve("1Gi")}
	}
}

func edited(t *testing.T, object *unstructured.Unstructured, edit func(*v1alpha1.RAGPipeline)) *unstructured.Unstructured {
	t.Helper()
	p := new(v1alpha1.RAGPipeline)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, p); err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		edit(p)
	}
	frugal(&p.Spec)
	p.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.Kind))
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(p)
	if err != nil {
		t.Fatal(err)
	}
	delete(raw, "status")
	return &unstructured.Unstructured{Object: raw}
}

func (p *pipeline) names() naming.Names { return naming.Names{Pipeline: p.name} }

func (p *pipeline) read(ctx context.Context) (*v1alpha1.RAGPipeline, error) {
	object := new(v1alpha1.RAGPipeline)
	return object, api.Get(ctx, p.key(p.name), object)
}

// get reads the pipeline, which must exist.
func (p *pipeline) get() *v1alpha1.RAGPipeline {
	p.t.Helper()
	object, err := p.read(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return object
}

// edit changes the spec.
func (p *pipeline) edit(change func(*v1alpha1.RAGPipelineSpec)) {
	p.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		object, err := p.read(p.t.Context())
		if err != nil {
			return err
		}
		change(&object.Spec)
		return api.Update(p.t.Context(), object)
	})
	if err != nil {
		p.t.Fatalf("change the pipeline %s: %v", p.name, err)
	}
}

// annotate sets an annotation of the pipeline.
func (p *pipeline) annotate(name, value string) {
	p.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		object, err := p.read(p.t.Context())
		if err != nil {
			return err
		}
		metav1.SetMetaDataAnnotation(&object.ObjectMeta, name, value)
		return api.Update(p.t.Context(), object)
	})
	if err != nil {
		p.t.Fatalf("annotate the pipeline %s: %v", p.name, err)
	}
}

// until waits for a state of the pipeline that check does not object to.
func (p *pipeline) until(within time.Duration, what string, check func(*v1alpha1.RAGPipeline) error) {
	p.t.Helper()
	eventually(p.t, within, p.name+": "+what, func(ctx context.Context) error {
		object, err := p.read(ctx)
		if err != nil {
			return err
		}
		return check(object)
	})
}

// settled waits until the spec of now is what serves: observed, Ready, and nothing under way.
func (p *pipeline) settled(within time.Duration) {
	p.t.Helper()
	p.until(within, "settled", isSettled)
}

func isSettled(object *v1alpha1.RAGPipeline) error {
	for _, condition := range []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled} {
		if c := meta.FindStatusCondition(object.Status.Conditions, condition); c != nil && c.Status == metav1.ConditionTrue {
			return fmt.Errorf("%s: %s: %s", condition, c.Reason, c.Message)
		}
	}
	if object.Status.ObservedGeneration != object.Generation {
		return fmt.Errorf("generation %d is observed, not %d", object.Status.ObservedGeneration, object.Generation)
	}
	return has(v1alpha1.ConditionReady, metav1.ConditionTrue)(object)
}

// has checks a condition's status, and what its reason and message together say.
func has(condition string, status metav1.ConditionStatus, says ...string) func(*v1alpha1.RAGPipeline) error {
	return func(object *v1alpha1.RAGPipeline) error {
		c := meta.FindStatusCondition(object.Status.Conditions, condition)
		if c == nil {
			return fmt.Errorf("there is no condition %s", condition)
		}
		if c.Status != status {
			return fmt.Errorf("%s is %s: %s: %s", condition, c.Status, c.Reason, c.Message)
		}
		return containsAll(c.Reason+": "+c.Message, says...)
	}
}

// pod is the one pod of a component that is not about to end.
func (p *pipeline) pod(component string) *corev1.Pod {
	p.t.Helper()
	var found *corev1.Pod
	eventually(p.t, time.Minute, "one pod of "+component, func(ctx context.Context) error {
		list, err := p.podsOf(ctx, component)
		if err != nil {
			return err
		}
		if len(list) != 1 {
			return fmt.Errorf("there are %d", len(list))
		}
		found = &list[0]
		return nil
	})
	return found
}

// podsOf are those of a component that are not about to end and have not ended.
func (p *pipeline) podsOf(ctx context.Context, component string) (alive []corev1.Pod, err error) {
	list, err := p.pods(ctx, client.MatchingLabels{naming.LabelPipeline: p.name, naming.LabelComponent: component})
	for _, pod := range list {
		if pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			alive = append(alive, pod)
		}
	}
	return alive, err
}

// kill ends a pod as a lost node would.
func kill(t *testing.T, pod *corev1.Pod) {
	t.Helper()
	if err := api.Delete(t.Context(), pod, client.GracePeriodSeconds(0)); client.IgnoreNotFound(err) != nil {
		t.Fatalf("kill %s: %v", pod.Name, err)
	}
}
