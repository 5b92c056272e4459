//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired"
)

func TestADeletedPipelineLeavesItsVolumesAndTakesThemUpAgain(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	n.documentsOf(turbine)
	p := n.pipeline(standIns("again", "docs"))
	p.settled(readyWithin)
	if run := p.summary(); run.Embedded != 1 {
		t.Errorf("the first run embedded %d chunks", run.Embedded)
	}
	if err := api.Delete(t.Context(), p.get()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, "only what is kept is left", func(ctx context.Context) error {
		left, err := p.left(ctx)
		if err == nil && !slices.Equal(left, []string{"PersistentVolumeClaim data-again-weaviate-0"}) {
			err = fmt.Errorf("%q", left)
		}
		return err
	})
	p = n.pipeline(standIns("again", "docs"))
	p.settled(readyWithin)
	p.answers(howFast, "1234")
	if run := p.summary(); run.Embedded != 0 || run.Indexed != 1 {
		t.Errorf("the run over the kept volume embedded %d chunks, and %d documents are indexed", run.Embedded, run.Indexed)
	}
}

// left are the objects with the pipeline's label.
func (p *pipeline) left(ctx context.Context) (names []string, err error) {
	for _, list := range childKinds() {
		if _, ok := list.(*v1alpha1.RAGPipelineList); ok {
			continue
		}
		if err := api.List(ctx, list, client.InNamespace(p.namespace.name), client.MatchingLabels{desired.LabelPipeline: p.name}); err != nil {
			return nil, err
		}
		kind := strings.TrimSuffix(fmt.Sprintf("%T", list)[strings.LastIndex(fmt.Sprintf("%T", list), ".")+1:], "List")
		if err := eachItem(list, func(object client.Object) { names = append(names, kind+" "+object.GetName()) }); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func TestAnObjectOfSomebodyElseIsLeftAlone(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	theirs := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "taken-gateway", Labels: map[string]string{"owner": "somebody"}},
		Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1234}}}}
	n.create(theirs)
	version := theirs.ResourceVersion
	p := n.pipeline(standIns("taken", n.documentsOf(turbine)))
	p.until(saidWithin, "says so", has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNameTaken, "taken-gateway"))
	if err := api.Get(t.Context(), n.key("taken-gateway"), theirs); err != nil || theirs.ResourceVersion != version {
		t.Errorf("the other's Service was written to: %v", err)
	}
	if err := api.Delete(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	p.settled(readyWithin)
	p.answers(howFast, "1234")
}
