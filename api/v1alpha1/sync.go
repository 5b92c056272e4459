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

// SourceStatus is what the last run found in a source, and what it did about it.
type SourceStatus struct {
	// name is the source's name in spec.documents.
	// +required
	// +kubebuilder:validation:MaxLength=40
	Name string `json:"name"`

	// documents is the number of the source's documents in the index.
	// +optional
	Documents int64 `json:"documents"`

	// scanned is the number of documents that the source listed: those added, changed, unchanged and
	// failed.
	// +optional
	Scanned int64 `json:"scanned"`

	// added is the number of documents that were indexed and had not been before.
	// +optional
	Added int64 `json:"added,omitempty"`

	// changed is the number of documents that were indexed again.
	// +optional
	Changed int64 `json:"changed,omitempty"`

	// unchanged is the number of documents that the index had as they are.
	// +optional
	Unchanged int64 `json:"unchanged,omitempty"`

	// failed is the number of documents that could not be indexed.
	// +optional
	Failed int64 `json:"failed,omitempty"`

	// skipped is the number of failed documents that were not read, because they had failed in three
	// runs.
	// +optional
	Skipped int64 `json:"skipped,omitempty"`

	// withWarnings is the number of indexed documents of which some content is missing or uncertain.
	// +optional
	WithWarnings int64 `json:"withWarnings,omitempty"`

	// removed is the number of documents that vanished from the source and were removed.
	// +optional
	Removed int64 `json:"removed,omitempty"`

	// kept is the number of documents that vanished from the source and stay, because spec.sync.prune
	// is false.
	// +optional
	Kept int64 `json:"kept,omitempty"`

	// heldBack is the number of documents that vanished from the source and stay, because they are
	// more than spec.sync.maxPrune.
	// +optional
	HeldBack int64 `json:"heldBack,omitempty"`

	// straySidecars is the number of sidecars that were ignored, because their documents are missing.
	// +optional
	StraySidecars int64 `json:"straySidecars,omitempty"`

	// lastSuccessTime is when a run last listed the source completely.
	// +optional
	LastSuccessTime *metav1.Time `json:"lastSuccessTime,omitempty"`

	// message is why the last run could not list the source; empty if it could.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// RemovedStatus is the last proof that documents which were removed are gone.
type RemovedStatus struct {
	// documents is the number of documents that were removed.
	// +required
	Documents int64 `json:"documents"`

	// verifiedAt is when the store, asked for each of the documents, had nothing of any.
	// +required
	VerifiedAt metav1.Time `json:"verifiedAt"`
}
