// Package apply brings children to the state that is wanted: server-side apply in order, then pruning. It is the
// one writer of children.
package apply

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/desired"
)

// FieldOwner is the field manager of every write.
const FieldOwner = "ragpipeline-operator"

// noVersion is a resourceVersion that no object has: etcd's first revision, before anything was written. A write
// that names it can create an object and can change none.
const noVersion = "1"

// Applier writes children. It is safe for use by many passes at once, one of each owner.
type Applier struct {
	// Adopted is called for each object that was adopted or replaced, with its owner; nil for nobody. It is set before
	// the first Apply.
	Adopted func(client.Object, Adoption)
	// Clock is time.Now when nil.
	Clock func() time.Time

	client   client.Client
	uncached client.Reader
	memory   memory
	// httpRoutes reports whether the cache watches HTTPRoutes, and has their index.
	httpRoutes atomic.Bool
}

// New makes an Applier. The client's reads come from a cache, with the kinds of Kinds read as Kinds says; uncached
// reads metadata where the cache is behind, or shows only labelled objects.
func New(c client.Client, uncached client.Reader) *Applier {
	return &Applier{client: c, uncached: uncached}
}

// UseHTTPRoutes makes Prune look at HTTPRoutes, too. The cache must have their index: see IndexKind.
func (a *Applier) UseHTTPRoutes() { a.httpRoutes.Store(true) }

// Key is a child's kind and name.
type Key struct{ Kind, Name string }

// Apply makes the children exist as wanted, in order, and goes on after an error. It returns the UIDs of those that
// exist and are the owner's, and all errors joined, each with its cause: a *NameTakenError, a *WaitingError, or what
// the API server answered. A conflict among them is resolved by another pass.
func (a *Applier) Apply(ctx context.Context, owner client.Object, children []desired.Child) (map[Key]types.UID, error) {
	uids := make(map[Key]types.UID, len(children))
	var errs []error
	for _, child := range children {
		want, err := a.wanted(owner, child)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		uid, err := a.apply(ctx, owner, want)
		if err != nil {
			errs = append(errs, fmt.Errorf("apply %s %s: %w", want.key.Kind, want.key.Name, err))
			continue
		}
		uids[want.key] = uid
	}
	return uids, errors.Join(errs...)
}

// Generation is the metadata.generation that the last write made which changed a child's spec; 0 for one that was not
// written since the operator started, or whose kind counts none. An object of a lower one is from before that write.
func (a *Applier) Generation(owner client.Object, key Key) int64 {
	return a.memory.get(owner, key).changed
}

// Digest is a digest of the tokens that a Secret holds that the operator generated; empty before its first Apply.
func (a *Applier) Digest(owner client.Object, key Key) string { return a.memory.get(owner, key).digest }

// Forget drops what is remembered of an owner's children, for one that is gone.
func (a *Applier) Forget(owner types.NamespacedName) { a.memory.forget(owner) }

func (a *Applier) apply(ctx context.Context, owner client.Object, want *wanted) (types.UID, error) {
	last := a.memory.get(owner, want.key)
	found, err := a.find(ctx, owner, want, last)
	if err != nil {
		return "", err
	}
	if found == nil && want.Certificates != nil {
		return a.issue(ctx, owner, want)
	}
	if found == nil {
		return a.create(ctx, owner, want)
	}
	if err := claim(owner, want, found); err != nil {
		return "", err
	}
	if want.owner != nil && want.key.Kind != kindClaim && Adoptable(owner, found) {
		return a.adopt(ctx, owner, want)
	}
	if last.uid != found.GetUID() {
		if forged, err := a.forged(ctx, owner, want, found); err != nil {
			return "", err
		} else if forged {
			return "", a.replace(ctx, owner, want, found)
		}
	}
	if want.Certificates != nil {
		return a.renew(ctx, owner, want, found, last)
	}
	if want.Once {
		return found.GetUID(), a.remember(ctx, owner, want, found, last)
	}
	if last.holds(want, found) {
		last.version = found.GetResourceVersion()
		a.memory.put(owner, want.key, last)
		return found.GetUID(), nil
	}
	if err := a.releaseReplicas(ctx, want, found); err != nil {
		return "", err
	}
	object, err := want.object()
	if err != nil {
		return "", err
	}
	// The server refuses when another object has taken the name since the cache saw this one.
	object.SetUID(found.GetUID())
	return a.write(ctx, owner, want, found, object)
}

