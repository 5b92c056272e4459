package played

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
)

// collectGarbage deletes what is owned by something that is gone, until ctx ends.
func (c *Cluster) collectGarbage(ctx context.Context) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		err := c.collect(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			c.options.Failed(err)
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (c *Cluster) collect(ctx context.Context) error {
	kinds := []schema.GroupVersionKind{corev1.SchemeGroupVersion.WithKind("Pod"), v1alpha1.GroupVersion.WithKind(v1alpha1.Kind)}
	for _, k := range apply.Kinds() {
		kinds = append(kinds, k.GroupVersionKind)
	}
	var objects []metav1.PartialObjectMetadata
	for _, k := range kinds { // dependents before their owners: an owner that is made meanwhile is no stranger to its own
		list := new(metav1.PartialObjectMetadataList)
		list.SetGroupVersionKind(k.GroupVersion().WithKind(k.Kind + "List"))
		if err := c.direct.List(ctx, list, client.InNamespace(c.options.Namespace)); err != nil {
			return err
		}
		for _, item := range list.Items {
			item.SetGroupVersionKind(k)
			objects = append(objects, item)
		}
	}
	if err := c.release(ctx, objects); err != nil {
		return err
	}
	exists := map[types.UID]bool{}
	for _, object := range objects {
		exists[object.UID] = true
	}
	for _, object := range objects {
		owner := metav1.GetControllerOf(&object)
		if owner == nil || exists[owner.UID] || object.DeletionTimestamp != nil || c.lives(ctx, owner) {
			continue
		}
		err := c.direct.Delete(ctx, &object, client.Preconditions{UID: &object.UID}, client.PropagationPolicy(metav1.DeletePropagationBackground))
		if err != nil {
			return err
		}
	}
	return nil
}

// release lets go of what was deleted without its dependents: they lose their owner, and then it goes.
func (c *Cluster) release(ctx context.Context, objects []metav1.PartialObjectMetadata) error {
	for _, owner := range objects {
		if owner.DeletionTimestamp == nil || !slices.Contains(owner.Finalizers, metav1.FinalizerOrphanDependents) {
			continue
		}
		for _, object := range objects {
			if metav1.IsControlledBy(&object, &owner) {
				if err := c.strip(ctx, object, `{"metadata":{"ownerReferences":null}}`); err != nil {
					return err
				}
			}
		}
		if err := c.strip(ctx, owner, `{"metadata":{"finalizers":null}}`); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) strip(ctx context.Context, object metav1.PartialObjectMetadata, patch string) error {
	return client.IgnoreNotFound(c.direct.Patch(ctx, &object, client.RawPatch(types.MergePatchType, []byte(patch))))
}

// lives looks again: the owner may have been made after its kind was listed.
func (c *Cluster) lives(ctx context.Context, owner *metav1.OwnerReference) bool {
	object := new(metav1.PartialObjectMetadata)
	object.APIVersion, object.Kind = owner.APIVersion, owner.Kind
	err := c.direct.Get(ctx, client.ObjectKey{Namespace: c.options.Namespace, Name: owner.Name}, object)
	return client.IgnoreNotFound(err) != nil || err == nil && object.UID == owner.UID
}
