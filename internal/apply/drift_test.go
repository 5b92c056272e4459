package apply_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// edits are what someone else does to the child of each kind that is applied, by field.
var edits = map[string]struct {
	patch string
	field []string
}{
	"ServiceAccount":        {`{"automountServiceAccountToken":true}`, []string{"automountServiceAccountToken"}},
	"ConfigMap":             {`{"data":{"a":"2"}}`, []string{"data", "a"}},
	"PersistentVolumeClaim": {`{"metadata":{"labels":{"app.kubernetes.io/component":"theirs"}}}`, []string{"metadata", "labels"}},
	"Service":               {`{"spec":{"selector":{"app":"theirs"}}}`, []string{"spec", "selector"}},
	"Deployment":            {`{"spec":{"template":{"metadata":{"labels":{"app":"x"}},"spec":{"containers":[{"name":"x","image":"example.com/theirs:1"}]}}}}`, []string{"spec", "template", "spec", "containers"}},
	"StatefulSet":           {`{"spec":{"replicas":7}}`, []string{"spec", "replicas"}},
	"NetworkPolicy":         {`{"spec":{"podSelector":{"matchLabels":{"app":"theirs"}}}}`, []string{"spec", "podSelector"}},
	"PodDisruptionBudget":   {`{"spec":{"maxUnavailable":2}}`, []string{"spec", "maxUnavailable"}},
}

func TestWhatSomeoneElseChangesIsUndone(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.apply(p, oneOfEach(p)...)
	w.settle()
	for _, child := range oneOfEach(p) {
		kind, name := *child.Object.GetKind(), *child.Object.GetName()
		if child.Once {
			continue
		}
		t.Run(kind+" "+name, func(t *testing.T) {
			edit, ok := edits[kind]
			if !ok {
				t.Fatal("no edit for this kind")
			}
			before := field(w, child, edit.field)
			object := unstructuredOf(child)
			strategy := types.MergePatchType
			w.check(w.live.Patch(t.Context(), object, client.RawPatch(strategy, []byte(edit.patch))))
			if changed := field(w, child, edit.field); cmp.Equal(before, changed) {
				t.Fatal("the edit changed nothing")
			}
			w.settle()
			w.apply(p, oneOfEach(p)...)
			if diff := cmp.Diff(before, field(w, child, edit.field)); diff != "" {
				t.Error(diff)
			}
			if got := len(w.requests.Take()); got == 0 {
				t.Error("nothing was written")
			}
			w.settle()
			w.apply(p, oneOfEach(p)...)
			if requests := w.requests.Take(); len(requests) != 0 {
				t.Errorf("and then %v", requests)
			}
		})
		w.requests.Take()
	}
}

func unstructuredOf(child desired.Child) *unstructured.Unstructured {
	text, err := json.Marshal(child.Object)
	if err != nil {
		panic(err)
	}
	object := new(unstructured.Unstructured)
	if err := object.UnmarshalJSON(text); err != nil {
		panic(err)
	}
	return object
}

func field(w *world, child desired.Child, path []string) any {
	w.Helper()
	object := unstructuredOf(child)
	w.check(w.live.Get(w.Context(), client.ObjectKeyFromObject(object), object))
	value, _, err := unstructured.NestedFieldCopy(object.Object, path...)
	w.check(err)
	return value
}

func TestALabelThatHidesAChildFromTheCacheIsRestored(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	child := desired.Child{Object: deployment(p, "papers-gateway")}
	w.apply(p, child)
	w.settle()
	hidden := get[appsv1.Deployment](w, "papers-gateway")
	delete(hidden.Labels, naming.LabelManagedBy)
	w.check(w.live.Update(t.Context(), hidden))
	w.settle()
	w.apply(p, child)
	if got := get[appsv1.Deployment](w, "papers-gateway").Labels[naming.LabelManagedBy]; got != naming.Manager {
		t.Errorf("the label is %q", got)
	}
}

func TestADeletedChildIsMadeAgain(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	child := configMap(p, "config", map[string]string{"a": "1"})
	first := w.apply(p, child)
	w.settle()
	w.apply(p, child)
	w.check(w.live.Delete(t.Context(), get[corev1.ConfigMap](w, "config")))
	w.settle()
	if second := w.apply(p, child); cmp.Equal(first, second) {
		t.Error("the UID is the old one")
	}
	get[corev1.ConfigMap](w, "config")
}

