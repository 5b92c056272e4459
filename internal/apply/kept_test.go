package apply_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func TestAKeptVolumeOutlivesItsPipelineAndIsTakenUpByItsName(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	uids := w.apply(p, claim(p, "papers-llm", true))
	if owners := get[corev1.PersistentVolumeClaim](w, "papers-llm").OwnerReferences; len(owners) != 0 {
		t.Errorf("owners: %v", owners)
	}
	w.settle()
	w.check(w.applier.Prune(t.Context(), p, nil, nil))
	w.check(w.live.Delete(t.Context(), p))
	again := w.pipeline("papers")
	key := apply.Key{Kind: "PersistentVolumeClaim", Name: "papers-llm"}
	if got := w.apply(again, claim(again, "papers-llm", true))[key]; got != uids[key] {
		t.Errorf("UID %s became %s", uids[key], got)
	}

	other := w.pipeline("other")
	_, err := w.applier.Apply(t.Context(), other, []desired.Child{claim(other, "papers-llm", true)})
	if _, taken := errors.AsType[*apply.NameTakenError](err); !taken {
		t.Errorf("a pipeline of another name: %v", err)
	}
}

func TestWhetherAVolumeIsKeptCanChange(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	for _, kept := range []bool{true, false, true} {
		w.apply(p, claim(p, "papers-llm", kept))
		if owned := metav1.IsControlledBy(get[corev1.PersistentVolumeClaim](w, "papers-llm"), p); owned == kept {
			t.Errorf("kept=%t, and its owner is the pipeline: %t", kept, owned)
		}
	}
}

func TestAVolumeIsNeverPruned(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.apply(p, claim(p, "kept", true), claim(p, "owned", false))
	w.settle()
	w.check(w.applier.Prune(t.Context(), p, nil, nil))
	for _, name := range []string{"kept", "owned"} {
		if get[corev1.PersistentVolumeClaim](w, name).DeletionTimestamp != nil {
			t.Errorf("the claim %s was deleted", name)
		}
	}
}

func TestNoClaimCarriesTheLabelThatMakesItAnApplications(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	labels := naming.Labels(p, "weaviate") // as from a StatefulSet's template
	made := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "data-papers-weaviate-0", Labels: labels}}
	made.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	made.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	w.check(w.live.Create(t.Context(), made))
	w.settle()
	w.check(w.applier.ReleaseClaims(t.Context(), p))
	delete(labels, "app.kubernetes.io/instance")
	if diff := cmp.Diff(labels, get[corev1.PersistentVolumeClaim](w, made.Name).Labels); diff != "" {
		t.Error(diff)
	}
	w.settle()
	w.requests.Take()
	w.check(w.applier.ReleaseClaims(t.Context(), p))
	if requests := w.requests.Take(); len(requests) != 0 {
		t.Errorf("and then %v", requests)
	}
}
