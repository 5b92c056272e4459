package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Adoption is how an object came to be a pipeline's that had its labels and no owner.
type Adoption struct {
	Key
	// Replaced reports whether the object was deleted, to be made anew, because labels alone do not prove what it holds.
	Replaced bool
}

// Adoptable reports whether an object carries the labels of the owner's children and has no owner: it was restored
// from a backup, or its pipeline was deleted without it. Labels can be forged; adopt says what is made of that.
func Adoptable(owner client.Object, found metav1.Object) bool {
	return labelled(owner, found) && len(found.GetOwnerReferences()) == 0
}

// adopt makes an adoptable object the owner's. Nothing is taken over that could give away a key or prove that an index
// is complete: a Secret is adopted only if a workload vouches for its content, a ConfigMap only if it holds what is
// wanted, and a Job never. Objects of other kinds keep nothing but what is wanted.
func (a *Applier) adopt(ctx context.Context, owner client.Object, want *wanted) (types.UID, error) {
	live, err := a.readWhole(ctx, owner, want)
	if err != nil {
		return "", err
	}
	if !Adoptable(owner, live) || live.GetDeletionTimestamp() != nil {
		return "", conflictOf(live)
	}
	proved := true
	switch want.key.Kind {
	case "Job":
		proved = false
	case "Secret":
		var found bool
		found, proved, err = a.vouched(ctx, owner, want, live)
		proved = proved && found && want.Certificates == nil
	case "ConfigMap":
		proved, err = identical(want, live)
	}
	switch {
	case err != nil:
		return "", err
	case !proved:
		return "", a.replace(ctx, owner, want, live)
	case want.Once:
		err = a.own(ctx, owner, want, live)
	default:
		err = a.takeOver(ctx, owner, want, live)
	}
	if err != nil {
		return "", fmt.Errorf("adopt it: %w", err)
	}
	a.adopted(owner, Adoption{Key: want.key})
	return live.GetUID(), nil
}

// conflictOf is the error for an object that is not any more what it was when its metadata was read.
func conflictOf(live client.Object) error {
	return apierrors.NewConflict(resource(live), live.GetName(), errors.New("it has changed since it was read"))
}

func (a *Applier) adopted(owner client.Object, adoption Adoption) {
	if a.Adopted != nil {
		a.Adopted(owner, adoption)
	}
}

// replace deletes what cannot be adopted; another pass makes it anew.
func (a *Applier) replace(ctx context.Context, owner client.Object, want *wanted, live metav1.Object) error {
	for _, kind := range kinds {
		if kind.GroupVersionKind == want.gvk {
			if err := a.delete(ctx, owner, kind, live); err != nil {
				return err
			}
		}
	}
	a.adopted(owner, Adoption{Key: want.key, Replaced: true})
	return &WaitingError{Kind: want.key.Kind, Name: want.key.Name}
}

// own adds the owner reference, and leaves what the object holds: what is made once is never applied over.
func (a *Applier) own(ctx context.Context, owner client.Object, want *wanted, live *unstructured.Unstructured) error {
	text, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": live.GetUID(), "resourceVersion": live.GetResourceVersion(),
		"ownerReferences": []metav1.OwnerReference{*want.owner},
	}})
	if err != nil {
		return err
	}
	if err := a.patch(ctx, live, types.MergePatchType, text); err != nil {
		return err
	}
	a.memory.put(owner, want.key, written{
		uid: live.GetUID(), version: live.GetResourceVersion(), digest: digestOf(want, live),
	})
	return nil
}

