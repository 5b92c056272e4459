package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// releaseReplicas gives up the number of a Deployment's pods where the spec no longer sets it, before an apply without
// it. The API server would otherwise take that apply for the number's removal and start again from one pod; an
// autoscaler is to go on from the present number.
func (a *Applier) releaseReplicas(ctx context.Context, want *wanted, found metav1.Object) error {
	if want.key.Kind != "Deployment" {
		return nil
	}
	object, err := want.object()
	if err != nil {
		return err
	}
	if _, set, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "replicas"); set {
		return nil
	}
	live := newMetadata(want.gvk) // the cache keeps nothing of who manages which field
	if err := a.uncached.Get(ctx, client.ObjectKeyFromObject(object), live); err != nil {
		return client.IgnoreNotFound(err) // the write that follows finds out
	}
	if live.GetUID() != found.GetUID() {
		return nil
	}
	fields := slices.Clone(live.ManagedFields)
	released := false
	for i, entry := range fields {
		if entry.Manager != FieldOwner || entry.Subresource != "" {
			continue
		}
		text, had, err := withoutReplicas(entry.FieldsV1)
		if err != nil {
			return err
		}
		if had {
			fields[i].FieldsV1, released = metav1.NewFieldsV1(string(text)), true
		}
	}
	if !released {
		return nil
	}
	err = a.patchSteps(ctx, live, step{"replace", "/metadata/resourceVersion", live.ResourceVersion},
		step{"replace", "/metadata/managedFields", fields})
	if err != nil {
		return fmt.Errorf("leave the number of replicas to others: %w", err)
	}
	return nil
}

// withoutReplicas is a set of fields without spec.replicas, and whether it was among them.
func withoutReplicas(fields *metav1.FieldsV1) (text []byte, had bool, err error) {
	if fields == nil {
		return nil, false, nil
	}
	var set map[string]any
	if err := json.Unmarshal(fields.GetRawBytes(), &set); err != nil {
		return nil, false, fmt.Errorf("read who manages which field: %w", err)
	}
	spec, _ := set["f:spec"].(map[string]any)
	if _, had = spec["f:replicas"]; !had {
		return nil, false, nil
	}
	delete(spec, "f:replicas")
	text, err = json.Marshal(set)
	return text, true, err
}
