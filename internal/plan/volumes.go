package plan

import (
	"cmp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// Claim is what a pass looks at of a claim of the pipeline.
type Claim struct {
	UID     types.UID
	Version string // its resourceVersion
	Bound   bool
	// Requested is the size that it asks for, Capacity that of its volume.
	Requested, Capacity resource.Quantity
	// Remounting reports whether nothing but the file system is still to grow, on the node.
	Remounting bool
	// Failed is the message of the driver if it could not expand the volume.
	Failed string
	// Refused is the API server's message if it refused a larger request in this pass or shortly before.
	Refused string
}

// ClaimOf reads a claim.
func ClaimOf(claim *corev1.PersistentVolumeClaim) Claim {
	c := Claim{
		UID: claim.UID, Version: claim.ResourceVersion, Bound: claim.Status.Phase == corev1.ClaimBound,
		Requested: *claim.Spec.Resources.Requests.Storage(), Capacity: *claim.Status.Capacity.Storage(),
	}
	for _, condition := range claim.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case corev1.PersistentVolumeClaimFileSystemResizePending:
			c.Remounting = true
		case corev1.PersistentVolumeClaimControllerResizeError, corev1.PersistentVolumeClaimNodeResizeError:
			c.Failed = cmp.Or(condition.Message, string(condition.Type))
		}
	}
	switch claim.Status.AllocatedResourceStatuses[corev1.ResourceStorage] {
	case corev1.PersistentVolumeClaimControllerResizeInfeasible, corev1.PersistentVolumeClaimNodeResizeInfeasible:
		c.Failed = cmp.Or(c.Failed, "it cannot make the volume as large")
	}
	return c
}

// holds reports whether the claim has a volume of the size, or asks for one. A volume may have been provided larger
// than it was asked for.
func (c Claim) holds(size resource.Quantity) bool {
	return c.Requested.Cmp(size) >= 0 || c.Bound && c.Capacity.Cmp(size) >= 0
}

// Growing lists the volumes whose claims are to ask for more. The API server lets a claim grow once it is bound.
func (s *State) Growing() []desired.Volume {
	return slices.DeleteFunc(desired.Volumes(s.Pipeline), func(v desired.Volume) bool {
		claim, exists := s.Claims[v.Claim]
		return !exists || !claim.Bound || claim.holds(v.Size)
	})
}

// Outgrown is the StatefulSet of the store if its claims have outgrown their template, which cannot change: it is to be
// made anew around its pods. It is nil otherwise.
func (s *State) Outgrown() *appsv1.StatefulSet {
	set := s.store()
	if set == nil || set.DeletionTimestamp != nil || !metav1.IsControlledBy(set, s.Pipeline) {
		return nil
	}
	template, behind := templateSize(set), false
	for _, v := range desired.Volumes(s.Pipeline) {
		if v.Component != naming.ComponentWeaviate {
			continue
		}
		if claim, exists := s.Claims[v.Claim]; exists && !claim.holds(v.Size) {
			return nil
		}
		behind = template != nil && template.Cmp(v.Size) < 0
	}
	if !behind {
		return nil
	}
	return set
}

// orphans are the pods of a store whose StatefulSet is being made anew around them.
func (s *State) orphans() []corev1.Pod {
	if s.store() != nil {
		return nil
	}
	return slices.DeleteFunc(s.podsOf(naming.ComponentWeaviate), func(pod corev1.Pod) bool {
		return metav1.GetControllerOf(&pod) != nil || pod.DeletionTimestamp != nil
	})
}

// templateSize is the size in the template of the store's claims; nil for a StatefulSet without one.
func templateSize(set *appsv1.StatefulSet) *resource.Quantity {
	if len(set.Spec.VolumeClaimTemplates) == 0 {
		return nil
	}
	return set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage()
}

// sizes are desired.Facts.Sizes.
func (s *State) sizes() map[string]resource.Quantity {
	sizes := make(map[string]resource.Quantity, len(s.Claims)+1)
	for name, claim := range s.Claims {
		sizes[name] = claim.Requested
	}
	if set := s.store(); set != nil && s.Outgrown() == nil {
		if size := templateSize(set); size != nil {
			sizes[set.Name] = *size
		}
	}
	return sizes
}

// volumes are those that do not have the size that the spec says.
func (s *State) volumes() (list []status.Volume) {
	for _, v := range desired.Volumes(s.Pipeline) {
		claim, exists := s.Claims[v.Claim]
		if !exists || !claim.Bound || claim.Capacity.IsZero() {
			continue
		}
		volume := status.Volume{
			Claim: v.Claim, Component: v.Component, Field: v.Field, Wanted: v.Size.String(), Has: claim.Capacity.String(),
			Failed: claim.Failed, Remounting: claim.Remounting,
		}
		if !claim.holds(v.Size) { // a refusal is over once somebody else has made the claim ask for as much
			volume.Refused = claim.Refused
		}
		switch {
		case claim.Capacity.Cmp(v.Size) < 0:
			list = append(list, volume)
		case claim.Requested.Cmp(v.Size) > 0:
			volume.Has, volume.Larger = claim.Requested.String(), true
			list = append(list, volume)
		}
	}
	return list
}
