package controllers

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// refusedPause is how long the operator waits before it asks again for a size that the API server has refused: an
// administrator may have changed the StorageClass or a quota.
const refusedPause = time.Minute

// claims remembers each pipeline's claims, so that one is read only when it has changed, and what the API server has
// refused them.
type claims struct{ ofPipeline sync.Map }

// knownClaim is a claim as it was last read, and the size that it was last refused.
type knownClaim struct {
	plan.Claim
	size resource.Quantity
	at   time.Time
}

func (c *claims) of(pipeline types.NamespacedName) map[string]knownClaim {
	known, ok := c.ofPipeline.Load(pipeline)
	if !ok {
		return nil
	}
	return known.(map[string]knownClaim)
}

func (c *claims) forget(pipeline types.NamespacedName) { c.ofPipeline.Delete(pipeline) }

// readClaims reads the claims that were made for the pipeline. The cache has their metadata alone, which shows whether
// one has changed.
func (r *Reconciler) readClaims(ctx context.Context, s *plan.State) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaimList"))
	if err := r.Client.List(ctx, list, apply.MadeFor(s.Pipeline)...); err != nil {
		return err
	}
	pipeline := client.ObjectKeyFromObject(s.Pipeline)
	known, now := r.claims.of(pipeline), make(map[string]knownClaim, len(list.Items))
	s.Claims = make(map[string]plan.Claim, len(list.Items))
	for i := range list.Items {
		key := client.ObjectKeyFromObject(&list.Items[i])
		entry := known[key.Name]
		if entry.UID != list.Items[i].UID || entry.Version != list.Items[i].ResourceVersion {
			var claim corev1.PersistentVolumeClaim
			err := r.Uncached.Get(ctx, key, &claim)
			if apierrors.IsNotFound(err) {
				continue
			}
			if err != nil {
				return err
			}
			refused := entry.Refused
			entry.Claim = plan.ClaimOf(&claim)
			entry.Refused = refused
		}
		now[key.Name], s.Claims[key.Name] = entry, entry.Claim
	}
	r.claims.ofPipeline.Store(pipeline, now)
	return nil
}

// grow makes claims ask for the size in the spec. A refusal does not fail the pass: the pipeline serves on, and its
// status has the API server's words.
func (r *Reconciler) grow(ctx context.Context, s *plan.State) error {
	known := r.claims.of(client.ObjectKeyFromObject(s.Pipeline)) // no other pass of the pipeline is under way
	for _, v := range s.Growing() {
		entry := known[v.Claim]
		if entry.Refused != "" && entry.size.Cmp(v.Size) == 0 && r.now().Sub(entry.at) < refusedPause {
			continue
		}
		err := r.Applier.Grow(ctx, s.Pipeline.Namespace, v.Claim, entry.UID, v.Size.String())
		switch {
		case apierrors.IsForbidden(err), apierrors.IsInvalid(err):
			entry.Refused, entry.size, entry.at = refusal(err), v.Size, r.now()
		case err == nil, apierrors.IsNotFound(err):
			entry.Refused = ""
		default:
			return fmt.Errorf("enlarge the volume of claim %s: %w", v.Claim, err)
		}
		known[v.Claim], s.Claims[v.Claim] = entry, entry.Claim
	}
	return nil
}

// refused matches the words before what the API server says of a claim, which repeat the claim's name.
var refused = regexp.MustCompile(
	`^(persistentvolumeclaims "[^"]*" is forbidden|PersistentVolumeClaim "[^"]*" is invalid): `)

// refusal is what the API server says of a claim that it refuses.
func refusal(err error) string { return refused.ReplaceAllString(err.Error(), "") }
