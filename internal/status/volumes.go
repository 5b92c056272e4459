package status

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// Volume is a volume of the pipeline that does not have the size that the spec says.
type Volume struct {
	Claim     string // its claim's name
	Component string
	Field     string // of the spec, with the size
	// Wanted is the size in the spec, and Has that of the volume.
	Wanted, Has string
	// Larger reports whether the volume has more than the spec says.
	Larger bool
	// Refused is the API server's message if it refuses the larger claim; Failed is that of the driver if it cannot
	// expand the volume.
	Refused, Failed string
	// Remounting reports whether nothing but the file system is still to grow, on the node.
	Remounting bool
}

// volumesOf are those of a component.
func (v *view) volumesOf(component string) []Volume {
	return slices.DeleteFunc(slices.Clone(v.Volumes), func(volume Volume) bool { return volume.Component != component })
}

// worstVolume is the volume that the user is to be told of, and the claims of all like it; ok reports whether there is
// one.
func worstVolume(volumes []Volume) (v Volume, claims string, ok bool) {
	var names []string
	for i, other := range volumes {
		if i == 0 || other.rank() > v.rank() {
			v, names = other, nil
		}
		if other.rank() == v.rank() {
			names = append(names, other.Claim)
		}
	}
	switch len(names) {
	case 0:
		return v, "", false
	case 1:
		return v, "claim " + names[0], true
	default:
		return v, "claims " + strings.Join(names, ", "), true
	}
}

// unresized adds to the finding of a component that does not serve that its volumes cannot grow, which may be why: a
// full one keeps a store from starting.
func unresized(f finding, volumes []Volume) finding {
	worst, claims, found := worstVolume(volumes)
	if f.status == metav1.ConditionTrue || !found || worst.Refused == "" && worst.Failed == "" {
		return f
	}
	f.message += "; " + worst.message(claims)
	if f.late != "" {
		f.late += "; " + worst.message(claims)
	}
	return f
}

// resized adds to the finding of a component that serves what becomes of its volumes. The component serves on, so the
// finding stays true, and its weight tells whether the pipeline has what the spec describes.
func resized(f finding, volumes []Volume) finding {
	worst, claims, found := worstVolume(volumes)
	if !found {
		return f
	}
	f.message += "; " + worst.message(claims)
	switch {
	case worst.Larger:
		return f
	case worst.Refused != "":
		f.reason, f.weight = v1alpha1.ReasonVolumeResizeFailed, terminal
	case worst.Failed != "":
		f.reason, f.weight, f.stallAfter = v1alpha1.ReasonVolumeResizeFailed, fault, stallAfter
	default:
		f.reason, f.weight, f.stallAfter = v1alpha1.ReasonVolumeResizing, progress, stallAfter
	}
	return f
}

// rank orders what may be told of volumes: the user is told of the highest.
func (v Volume) rank() int {
	switch {
	case v.Refused != "":
		return 4
	case v.Failed != "":
		return 3
	case v.Remounting:
		return 2
	case v.Larger:
		return 0
	}
	return 1
}

// message tells what becomes of the volumes of the claims.
func (v Volume) message(claims string) string {
	grows := fmt.Sprintf("%s should grow from %s to %s (%s)", claims, v.Has, v.Wanted, v.Field)
	switch {
	case v.Larger:
		return fmt.Sprintf("%s of %s cannot shrink to what %s says", claims, v.Has, v.Field)
	case v.Refused != "":
		return fmt.Sprintf("%s, which the API server refuses: %s; set allowVolumeExpansion in the claim's StorageClass if "+
			"its driver expands volumes, and check quotas (kubectl get storageclass,resourcequota)",
			grows, cut(clean(v.Refused), maxMessage/2))
	case v.Failed != "":
		return fmt.Sprintf("%s, which the storage driver could not do: %s; see kubectl describe pvc",
			grows, cut(clean(v.Failed), maxMessage/2))
	case v.Remounting:
		return grows + "; the node is still to enlarge the file system, which takes a minute or two; a driver that cannot " +
			"do so in use needs a restart of the pod"
	}
	return grows + "; the storage driver is at work (kubectl describe pvc)"
}
