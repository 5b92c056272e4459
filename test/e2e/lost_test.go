//go:build e2e

package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func TestALostVolumeIsSaidAndTheIndexBuiltAgain(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	n.create(configMap("docs", valves(0, 30)))
	p := n.pipeline(standIns("lost-"+strings.Repeat("x", 35), "docs")) // the longest name that there may be
	prober := p.probe("At how many bar does valve V7 open?")
	p.settled(readyWithin)
	before := p.get().Status.Index.LastSyncTime

	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: n.name, Name: "data-" + p.names().Weaviate() + "-0"}}
	if err := api.Delete(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	kill(t, p.pod(naming.ComponentWeaviate))
	p.until(readyWithin, "is not ready", has(v1alpha1.ConditionReady, metav1.ConditionFalse))
	p.until(2*readyWithin, "has built its index again", func(object *v1alpha1.RAGPipeline) error {
		if object.Status.Index.LastSyncTime.Equal(before) {
			return errors.New("it has the old one")
		}
		return isSettled(object)
	})
	if s := p.summary(); s.Embedded != 30 {
		t.Errorf("the run over the new volume says %+v", *s)
	}
	p.holdsOnce(30)
	p.answers("At how many bar does valve V7 open?", "8 bar")
	prober.end()

	// Deleted in the foreground, the pipeline waits for what it owns.
	if err := api.Delete(t.Context(), p.get(), client.PropagationPolicy(metav1.DeletePropagationForeground)); err != nil {
		t.Fatal(err)
	}
	eventually(t, goneWithin, "it is gone, and its children before it", func(ctx context.Context) error {
		if _, err := p.read(ctx); client.IgnoreNotFound(err) != nil || err == nil {
			return errors.Join(err, errors.New("it is still there"))
		}
		list, err := p.pods(ctx, nil)
		if err == nil && len(list) > 0 {
			err = errors.New(list[0].Name + " is still there")
		}
		return err
	})
}

func TestASuspendedPipelineAnswersAndIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	p := n.pipeline(standIns("paused", n.documentsOf(turbine)))
	prober := p.probe(howFast)
	p.settled(readyWithin)
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Suspend = true })
	p.until(saidWithin, "is suspended", has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSuspended))
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: n.name, Name: p.names().WeaviatePeers()}}
	if err := api.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	object := new(corev1.ConfigMap)
	if err := api.Get(t.Context(), n.key("docs"), object); err != nil {
		t.Fatal(err)
	}
	object.Data["crane.md"] = "# Crane\n\nThe crane of plant Merlin lifts 77 tons.\n"
	if err := api.Update(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	steadily(t, readyFollows, "nothing is made or indexed", func(ctx context.Context) error {
		if err := api.Get(ctx, client.ObjectKeyFromObject(service), new(corev1.Service)); client.IgnoreNotFound(err) != nil || err == nil {
			return errors.Join(err, errors.New("the Service is back"))
		}
		object, err := p.read(ctx)
		if err != nil {
			return err
		}
		return has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonSuspended)(object)
	})
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Suspend = false })
	p.answers("How many tons does the crane of plant Merlin lift?", "77")
	p.settled(readyWithin)
	p.holdsOnce(2)
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(service), service); err != nil {
		t.Errorf("the Service is not back: %v", err)
	}
	prober.end()
	prober.unfailing(t)
}