// takeOver leaves nothing in the object but what is wanted and what the API server adds to it, and makes the operator
// the one owner of its fields. An apply alone would merge: a container, a port or a label of a selector that somebody
// else has put there would stay.
func (a *Applier) takeOver(ctx context.Context, owner client.Object, want *wanted,
	live *unstructured.Unstructured) error {
	object, err := want.object()
	if err != nil {
		return err
	}
	steps := []step{{"replace", "/metadata/resourceVersion", live.GetResourceVersion()}}
	for _, field := range []string{"labels", "annotations"} {
		value, found, _ := unstructured.NestedMap(object.Object, "metadata", field)
		if !found {
			value = map[string]any{}
		}
		steps = append(steps, step{"add", "/metadata/" + field, value}) // adds or replaces
	}
	for _, field := range slices.Sorted(maps.Keys(live.Object)) {
		if _, wanted := object.Object[field]; !wanted && field != "status" {
			steps = append(steps, step{"remove", "/" + field, nil})
		}
	}
	keepReplicas(object, live)
	for _, field := range slices.Sorted(maps.Keys(object.Object)) {
		if field != "metadata" && field != "kind" && field != "apiVersion" {
			steps = append(steps, step{"add", "/" + field, object.Object[field]})
		}
	}
	if err := a.patchSteps(ctx, live, steps...); err != nil {
		return err
	}
	object, err = want.object()
	if err != nil {
		return err
	}
	object.SetUID(live.GetUID())
	if _, err := a.write(ctx, owner, want, live, object); err != nil {
		return err
	}
	return a.patchSteps(ctx, object, step{"replace", "/metadata/managedFields", ours(object)})
}

// keepReplicas keeps the number of pods where the spec leaves it to an autoscaler.
func keepReplicas(object, live *unstructured.Unstructured) {
	if _, set, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "replicas"); set {
		return
	}
	if replicas, set, _ := unstructured.NestedInt64(live.Object, "spec", "replicas"); set {
		_ = unstructured.SetNestedField(object.Object, replicas, "spec", "replicas") // spec is there: of workloads alone
	}
}

// ours are the entries of who manages which field that are to stay: the operator's own, and those of the status.
func ours(object metav1.Object) []metav1.ManagedFieldsEntry {
	return slices.DeleteFunc(object.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		mine := e.Manager == FieldOwner && e.Operation == metav1.ManagedFieldsOperationApply
		return !mine && e.Subresource == ""
	})
}

// step is one of a JSON patch (RFC 6902).
type step struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

func (a *Applier) patchSteps(ctx context.Context, object client.Object, steps ...step) error {
	text, err := json.Marshal(steps)
	if err != nil {
		return err
	}
	return a.patch(ctx, object, types.JSONPatchType, text)
}

// patch changes the object that was read, without touching what was read of it.
func (a *Applier) patch(ctx context.Context, object client.Object, kind types.PatchType, text []byte) error {
	target := new(unstructured.Unstructured)
	target.SetGroupVersionKind(object.GetObjectKind().GroupVersionKind())
	target.SetNamespace(object.GetNamespace())
	target.SetName(object.GetName())
	return conflict(a.client.Patch(ctx, target, client.RawPatch(kind, text), client.FieldOwner(FieldOwner)), target)
}

// identical reports whether a ConfigMap holds what is wanted, carries its labels, and cannot change if the wanted one
// cannot.
func identical(want *wanted, live *unstructured.Unstructured) (bool, error) {
	object, err := want.object()
	if err != nil {
		return false, err
	}
	labels, annotations := want.metadata()
	return sameData(object, live) && contains(live.GetLabels(), labels) &&
		contains(live.GetAnnotations(), annotations), nil
}

// digestOf is a digest of the tokens that the operator generated into a Secret; empty if one is missing. The tokens
// are 256 random bits each, so the digest gives nothing away.
func digestOf(want *wanted, object *unstructured.Unstructured) string {
	sum := sha256.New()
	for _, entry := range want.Generate {
		token, found, _ := unstructured.NestedString(object.Object, "data", entry)
		if !found || token == "" {
			return ""
		}
		io.WriteString(sum, entry+"\x00"+token+"\x00")
	}
	return hex.EncodeToString(sum.Sum(nil))
}
