package controllers

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

const (
	// territoryLease is the Lease in a namespace of pipelines by which operators notice each other: one of all
	// namespaces, say, and one of this. The permissions name it.
	territoryLease = "ragpipeline-operator"
	// territoryLasts is how long after its last renewal another operator may take the Lease. An operator renews it
	// once a minute, and a pass may take another minute.
	territoryLasts = 3 * time.Minute
	territoryRenew = time.Minute
	// territoryWait is how soon an operator that stands back looks again.
	territoryWait = 30 * time.Second
	// territoryOwners bounds how many pipelines own the Lease: it goes with the last of them.
	territoryOwners = 8
)

// territories are what an operator knows of the Leases of namespaces. Its zero value is ready for use.
type territories struct {
	mu   sync.Mutex
	seen map[string]territory
	told sync.Map // pipeline to the holder that its events have named
}

// territory is a namespace's Lease as it was last seen.
type territory struct {
	renewed time.Time // by this operator; zero if another holds it
	version string    // resourceVersion of the other's
	since   time.Time // when it was first seen in that version, by this operator's clock
}

func (t *territories) of(namespace string) territory {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.seen[namespace]
}

func (t *territories) set(namespace string, now territory) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[string]territory{}
	}
	t.seen[namespace] = now
}

// standsBack reports whether another operator holds the pipeline's namespace; then this one touches nothing, the
// status included. It takes the Lease, or renews it, if nobody else holds it.
func (r *Reconciler) standsBack(ctx context.Context, p *v1alpha1.RAGPipeline) (bool, error) {
	now, last := r.now(), r.territories.of(p.Namespace)
	if r.Identity == "" || !last.renewed.IsZero() && now.Sub(last.renewed) < territoryRenew {
		return false, nil
	}
	lease := new(coordinationv1.Lease)
	err := r.Uncached.Get(ctx, client.ObjectKey{Namespace: p.Namespace, Name: territoryLease}, lease)
	switch {
	case apierrors.IsForbidden(err): // by permissions of an earlier version
		r.territories.set(p.Namespace, territory{renewed: now})
		r.tellForbidden(ctx, p, err)
		return false, nil
	case err != nil && !apierrors.IsNotFound(err):
		return false, err
	}
	holder := ptr.Deref(lease.Spec.HolderIdentity, "")
	if holder != "" && holder != r.Identity {
		// The holder's clock may differ from this one's, so its own changes are what counts.
		if last.version != lease.ResourceVersion {
			last = territory{version: lease.ResourceVersion, since: now}
			r.territories.set(p.Namespace, last)
		}
		if now.Sub(last.since) < territoryLasts {
			r.tellHolder(ctx, p, holder)
			return true, nil
		}
	}
	if err := r.take(ctx, p, lease, now); err != nil {
		return false, err
	}
	r.territories.set(p.Namespace, territory{renewed: now})
	r.territories.told.Delete(client.ObjectKeyFromObject(p))
	return false, nil
}

// take makes the Lease this operator's, or renews it. A conflict means that somebody else did so first.
func (r *Reconciler) take(ctx context.Context, p *v1alpha1.RAGPipeline, lease *coordinationv1.Lease,
	now time.Time) error {
	owners, err := r.leaseOwners(ctx, p.Namespace)
	if err != nil {
		return err
	}
	time := metav1.NewMicroTime(now)
	if holder := ptr.Deref(lease.Spec.HolderIdentity, ""); holder != r.Identity {
		lease.Spec.AcquireTime = &time
		if holder != "" {
			lease.Spec.LeaseTransitions = new(ptr.Deref(lease.Spec.LeaseTransitions, 0) + 1)
		}
	}
	lease.OwnerReferences = owners
	lease.Spec.HolderIdentity, lease.Spec.RenewTime = &r.Identity, &time
	lease.Spec.LeaseDurationSeconds = new(int32(territoryLasts.Seconds()))
	if lease.ResourceVersion != "" {
		return r.Client.Update(ctx, lease)
	}
	lease.Namespace, lease.Name = p.Namespace, territoryLease
	err = r.Client.Create(ctx, lease)
	if apierrors.IsAlreadyExists(err) {
		return apierrors.NewConflict(coordinationv1.Resource("leases"), territoryLease, err)
	}
	return err
}

// leaseOwners are pipelines of the namespace, so that the Lease goes with the last of them.
func (r *Reconciler) leaseOwners(ctx context.Context, namespace string) (owners []metav1.OwnerReference, err error) {
	var list v1alpha1.RAGPipelineList
	if err := r.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	slices.SortFunc(list.Items, func(a, b v1alpha1.RAGPipeline) int { return cmp.Compare(a.Name, b.Name) })
	for _, p := range list.Items[:min(len(list.Items), territoryOwners)] {
		owners = append(owners, metav1.OwnerReference{
			APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.Kind, Name: p.Name, UID: p.UID,
		})
	}
	return owners, nil
}

// tellHolder names the operator that holds the namespace, once for each holder.
func (r *Reconciler) tellHolder(ctx context.Context, p *v1alpha1.RAGPipeline, holder string) {
	if told, _ := r.territories.told.Swap(client.ObjectKeyFromObject(p), holder); told == holder {
		return
	}
	ctrl.LoggerFrom(ctx).Info("Stood back: another operator works in this namespace", "holder", holder)
	r.Events.Eventf(p, nil, corev1.EventTypeWarning, "StoodBack", "Reconcile",
		"the operator %s touches nothing here, because the operator %s holds the Lease %s of this namespace; "+
			"uninstall one of them, or give each its own namespaces (watchNamespaces)", r.Identity, holder, territoryLease)
}

// tellForbidden says once for each pipeline that nothing keeps another operator out of its namespace.
func (r *Reconciler) tellForbidden(ctx context.Context, p *v1alpha1.RAGPipeline, err error) {
	const nobody = ""
	if told, known := r.territories.told.Swap(client.ObjectKeyFromObject(p), nobody); known && told == nobody {
		return
	}
	ctrl.LoggerFrom(ctx).Info("Works without the Lease of this namespace, which it may not read: apply the operator's "+
		"present permissions, or another operator may work here unnoticed", "lease", territoryLease, "cause", err.Error())
}

func (r *Reconciler) forgetTerritory(pipeline types.NamespacedName) {
	r.territories.told.Delete(pipeline)
}
