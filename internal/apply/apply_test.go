package apply_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
)

func TestEveryKindIsCreatedWithItsOwnerAndThenLeftAlone(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	children := oneOfEach(p)
	uids := w.apply(p, children...)
	if len(uids) != len(children) {
		t.Errorf("%d UIDs of %d children", len(uids), len(children))
	}
	if got := len(w.requests.Take()); got != len(children) {
		t.Errorf("%d writes made %d children", got, len(children))
	}
	for _, kind := range apply.Kinds() {
		for name, object := range list(w, w.live, kind, false) {
			if uid, ours := uids[apply.Key{Kind: kind.Kind, Name: name}]; !ours || uid != object.GetUID() {
				continue
			}
			if kept := name == "papers-kept"; metav1.IsControlledBy(object, p) == kept {
				t.Errorf("%s %s: owners %v", kind.Kind, name, object.GetOwnerReferences())
			}
		}
	}
	for range 3 { // the first of these may be ahead of the cache
		if again := w.apply(p, oneOfEach(p)...); !cmp.Equal(again, uids) {
			t.Error(cmp.Diff(uids, again))
		}
		w.settle()
	}
	w.check(w.applier.Prune(t.Context(), p, children, nil))
	if requests := w.requests.Take(); len(requests) != 0 {
		t.Errorf("a quiet pipeline caused %v", requests)
	}
}

func TestAnOperatorThatStartsAnewChangesNothing(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.apply(p, oneOfEach(p)...)
	w.settle()
	w.applier = apply.New(w.cached, w.live)
	w.apply(p, oneOfEach(p)...) // the first after its creation puts a claim into its stored form
	w.settle()
	before := map[string]map[string]string{}
	for _, kind := range apply.Kinds() {
		before[kind.Kind] = w.versions(w.live, kind, false)
	}
	w.applier = apply.New(w.cached, w.live)
	w.apply(p, oneOfEach(p)...)
	for _, kind := range apply.Kinds() {
		if diff := cmp.Diff(before[kind.Kind], w.versions(w.live, kind, false)); diff != "" {
			t.Errorf("%s: %s", kind.Kind, diff)
		}
	}
}

func TestAFieldThatIsNoLongerWantedIsRemoved(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.apply(p, configMap(p, "config", map[string]string{"a": "1", "b": "2"}))
	w.apply(p, configMap(p, "config", map[string]string{"a": "1"}))
	if diff := cmp.Diff(map[string]string{"a": "1"}, get[corev1.ConfigMap](w, "config").Data); diff != "" {
		t.Error(diff)
	}
}

func TestAnErrorStopsNoOtherChild(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.check(w.live.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "taken"}}))
	wrong := service(p, "Not-A-Name")
	uids, err := w.applier.Apply(t.Context(), p, []desired.Child{configMap(p, "taken", nil), wrong, configMap(p, "last", nil)})
	if taken, ok := errors.AsType[*apply.NameTakenError](err); !ok || *taken != (apply.NameTakenError{Kind: "ConfigMap", Name: "taken"}) {
		t.Errorf("no NameTakenError in: %v", err)
	}
	if !apierrors.IsInvalid(err) {
		t.Errorf("the server's refusal is not in: %v", err)
	}
	if _, ok := uids[apply.Key{Kind: "ConfigMap", Name: "last"}]; !ok || len(uids) != 1 {
		t.Errorf("exist: %v", uids)
	}
}

func TestAChildOfAnotherNamespaceOrOfAnUnknownKindIsRefused(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	elsewhere := p.DeepCopy()
	elsewhere.Namespace = "default"
	for name, child := range map[string]desired.Child{
		"another namespace": configMap(elsewhere, "config", nil),
		"an unknown kind":   {Object: corev1ac.Pod("pod", w.namespace)},
	} {
		if _, err := w.applier.Apply(t.Context(), p, []desired.Child{child}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if requests := w.requests.Take(); len(requests) != 0 {
		t.Errorf("sent %v", requests)
	}
}

func TestManyOwnersAreServedAtOnce(t *testing.T) {
	w := newWorld(t)
	var owners []*v1alpha1.RAGPipeline
	for i := range 20 {
		owners = append(owners, w.pipeline(fmt.Sprintf("papers-%d", i)))
	}
	pass := func() {
		var group sync.WaitGroup
		for _, p := range owners {
			group.Go(func() {
				children := oneOfEach(p)
				if _, err := w.applier.Apply(t.Context(), p, children); err != nil {
					t.Error(err)
				}
				if err := w.applier.Prune(t.Context(), p, children, nil); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	pass()
	if got, want := len(w.requests.Take()), len(owners)*len(oneOfEach(owners[0])); got != want {
		t.Errorf("%d writes, and there are %d children", got, want)
	}
	pass()
	w.settle()
	pass()
	if requests := w.requests.Take(); len(requests) != 0 {
		t.Errorf("later passes sent %v", requests)
	}
}
