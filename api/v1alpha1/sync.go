package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Sync configures when runs bring the index up to date with its sources, and what they remove from
// it.
type Sync struct {
	// interval is the time from the end of a run to the start of the next. A run also starts when
	// the spec, a ConfigMap of documents, or the annotation ragpipeline.io/sync changes; with 0s,
	// only then. A pipeline whose sources are all ConfigMaps needs no interval and ignores it.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:default:="1h"
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+[smh])+$') && (duration(self) == duration('0s') || duration(self) >= duration('1m') && duration(self) <= duration('8760h'))",message="must be 0s, or a duration from 1m to 8760h, such as 6h"
	Interval *metav1.Duration `json:"interval,omitempty"`

	// prune removes a document from the index once its source no longer lists it. If false, the
	// index keeps such documents. Documents of a source that is no longer in the spec are removed
	// either way.
	// +optional
	// +kubebuilder:default:=true
	Prune *bool `json:"prune,omitempty"`

	// maxPrune is how many of a source's documents one run may remove: a number of documents, or a
	// per cent of those that the index has of the source, in which case it may always remove ten. If
	// more have vanished, the run keeps all of them, and IndexReady tells of it; the value
	// confirm-prune of the annotation ragpipeline.io/sync lets one run remove them.
	// +optional
	// +kubebuilder:default:="50%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 0 && self <= 1000000 : self.matches('^([0-9]|[1-9][0-9]|100)%$')",message="maxPrune must be a number of documents up to 1000000, such as 100, or a per cent of the source's, from \"0%\" to \"100%\""
	MaxPrune *intstr.IntOrString `json:"maxPrune,omitempty"`
}
