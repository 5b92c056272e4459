package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RAGPipelineStatus is the observed state of a pipeline.
type RAGPipelineStatus struct {
	// observedGeneration is the metadata.generation that the operator last acted on, or -1 before
	// the first.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, one for each component that the spec has, and Reconciling or Stalled
	// while either is true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// firstReadyTime is when Ready first became True. Until then, Ready needs every stage.
	// +optional
	FirstReadyTime *metav1.Time `json:"firstReadyTime,omitempty"`

	// endpoint is the gateway's URL within the cluster.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	Endpoint string `json:"endpoint,omitempty"`

	// sources are what the last run found in each source.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=32
	Sources []SourceStatus `json:"sources,omitempty"`

	// index is the state of the index: the contents of the live generation, and the run in
	// progress.
	// +optional
	Index *IndexStatus `json:"index,omitempty"`
}

// IndexStatus is the state of the index.
type IndexStatus struct {
	// generation is the fingerprint of the live generation, or empty before the first.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Generation string `json:"generation,omitempty"`

	// documents is the number of documents in the index.
	// +optional
	Documents int64 `json:"documents"`

	// chunks is the number of chunks in the index.
	// +optional
	Chunks int64 `json:"chunks"`

	// failedDocuments is the number of documents that could not be indexed.
	// +optional
	FailedDocuments int64 `json:"failedDocuments"`

	// failureReasons counts the failed documents by reason, as of lastSyncTime.
	// +optional
	// +listType=map
	// +listMapKey=reason
	// +kubebuilder:validation:MaxItems=32
	FailureReasons []ReasonCount `json:"failureReasons,omitempty"`

	// failures lists the first ten failed documents.
	// +optional
	// +listType=map
	// +listMapKey=document
	// +kubebuilder:validation:MaxItems=10
	Failures []DocumentFailure `json:"failures,omitempty"`

	// documentsWithWarnings is the number of indexed documents of which some content is missing or
	// uncertain, as of lastSyncTime.
	// +optional
	DocumentsWithWarnings int64 `json:"documentsWithWarnings,omitempty"`

	// warningReasons counts the documents with warnings by reason. A document can have several.
	// +optional
	// +listType=map
	// +listMapKey=reason
	// +kubebuilder:validation:MaxItems=32
	WarningReasons []ReasonCount `json:"warningReasons,omitempty"`

	// warnings lists up to ten examples, at least one for each reason. The gateway's
	// /v1/documents?warnings=true lists all of them.
	// +optional
	// +listType=map
	// +listMapKey=document
	// +listMapKey=reason
	// +kubebuilder:validation:MaxItems=10
	Warnings []DocumentWarning `json:"warnings,omitempty"`

	// embeddingModel is the name of the model that embedded the live generation.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	EmbeddingModel string `json:"embeddingModel,omitempty"`

	// dimensions is the length of the live generation's vectors.
	// +optional
	Dimensions int32 `json:"dimensions,omitempty"`

	// lastSyncTime is when the index last matched its sources.
	// +optional
	LastSyncTime *metav1.Time `json:"lastSyncTime,omitempty"`

	// removed is the last proof that documents which a run removed are gone.
	// +optional
	Removed *RemovedStatus `json:"removed,omitempty"`

	// retained lists the generations that are kept for a way back, the one that was replaced last first.
	// +optional
	// +listType=map
	// +listMapKey=generation
	// +kubebuilder:validation:MaxItems=3
	Retained []RetainedGeneration `json:"retained,omitempty"`

	// chunksPerSecond is the rate of the last run that embedded enough chunks to measure one, a decimal
	// number. A plan reckons with it.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	ChunksPerSecond string `json:"chunksPerSecond,omitempty"`

	// chunkCounts is into how many chunks a sample of the texts is cut at several sizes. From it, a plan
	// estimates how many chunks another chunking would give.
	// +optional
	// +listType=map
	// +listMapKey=size
	// +kubebuilder:validation:MaxItems=16
	ChunkCounts []ChunkCount `json:"chunkCounts,omitempty"`

	// building is the ingestion run in progress, which builds a generation or updates one.
	// +optional
	Building *Building `json:"building,omitempty"`
}

