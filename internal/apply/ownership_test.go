package apply_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// blind is a cache that has not seen anything yet.
type blind struct{ client.Client }

func (blind) Get(_ context.Context, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

// frozen is a cache that has one object as it once was.
type frozen struct {
	client.Client
	object metav1.ObjectMeta
}

func (f frozen) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	into.(*metav1.PartialObjectMetadata).ObjectMeta = *f.object.DeepCopy()
	return nil
}

func TestAnObjectOfSomeoneElseIsNeverTouched(t *testing.T) {
	w := newWorld(t)
	p, other := w.pipeline("papers"), w.pipeline("other")
	controlledBy := func(owner client.Object, kind string) []metav1.OwnerReference {
		return []metav1.OwnerReference{*metav1.NewControllerRef(owner, v1alpha1.GroupVersion.WithKind(kind))}
	}
	tests := map[string]metav1.ObjectMeta{
		"a user's":                          {Name: "users"},
		"one that looks like ours":          {Name: "alike", Labels: naming.Labels(p, "test"), OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "theirs", UID: "1"}}},
		"another pipeline's":                {Name: "others", Labels: naming.Labels(other, "test"), OwnerReferences: controlledBy(other, "RAGPipeline")},
		"another's with our labels":         {Name: "mislabelled", Labels: naming.Labels(p, "test"), OwnerReferences: controlledBy(other, "RAGPipeline")},
		"another kind's of our name":        {Name: "another-kind", OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Pod", Name: p.Name, UID: "1", Controller: new(true)}}},
		"one that names us as a mere owner": {Name: "owned", OwnerReferences: []metav1.OwnerReference{{APIVersion: "ragpipeline.io/v1alpha1", Kind: "RAGPipeline", Name: p.Name, UID: p.UID}}},
	}
	for name, object := range tests {
		t.Run(name, func(t *testing.T) {
			object.Namespace = w.namespace
			w.check(w.live.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: object, Data: map[string]string{"whose": "theirs"}}))
			before := get[corev1.ConfigMap](w, object.Name)
			nobody := blind{w.live}
			for cache, applier := range map[string]*apply.Applier{
				"the cache":                             w.applier,
				"a cache that is behind":                apply.New(blind{w.cached}, w.live),
				"a server where it appears just before": apply.New(nobody, nobody),
			} {
				for _, once := range []bool{false, true} {
					child := configMap(p, object.Name, map[string]string{"whose": "ours"})
					child.Once = once
					_, err := applier.Apply(t.Context(), p, []desired.Child{child})
					if _, taken := errors.AsType[*apply.NameTakenError](err); !taken && !apierrors.IsConflict(err) {
						t.Errorf("with %s, once=%t: %v", cache, once, err)
					}
				}
			}
			w.check(w.applier.Prune(t.Context(), p, nil, nil))
			if diff := cmp.Diff(before, get[corev1.ConfigMap](w, object.Name)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAWorkloadThatTheCacheDoesNotSelectIsNotOverwritten(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	theirs := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "papers-gateway"}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "theirs"}},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "theirs"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "x", Image: "example.com/theirs"}}},
		},
	}}
	w.check(w.live.Create(t.Context(), theirs))
	_, err := w.applier.Apply(t.Context(), p, []desired.Child{{Object: deployment(p, theirs.Name)}})
	if _, taken := errors.AsType[*apply.NameTakenError](err); !taken {
		t.Error(err)
	}
	if requests := w.requests.Take(); len(requests) != 0 {
		t.Errorf("sent %v", requests)
	}
}

func TestAnObjectThatTookTheNameOfOursIsNotOverwritten(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.apply(p, configMap(p, "config", map[string]string{"whose": "ours"}))
	old := get[corev1.ConfigMap](w, "config")
	behind := apply.New(frozen{w.cached, old.ObjectMeta}, w.live)
	w.check(w.live.Delete(t.Context(), old))
	child := configMap(p, "config", map[string]string{"whose": "ours", "more": "yes"})
	if _, err := behind.Apply(t.Context(), p, []desired.Child{child}); !apierrors.IsConflict(err) {
		t.Errorf("it was deleted: %v", err)
	}
	w.check(w.live.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "config"}, Data: map[string]string{"whose": "theirs"}}))
	if _, err := behind.Apply(t.Context(), p, []desired.Child{child}); !apierrors.IsConflict(err) {
		t.Errorf("it was replaced: %v", err)
	}
	if got := get[corev1.ConfigMap](w, "config").Data["whose"]; got != "theirs" {
		t.Errorf("the object is now %s", got)
	}
}

func TestWhatAnEarlierPipelineOfTheNameLeftIsAwaited(t *testing.T) {
	w := newWorld(t)
	earlier := w.pipeline("papers")
	w.apply(earlier, configMap(earlier, "config", nil))
	w.check(w.live.Delete(t.Context(), earlier))
	p := w.pipeline("papers")
	w.settle()
	_, err := w.applier.Apply(t.Context(), p, []desired.Child{configMap(p, "config", nil)})
	if waiting, ok := errors.AsType[*apply.WaitingError](err); !ok || waiting.Name != "config" {
		t.Error(err)
	}
	w.check(w.live.Delete(t.Context(), get[corev1.ConfigMap](w, "config"))) // as the garbage collector does
	w.settle()
	w.apply(p, configMap(p, "config", nil))
}

func TestAnObjectThatIsBeingDeletedIsAwaited(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	for _, kept := range []bool{true, false} {
		name := map[bool]string{true: "kept", false: "owned"}[kept]
		w.apply(p, claim(p, name, kept))
		volume := get[corev1.PersistentVolumeClaim](w, name) // its finalizer holds it
		w.check(w.live.Delete(t.Context(), volume))
		w.settle()
		w.requests.Take()
		_, err := w.applier.Apply(t.Context(), p, []desired.Child{claim(p, name, kept)})
		if _, waiting := errors.AsType[*apply.WaitingError](err); !waiting || len(w.requests.Take()) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
