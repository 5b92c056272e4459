//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// It runs alone: another image of the operator rolls every pipeline's pods. The release was installed by hand before, and
// helm-controller takes it over.
func TestFluxUpgradesTheOperatorRollsBackABadOneAndNoQuestionFails(t *testing.T) {
	long(t)
	n := newNamespace(t)
	t.Cleanup(func() { install(t, chart, operatorImage) }) // after the release is gone
	f := n.flux("helm-controller")
	p := n.pipeline(standIns("handbook", n.documentsOf(turbine)))
	prober := p.probe(howFast)
	p.settled(readyWithin)
	begun, store := time.Now(), p.startTimes(naming.ComponentWeaviate)
	f.take(chart, "charts/ragpipeline")
	f.take(filepath.Join(samples, "gitops/flux"), "flux")
	f.Commit()
	f.tell("operator.yaml", func(spec map[string]any) {
		spec["releaseName"], spec["targetNamespace"], spec["storageNamespace"] = operatorRelease, operatorNamespace, operatorNamespace
		spec["values"] = image(operatorNextImage)
	})
	f.released(operatorNextImage)
	p.settled(readyWithin)

	t.Log("an operator whose image there is not is rolled back")
	f.values(image(operatorNextImage + "-missing"))
	eventually(t, 2*readyWithin, "Flux rolls back", func(ctx context.Context) error {
		said, err := f.report(ctx, helmRelease, "ragpipeline")
		if err != nil {
			return err
		}
		return errors.Join(is(said, "Remediated", metav1.ConditionTrue), is(said, "Ready", metav1.ConditionFalse))
	})
	f.runs(operatorNextImage)
	f.values(image(operatorImage))
	f.released(operatorImage)
	p.settled(readyWithin)

	t.Log("uninstalled")
	runs, uid := p.runs(), p.get().UID
	release := new(unstructured.Unstructured)
	release.SetGroupVersionKind(helmRelease)
	release.SetName("ragpipeline")
	release.SetNamespace(n.name)
	if err := api.Delete(t.Context(), release); err != nil {
		t.Fatal(err)
	}
	eventually(t, readyWithin, "the operator and its release go", func(ctx context.Context) error {
		list, err := operators(ctx)
		if err != nil || len(list) > 0 {
			return errors.Join(err, fmt.Errorf("there are %d", len(list)))
		}
		// Until helm-controller has ended, Helm's own record of the release stands in the way of another.
		if err := api.Get(ctx, client.ObjectKeyFromObject(release), release); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the release is there: %v", err)
		}
		return nil
	})
	p.answers(howFast, "1234")
	install(t, chart, operatorImage)
	p.settled(readyWithin)
	if now := p.runs(); now != runs || p.get().UID != uid {
		t.Errorf("installing again made a new pipeline, or a new run: %s, then %s", runs, now)
	}
	if now := p.startTimes(naming.ComponentWeaviate); now != store {
		t.Errorf("the operator's upgrade restarted the store:\n%s\n%s", store, now)
	}
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, begun)
}

// image are the chart's values for an image.
func image(name string) map[string]any {
	colon := strings.LastIndex(name, ":")
	return map[string]any{"image": map[string]any{"repository": name[:colon], "tag": name[colon+1:]}}
}

// values changes those of the HelmRelease.
func (f *flux) values(values map[string]any) {
	f.t.Helper()
	release := new(unstructured.Unstructured)
	release.SetGroupVersionKind(helmRelease)
	patch, err := json.Marshal(map[string]any{"spec": map[string]any{"values": values}})
	if err != nil {
		f.t.Fatal(err)
	}
	release.SetName("ragpipeline")
	release.SetNamespace(f.name)
	if err := api.Patch(f.t.Context(), release, client.RawPatch(types.MergePatchType, patch)); err != nil {
		f.t.Fatal(err)
	}
}

// released waits until the HelmRelease is ready, and an image runs.
func (f *flux) released(image string) {
	f.t.Helper()
	eventually(f.t, readyWithin, "the release is ready", func(ctx context.Context) error {
		said, err := f.report(ctx, helmRelease, "ragpipeline")
		if err != nil {
			return err
		}
		if said.Status.ObservedGeneration != said.Generation {
			return errors.New("the change is not observed")
		}
		return is(said, "Ready", metav1.ConditionTrue)
	})
	f.runs(image)
}

func is(said *report, condition string, status metav1.ConditionStatus) error {
	if c := meta.FindStatusCondition(said.Status.Conditions, condition); c == nil || c.Status != status {
		return fmt.Errorf("%s is %+v", condition, c)
	}
	return nil
}

// runs waits until each operator runs an image, and none another.
func (f *flux) runs(image string) {
	f.t.Helper()
	eventually(f.t, readyWithin, image+" runs", func(ctx context.Context) error {
		list, err := operators(ctx)
		if err != nil {
			return err
		}
		for _, pod := range list {
			if now := pod.Spec.Containers[0].Image; now != image {
				return fmt.Errorf("%s runs", now)
			}
		}
		return nil
	})
}