// RetainedGeneration is a generation that another one has replaced and that is kept for a way back.
type RetainedGeneration struct {
	// generation is its fingerprint.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Generation string `json:"generation"`

	// replacedTime is when another generation replaced it.
	// +required
	ReplacedTime metav1.Time `json:"replacedTime"`

	// until is when it is deleted, by spec.index.retain.
	// +required
	Until metav1.Time `json:"until"`

	// embeddingModel is the name of its embedding model, which keeps running for it if the operator
	// runs it.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	EmbeddingModel string `json:"embeddingModel,omitempty"`

	// lastSyncTime is when a run last brought it up to date with the sources; empty before the first
	// since it was replaced.
	// +optional
	LastSyncTime *metav1.Time `json:"lastSyncTime,omitempty"`

	// problem is why it cannot be brought up to date. While it is set, a spec that describes the
	// generation again updates it first, and the live one serves until then.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Problem string `json:"problem,omitempty"`
}

// ChunkCount is how many chunks a sample of the texts gives at one size.
type ChunkCount struct {
	// size is the size of a chunk in characters.
	// +required
	Size int64 `json:"size"`

	// chunks is the number of chunks at overlaps of 0, 6, 12, 25 and 50 per cent of the size.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Chunks []int64 `json:"chunks,omitempty"`
}

// ReasonCount is how many documents have a reason.
type ReasonCount struct {
	// reason is that of a failure or a warning.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason"`

	// documents is the number of documents with the reason.
	// +required
	Documents int64 `json:"documents"`
}

// DocumentWarning is what an indexed document lacks in the index, or may have wrong there.
type DocumentWarning struct {
	// document is the document's identity, <source>/<path>.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Document string `json:"document"`

	// reason is one of a closed list: PagesWithoutText, UndecodableText, EncodingGuessed,
	// LinesSkipped, HiddenText, Truncated, PagesWaiting, PartsIgnored,
	// MetadataConflict, MetadataIgnored.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason"`

	// count is how often it happened in the document.
	// +required
	Count int64 `json:"count"`

	// places are the first places, as "page 3", "line 17" or the name of a part.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=3
	// +kubebuilder:validation:items:MaxLength=128
	Places []string `json:"places,omitempty"`
}

// DocumentFailure is a document that could not be indexed.
type DocumentFailure struct {
	// document is the document's identity, <source>/<path>.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Document string `json:"document"`

	// reason is one of a closed list: NoTextLayer, Encrypted, Malformed, TooLarge, TooComplex,
	// TimedOut, Unsupported, Changed, Unreadable, EmbeddingRefused, ServerFailed.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason"`

	// message explains the failure and how to fix it.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// parked reports whether runs leave the document out until it changes, because it failed in three
	// of them.
	// +optional
	Parked bool `json:"parked,omitempty"`
}

// Building is an ingestion run in progress.
type Building struct {
	// generation is the fingerprint of the generation that the run builds or updates.
	// +required
	// +kubebuilder:validation:MaxLength=64
	Generation string `json:"generation"`

	// phase is Listing, Indexing, Removing or Done.
	// +required
	// +kubebuilder:validation:MaxLength=32
	Phase string `json:"phase"`

	// documentsDone is how many documents have been processed.
	// +optional
	DocumentsDone int64 `json:"documentsDone"`

	// documentsTotal is how many documents the sources list.
	// +optional
	DocumentsTotal int64 `json:"documentsTotal"`

	// chunksDone is how many chunks of these documents the run has written. Those of documents that
	// did not change are not among them.
	// +optional
	ChunksDone int64 `json:"chunksDone,omitempty"`

	// chunksTotal is about how many chunks the run has to embed for a new generation; it is absent if
	// nobody knows.
	// +optional
	ChunksTotal int64 `json:"chunksTotal,omitempty"`

	// chunksPerSecond is the rate of all workers together, a decimal number. Like the other figures, it
	// is as of the last whole per cent of the documents.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	ChunksPerSecond string `json:"chunksPerSecond,omitempty"`

	// estimatedEnd is when the documents will all be processed, at the rate so far.
	// +optional
	EstimatedEnd *metav1.Time `json:"estimatedEnd,omitempty"`

	// reason is one word for why the run is made: FirstIndex, RebuildRequested, ModelChanged,
	// ChunkingChanged, ExtractionChanged and OperatorUpgraded build a generation; DocumentsChanged and
	// ReadersChanged update the live one.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Reason string `json:"reason,omitempty"`

	// message has each field of the manifest that makes a new generation necessary, with its old and
	// its new value.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}