func TestAChangeOfStatusCausesNoWrite(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	child := desired.Child{Object: deployment(p, "papers-gateway")}
	w.apply(p, child)
	w.requests.Take()
	for replicas := range int32(3) {
		d := get[appsv1.Deployment](w, "papers-gateway")
		d.Status.Replicas, d.Status.ObservedGeneration = replicas, d.Generation
		w.check(w.live.Status().Update(t.Context(), d))
		w.settle()
		w.apply(p, child)
	}
	if requests := w.requests.Take(); len(requests) != 0 {
		t.Errorf("sent %v", requests)
	}
}

func TestReplicasThatAreNotOursStayAsAnAutoscalerSetThem(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.apply(p, desired.Child{Object: deployment(p, "papers-gateway")})
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 4}}
	w.check(w.live.SubResource("scale").Update(t.Context(), get[appsv1.Deployment](w, "papers-gateway"), client.WithSubResourceBody(scale)))
	w.settle()
	changed := deployment(p, "papers-gateway")
	changed.Spec.WithRevisionHistoryLimit(2)
	for _, configuration := range []desired.Child{{Object: deployment(p, "papers-gateway")}, {Object: changed}} {
		w.apply(p, configuration)
		if got := *get[appsv1.Deployment](w, "papers-gateway").Spec.Replicas; got != 4 {
			t.Errorf("%d replicas", got)
		}
	}
}

func TestAnAutoscalersChangeCountsForNoneOfOurs(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	key := apply.Key{Kind: "Deployment", Name: "papers-gateway"}
	ours := deployment(p, key.Name)
	w.apply(p, desired.Child{Object: ours})
	made := w.applier.Generation(p, key)
	scale := func(replicas int32) int64 {
		scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
		w.check(w.live.SubResource("scale").Update(t.Context(), get[appsv1.Deployment](w, key.Name), client.WithSubResourceBody(scale)))
		w.settle()
		return get[appsv1.Deployment](w, key.Name).Generation
	}
	expect := func(step string, want int64) {
		t.Helper()
		w.apply(p, desired.Child{Object: ours})
		if got := w.applier.Generation(p, key); got != want || want == 0 {
			t.Errorf("%s: the last change is of generation %d, not %d", step, got, want)
		}
	}
	if scaled := scale(4); scaled <= made {
		t.Fatalf("the autoscaler's change is of generation %d, and ours of %d", scaled, made)
	}
	expect("an autoscaler's change", made)
	scale(3)
	expect("another", made)
	w.requests.Take()
	expect("none", made)
	if requests := w.requests.Take(); len(requests) != 0 {
		t.Errorf("sent %v", requests)
	}
	ours.Spec.WithRevisionHistoryLimit(2)
	scaled := scale(5)
	expect("ours", scaled+1)
	w.settle()
	scaled = scale(6)
	w.applier = apply.New(w.cached, w.live) // which cannot know whose change it is
	expect("the first of a new operator", scaled)
	scale(2)
	expect("an autoscaler's, then", scaled)
}

func TestReplicasThatTheSpecNoLongerSetsStayUntilAnAutoscalerChangesThem(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	three := deployment(p, "papers-gateway")
	three.Spec.WithReplicas(3)
	w.apply(p, desired.Child{Object: three})
	w.settle()
	w.applier = apply.New(w.cached, w.live) // the number goes while the operator is restarted
	for _, want := range []int32{3, 5} {
		changed := deployment(p, "papers-gateway")
		changed.Spec.WithRevisionHistoryLimit(want)
		w.apply(p, desired.Child{Object: changed})
		d := get[appsv1.Deployment](w, "papers-gateway")
		if *d.Spec.Replicas != want {
			t.Errorf("%d replicas, not %d", *d.Spec.Replicas, want)
		}
		scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 5}}
		w.check(w.live.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(scale)))
		w.settle()
	}
	back := deployment(p, "papers-gateway")
	back.Spec.WithReplicas(2)
	w.apply(p, desired.Child{Object: back})
	if got := *get[appsv1.Deployment](w, "papers-gateway").Spec.Replicas; got != 2 {
		t.Errorf("%d replicas, and the spec sets 2 again", got)
	}
}

func TestAnOwnerThatIsForgottenIsWrittenAnew(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.apply(p, configMap(p, "config", nil))
	w.settle()
	w.applier.Forget(client.ObjectKeyFromObject(p))
	w.requests.Take()
	w.apply(p, configMap(p, "config", nil))
	if got := len(w.requests.Take()); got != 1 {
		t.Errorf("%d writes", got)
	}
}
