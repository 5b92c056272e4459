package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RAGPipelineStatus is what a pipeline is.
type RAGPipelineStatus struct {
	// observedGeneration is the metadata.generation that the operator last acted on; -1 before the first.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, one for each component that the spec has, and Reconciling or Stalled while true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// endpoint is the gateway's URL within the cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Endpoint string `json:"endpoint,omitempty"`

	// index is what the live generation holds, and what is being built.
	// +optional
	Index *IndexStatus `json:"index,omitempty"`
}

// IndexStatus is the state of the index.
type IndexStatus struct {
	// generation is the fingerprint of the live generation; empty before the first.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Generation string `json:"generation,omitempty"`

	// documents in the index.
	// +optional
	Documents int64 `json:"documents"`

	// chunks in the index.
	// +optional
	Chunks int64 `json:"chunks"`

	// failedDocuments are those that are not in the index.
	// +optional
	FailedDocuments int64 `json:"failedDocuments"`

	// failures are the first of the failed documents.
	// +optional
	// +listType=map
	// +listMapKey=document
	// +kubebuilder:validation:MaxItems=10
	Failures []DocumentFailure `json:"failures,omitempty"`

	// embeddingModel is the model that embedded the live generation.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	EmbeddingModel string `json:"embeddingModel,omitempty"`

	// dimensions of the live generation's vectors.
	// +optional
	Dimensions int32 `json:"dimensions,omitempty"`

	// lastSyncTime is when the index last equalled its sources.
	// +optional
	LastSyncTime *metav1.Time `json:"lastSyncTime,omitempty"`

	// building is the generation or update in progress.
	// +optional
	Building *Building `json:"building,omitempty"`
}

// DocumentFailure is a document that is not in the index.
type DocumentFailure struct {
	// document is its identity, <source>/<path>.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Document string `json:"document"`

	// reason is one of a closed list: NoTextLayer, Encrypted, Malformed, TooLarge, TimedOut, Unsupported,
	// Changed, Unreadable, EmbeddingRefused.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason"`

	// message says what to do.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// Building is an ingestion run in progress.
type Building struct {
	// generation is the fingerprint of what is built or updated.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Generation string `json:"generation"`

	// phase is Listing, Indexing, Removing or Done.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Phase string `json:"phase"`

	// documentsDone of documentsTotal.
	// +optional
	DocumentsDone int64 `json:"documentsDone"`

	// documentsTotal is how many the sources list.
	// +optional
	DocumentsTotal int64 `json:"documentsTotal"`
}
