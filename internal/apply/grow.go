package apply

import (
	"context"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/desired"
)

// Grow makes a claim ask for a larger volume, if it still is the one with the uid. The error is the API server's: it
// refuses if the StorageClass does not allow it.
func (a *Applier) Grow(ctx context.Context, namespace, name string, uid types.UID, size string) error {
	claim := newMetadata(gvk("", kindClaim))
	claim.SetNamespace(namespace)
	claim.SetName(name)
	patch := fmt.Appendf(nil, `{"metadata":{"uid":%q},"spec":{"resources":{"requests":{"storage":%q}}}}`, uid, size)
	err := a.client.Patch(ctx, claim, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(FieldOwner))
	return conflict(err, claim)
}

const (
	// orphanPoll is the pause between two looks at an object whose dependents the garbage collector releases.
	orphanPoll = 50 * time.Millisecond
	// orphanWait bounds that. Another pass goes on where this one ended.
	orphanWait = 20 * time.Second
)

// Remake deletes this very object without what it owns, and makes the child of the same kind and name in its place,
// which takes up what was left. It serves a field that cannot change, such as a StatefulSet's claims. The error is a
// *WaitingError if the garbage collector needs longer.
func (a *Applier) Remake(ctx context.Context, owner, old client.Object, children []desired.Child) error {
	var want *wanted
	for _, child := range children {
		w, err := a.wanted(owner, child)
		if err != nil {
			return err
		}
		if w.key.Name == old.GetName() && w.key.Kind == "StatefulSet" {
			want = w
		}
	}
	if want == nil {
		return nil
	}
	if err := a.rehearse(ctx, want); err != nil {
		return fmt.Errorf("make %s %s anew around its pods: %w", want.key.Kind, want.key.Name, err)
	}
	object := newMetadata(want.gvk)
	object.SetNamespace(old.GetNamespace())
	object.SetName(old.GetName())
	uid := old.GetUID()
	err := a.client.Delete(ctx, object, client.Preconditions{UID: &uid},
		client.PropagationPolicy(metav1.DeletePropagationOrphan))
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s %s to make it anew around its pods: %w", want.key.Kind, want.key.Name, err)
	}
	a.memory.drop(owner, want.key)
	if err := a.gone(ctx, want, object, uid); err != nil {
		return err
	}
	if _, err := a.create(ctx, owner, want); err != nil {
		return fmt.Errorf("make %s %s anew around its pods: %w", want.key.Kind, want.key.Name, err)
	}
	return nil
}

// rehearse asks the server, without effect, whether it would admit the object under another name. A webhook or a policy
// that refuses it would otherwise leave the pods without an owner until it is mended, and for ever if the pipeline is
// deleted before. A webhook that cannot be asked without effect is not asked, and a quota does not count: one object
// goes before the other comes.
func (a *Applier) rehearse(ctx context.Context, want *wanted) error {
	object, err := want.object()
	if err != nil {
		return err
	}
	object.SetName(object.GetName() + "-rehearsed")
	err = a.client.Create(ctx, object, client.DryRunAll, client.FieldOwner(FieldOwner))
	if apierrors.IsBadRequest(err) || apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota") {
		return nil
	}
	return err
}

// gone waits until the object of the uid is gone.
func (a *Applier) gone(ctx context.Context, want *wanted, object *metav1.PartialObjectMetadata, uid types.UID) error {
	ctx, cancel := context.WithTimeout(ctx, orphanWait)
	defer cancel()
	for {
		err := a.uncached.Get(ctx, client.ObjectKeyFromObject(object), object)
		if apierrors.IsNotFound(err) || err == nil && object.GetUID() != uid {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return &WaitingError{Kind: want.key.Kind, Name: want.key.Name}
		case <-time.After(orphanPoll):
		}
	}
}
