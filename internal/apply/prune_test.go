package apply_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func TestPruningDeletesWhatIsOursAndNotWanted(t *testing.T) {
	w := newWorld(t)
	p, other := w.pipeline("papers"), w.pipeline("other")
	wanted := []desired.Child{configMap(p, "wanted", nil), {Object: deployment(p, "papers-gateway")}}
	w.apply(p, append(wanted, configMap(p, "obsolete", nil), configMap(p, "kept", nil), secret(p, "obsolete-key"), job(p, "obsolete-run"), job(p, "last-run"))...)
	w.apply(other, configMap(other, "others", nil), job(other, "others-run"))
	for name, owners := range map[string][]metav1.OwnerReference{
		"nobodys":     nil,
		"mislabelled": {{APIVersion: "v1", Kind: "Pod", Name: "x", UID: "1", Controller: new(true)}},
	} {
		w.check(w.live.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
			Namespace: w.namespace, Name: name, Labels: naming.Labels(p, "test"), OwnerReferences: owners,
		}}))
	}
	w.settle()
	w.requests.Take()
	w.check(w.applier.Prune(t.Context(), p, wanted, map[string]bool{"kept": true, "last-run": true}))
	if got := len(w.requests.Take()); got != 3 {
		t.Errorf("%d deletions", got)
	}
	want := map[string][]string{
		"ConfigMap":  {"kept", "mislabelled", "nobodys", "others", "wanted"},
		"Deployment": {"papers-gateway"},
		"Job":        {"last-run", "others-run"},
	}
	got := map[string][]string{}
	for _, kind := range apply.Kinds() {
		if names := slices.Sorted(maps.Keys(w.versions(w.live, kind, false))); len(names) > 0 {
			got[kind.Kind] = names
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPruningByAStaleCacheSparesWhatTookTheName(t *testing.T) {
	w := newWorld(t)
	p := w.pipeline("papers")
	w.apply(p, configMap(p, "config", nil))
	w.settle()
	cache := stale{w.cached, list(w, w.cached, apply.Kind{GroupVersionKind: corev1.SchemeGroupVersion.WithKind("ConfigMap")}, true)["config"]}
	w.check(w.live.Delete(t.Context(), get[corev1.ConfigMap](w, "config")))
	w.check(w.live.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "config"}}))
	w.check(apply.New(cache, w.live).Prune(t.Context(), p, nil, nil))
	if get[corev1.ConfigMap](w, "config").DeletionTimestamp != nil {
		t.Error("it was deleted")
	}
}

// stale is a cache that lists one ConfigMap as it once was.
type stale struct {
	client.Client
	object metav1.Object
}

func (s stale) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	partial, ok := into.(*metav1.PartialObjectMetadataList)
	if !ok || partial.Kind != "ConfigMapList" {
		return s.Client.List(ctx, into, options...)
	}
	partial.Items = []metav1.PartialObjectMetadata{*s.object.(*metav1.PartialObjectMetadata)}
	return nil
}
