package apply

import (
	"cmp"
	"context"
	"slices"

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
	key := cmp.Or(want.Voucher.Key, naming.AnnotationKey)
	said, digests := []string{voucher.GetAnnotations()[key]}, []string{digestOf(want, live)}
	if want.Certificates != nil {
		pods, _, _ := unstructured.NestedStringMap(voucher.Object, "spec", "template", "metadata", "annotations")
		said, digests = append(said, pods[key]), authorityDigests(entriesOf(live))
	}
	ours := Adoptable(owner, voucher) || metav1.IsControlledBy(voucher, owner)
	return true, ours && slices.ContainsFunc(digests, func(digest string) bool {
		return digest != "" && slices.Contains(said, digest)
	}), nil
}

// authorityDigests are the digests by which a voucher knows the newest authority: its own, which pods carry, and that
// of the authority which endorsed it. An operator that ended before it had told the voucher left the latter there.
func authorityDigests(entries map[string][]byte) (digests []string) {
	for _, authority := range certificates.Endorsed(entries) {
		digests = append(digests, config.Hash(string(authority)))
	}
	return digests
}
