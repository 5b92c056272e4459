package apply_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/internal/apply"
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
