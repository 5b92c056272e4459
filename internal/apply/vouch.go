package apply

import (
	"cmp"
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/certificates"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// forged reports whether an object that names the owner cannot be what the operator made for it: everyone who may
// create an object may give it any owner. It is asked once about each object that was not written since the operator
// started. A config has to hold what is wanted. A Secret needs its voucher; without one, it counts unless the pipeline
// is so new that the operator has never reported on it.
func (a *Applier) forged(ctx context.Context, owner client.Object, want *wanted, found metav1.Object) (bool, error) {
	if !want.Exact && want.Voucher.Name == "" {
		return false, nil
	}
	if want.Certificates != nil && want.Certificates.KeepAuthority {
		return false, nil // its voucher may be behind: while nothing else changes, no pod learns of another authority
	}
	live, err := a.readWhole(ctx, owner, want)
	switch {
	case err != nil:
		return false, err
	case live.GetUID() != found.GetUID():
		return false, conflictOf(live)
	case want.Exact:
		object, err := want.object()
		return err == nil && !sameData(object, live), err
	}
	there, vouched, err := a.vouched(ctx, owner, want, live)
	return !vouched && (there || !reported(owner)), err
}

// sameData reports whether a ConfigMap holds what is wanted, and cannot change if the wanted one cannot.
func sameData(want, live *unstructured.Unstructured) bool {
	for _, field := range []string{"data", "binaryData", "immutable"} {
		if !equality.Semantic.DeepEqual(want.Object[field], live.Object[field]) {
			return false
		}
	}
	return true
}

// reported reports whether the operator has written the owner's status.
func reported(owner client.Object) bool {
	p, ok := owner.(*v1alpha1.RAGPipeline)
	return !ok || p.Status.ObservedGeneration > 0
}

// vouched reports whether the workload that vouches for a Secret is there, and whether it does: it carries a digest of
// the tokens, or of the authority by which its pods know the others. An author of that annotation can write workloads,
// and so could mount the Secret; an author of Secrets alone knows no text with the digest.
func (a *Applier) vouched(ctx context.Context, owner client.Object, want *wanted,
	live *unstructured.Unstructured) (there, vouched bool, err error) {
	if want.Voucher.Name == "" {
		return false, false, nil
	}
	voucher := new(unstructured.Unstructured)
	voucher.SetGroupVersionKind(gvk("apps", want.Voucher.Kind))
	err = a.uncached.Get(ctx, client.ObjectKey{Namespace: owner.GetNamespace(), Name: want.Voucher.Name}, voucher)
	if apierrors.IsNotFound(err) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	annotations, digest := voucher.GetAnnotations(), digestOf(want, live)
	if want.Certificates != nil {
		annotations, _, _ = unstructured.NestedStringMap(voucher.Object, "spec", "template", "metadata", "annotations")
		digest = authorityDigest(entriesOf(live)[certificates.AuthorityEntry])
	}
	ours := Adoptable(owner, voucher) || metav1.IsControlledBy(voucher, owner)
	return true, ours && digest != "" && annotations[cmp.Or(want.Voucher.Key, naming.AnnotationKey)] == digest, nil
}

// authorityDigest is the digest of an authority that pods carry; empty for none.
func authorityDigest(authority []byte) string {
	if len(authority) == 0 {
		return ""
	}
	return config.Hash(string(authority))
}