// remember keeps which object was looked at, and the digest of a Secret's tokens for those that vouch for them. It
// reads them once, and again when the Secret has changed.
func (a *Applier) remember(ctx context.Context, owner client.Object, want *wanted, found metav1.Object,
	last written) error {
	if last.uid == found.GetUID() && !older(last.version, found.GetResourceVersion()) {
		return nil
	}
	if len(want.Generate) == 0 {
		a.memory.put(owner, want.key, written{uid: found.GetUID(), version: found.GetResourceVersion()})
		return nil
	}
	live, err := a.readWhole(ctx, owner, want)
	if err != nil {
		return err
	}
	a.memory.put(owner, want.key, written{
		uid: live.GetUID(), version: live.GetResourceVersion(), digest: digestOf(want, live),
	})
	return nil
}

// readWhole reads all of the object from the server.
func (a *Applier) readWhole(ctx context.Context, owner client.Object,
	want *wanted) (*unstructured.Unstructured, error) {
	live := new(unstructured.Unstructured)
	live.SetGroupVersionKind(want.gvk)
	return live, a.uncached.Get(ctx, client.ObjectKey{Namespace: owner.GetNamespace(), Name: want.key.Name}, live)
}

// find returns the metadata of what has the name, for reading only; nil for nothing. What the cache does not have may
// exist without the labels by which it selects, or since a moment ago; what it has from before our last write is of no
// use.
func (a *Applier) find(ctx context.Context, owner client.Object, want *wanted, last written) (metav1.Object, error) {
	key := client.ObjectKey{Namespace: owner.GetNamespace(), Name: want.key.Name}
	cached, err := newObject(a.client.Scheme(), want.gvk)
	if err != nil {
		return nil, err
	}
	err = a.client.Get(ctx, key, cached, &client.GetOptions{UnsafeDisableDeepCopy: new(true)})
	if err == nil && !older(cached.GetResourceVersion(), last.version) {
		return cached, nil
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, err
	}
	live := newMetadata(want.gvk)
	if err := a.uncached.Get(ctx, key, live); apierrors.IsNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return live, nil
}

// create is an apply that the server refuses when the name exists by now: applied fields have one owner from the
// start, which an object made by a create and applied later has not.
func (a *Applier) create(ctx context.Context, owner client.Object, want *wanted) (types.UID, error) {
	object, err := want.object()
	if err != nil {
		return "", err
	}
	if err := want.generate(object); err != nil {
		return "", err
	}
	object.SetResourceVersion(noVersion)
	return a.write(ctx, owner, want, nil, object)
}

// write applies the object over what was found, nil for nothing, and remembers the answer.
func (a *Applier) write(ctx context.Context, owner client.Object, want *wanted, found metav1.Object,
	object *unstructured.Unstructured) (types.UID, error) {
	err := a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object),
		client.FieldOwner(FieldOwner), client.ForceOwnership)
	if err != nil {
		return "", conflict(err, object)
	}
	a.memory.put(owner, want.key, written{
		uid: object.GetUID(), hash: want.hash, version: object.GetResourceVersion(), generation: object.GetGeneration(),
		changed: a.memory.get(owner, want.key).changedBy(found, object), digest: digestOf(want, object),
	})
	return object.GetUID(), nil
}

// conflict says of a write that named a UID and met another one that it was a conflict. The server calls that an
// invalid change of metadata.uid, which reads as if the spec were wrong.
func conflict(err error, object client.Object) error {
	refusal, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || !apierrors.IsInvalid(err) || refusal.ErrStatus.Details == nil {
		return err
	}
	for _, cause := range refusal.ErrStatus.Details.Causes {
		if cause.Field == "metadata.uid" {
			return apierrors.NewConflict(resource(object), object.GetName(), err)
		}
	}
	return err
}
