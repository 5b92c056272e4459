package apply

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Prune deletes what the owner controls, by label and owner reference, and what is neither among the children nor
// named in keep. Volumes are never pruned. It goes on after an error and returns all joined.
func (a *Applier) Prune(ctx context.Context, owner client.Object, children []desired.Child,
	keep map[string]bool) error {
	stays := make(map[Key]bool, len(children))
	for _, child := range children {
		if kind, name := child.Object.GetKind(), child.Object.GetName(); kind != nil && name != nil {
			stays[Key{Kind: *kind, Name: *name}] = true
		}
	}
	var errs []error
	present := Kinds()
	if a.httpRoutes.Load() {
		present = append(present, HTTPRoutes)
	}
	for _, kind := range present {
		if !kind.pruned {
			continue
		}
		owned, err := a.owned(ctx, owner, kind)
		if err != nil {
			errs = append(errs, fmt.Errorf("list %s objects of %s: %w", kind.Kind, owner.GetName(), err))
		}
		for _, object := range owned {
			if !stays[Key{Kind: kind.Kind, Name: object.GetName()}] && !keep[object.GetName()] {
				errs = append(errs, a.delete(ctx, owner, kind, object))
			}
		}
	}
	return errors.Join(errs...)
}

// owned are the objects of a kind that the owner controls and that are not being deleted.
func (a *Applier) owned(ctx context.Context, owner client.Object, kind Kind) (owned []metav1.Object, err error) {
	list, err := kind.list(a.client.Scheme())
	if err != nil {
		return nil, err
	}
	if err := a.client.List(ctx, list, MadeFor(owner)...); err != nil {
		return nil, err
	}
	err = meta.EachListItem(list, func(item runtime.Object) error {
		object, err := meta.Accessor(item)
		if err != nil {
			return err
		}
		if metav1.IsControlledBy(object, owner) && object.GetDeletionTimestamp() == nil {
			owned = append(owned, object)
		}
		return nil
	})
	return owned, err
}

// delete deletes this very object, and what it owns after it. One that is gone or was replaced is none of ours.
func (a *Applier) delete(ctx context.Context, owner client.Object, kind Kind, object metav1.Object) error {
	target := newMetadata(kind.GroupVersionKind)
	target.SetNamespace(object.GetNamespace())
	target.SetName(object.GetName())
	uid := object.GetUID()
	err := a.client.Delete(ctx, target, client.Preconditions{UID: &uid},
		client.PropagationPolicy(metav1.DeletePropagationBackground))
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete %s %s: %w", kind.Kind, object.GetName(), err)
	}
	a.memory.drop(owner, Key{Kind: kind.Kind, Name: object.GetName()})
	return nil
}

// ReleaseClaims takes the label off the owner's claims that could make them an Argo CD application's, which would prune
// them. A StatefulSet's claims have it from a template that cannot change.
func (a *Applier) ReleaseClaims(ctx context.Context, owner client.Object) error {
	list := new(metav1.PartialObjectMetadataList)
	list.SetGroupVersionKind(gvk("", kindClaim+"List"))
	if err := a.client.List(ctx, list, MadeFor(owner)...); err != nil {
		return err
	}
	var errs []error
	for _, claim := range list.Items {
		if claim.Labels[naming.LabelInstance] == "" || claim.DeletionTimestamp != nil {
			continue
		}
		target := newMetadata(gvk("", kindClaim))
		target.SetNamespace(claim.Namespace)
		target.SetName(claim.Name)
		patch := []byte(`{"metadata":{"uid":"` + string(claim.UID) + `","labels":{"` + naming.LabelInstance + `":null}}}`)
		errs = append(errs, client.IgnoreNotFound(conflict(
			a.client.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch)), target)))
	}
	return errors.Join(errs...)
}

// DeletePod deletes this very pod, for its workload to make it anew.
func (a *Applier) DeletePod(ctx context.Context, pod metav1.ObjectMeta) error {
	target := newMetadata(gvk("", "Pod"))
	target.SetNamespace(pod.Namespace)
	target.SetName(pod.Name)
	err := a.client.Delete(ctx, target, client.Preconditions{UID: &pod.UID})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) && !apierrors.IsForbidden(err) {
		return fmt.Errorf("delete pod %s, which its StatefulSet does not replace: %w", pod.Name, err)
	}
	return nil
}
