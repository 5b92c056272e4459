package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RAGPipeline declares documents, how they are split and indexed, and the models that retrieve and
// answer.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=rag
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Documents",type=integer,JSONPath=`.status.index.documents`
// +kubebuilder:printcolumn:name="Chunks",type=integer,JSONPath=`.status.index.chunks`
// +kubebuilder:printcolumn:name="Building",type=string,JSONPath=`.status.index.building.phase`
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.status.endpoint`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Synced",type=date,JSONPath=`.status.index.lastSyncTime`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')",message="metadata.name must be a DNS label of at most 40 characters that starts with a letter: use lower-case letters, digits and hyphens"
type RAGPipeline struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is the desired state of the pipeline.
	// +required
	Spec RAGPipelineSpec `json:"spec"`

	// status is the state of the pipeline as the operator last observed it.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status RAGPipelineStatus `json:"status,omitzero"`
}

// RAGPipelineList is a list of RAGPipelines.
//
// +kubebuilder:object:root=true
type RAGPipelineList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitzero"`
	Items           []RAGPipeline `json:"items"`
}

// RAGPipelineSpec is the desired state of a pipeline.
//
// +kubebuilder:validation:XValidation:rule="!has(self.models.llm) || self.gateway.maxTokens < self.models.llm.contextWindow",message="gateway.maxTokens must be less than models.llm.contextWindow, because prompt and answer share it: lower maxTokens or raise contextWindow"
// +kubebuilder:validation:XValidation:rule="!has(self.retrieval.rewrite) || has(self.models.llm)",fieldPath=".retrieval.rewrite",message="retrieval.rewrite needs an LLM to rewrite questions: set models.llm, or remove retrieval.rewrite"
// +kubebuilder:validation:XValidation:rule="!(self.retrieval.mode == 'Vector' && self.failurePolicy.embedding == 'Degrade')",message="failurePolicy.embedding Degrade answers by keyword alone, which retrieval.mode Vector excludes: set mode Hybrid, or failurePolicy.embedding Fail"
// +kubebuilder:validation:XValidation:rule="self.ingest.workers == 1 || !self.documents.exists(d, has(d.container))",fieldPath=".ingest.workers",message="ingest.workers must be 1 with a container source, which fills the volume of one pod: remove workers, or give that source a pipeline of its own"
type RAGPipelineSpec struct {
	// documents lists the sources of the pipeline's documents.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Documents []Source `json:"documents"`

	// sync configures when runs bring the index up to date with its sources, and what they remove.
	// +optional
	// +kubebuilder:default:={}
	Sync Sync `json:"sync,omitzero"`

	// extraction configures a server that reads documents which the built-in readers cannot. If unset,
	// these fail.
	// +optional
	Extraction *Extraction `json:"extraction,omitempty"`

	// chunking configures how documents are split into chunks. If it changes, the operator builds a
	// new index beside the live one.
	// +optional
	// +kubebuilder:default:={}
	Chunking Chunking `json:"chunking,omitzero"`

	// retrieval configures how passages are found for a question.
	// +optional
	// +kubebuilder:default:={}
	Retrieval Retrieval `json:"retrieval,omitzero"`

	// models configures the models that embed, rerank and answer.
	// +required
	Models Models `json:"models"`

	// vectorStore selects where the index is stored. Its kind cannot change. `ragpipeline run` uses
	// a local index instead.
	// +required
	VectorStore VectorStore `json:"vectorStore"`

	// index configures what is kept of an index that another one has replaced.
	// +optional
	// +kubebuilder:default:={}
	Index Index `json:"index,omitzero"`

	// ingest configures ingestion runs, which read documents into the index.
	// +optional
	// +kubebuilder:default:={}
	Ingest Ingest `json:"ingest,omitzero"`

	// gateway configures the server that answers questions.
	// +optional
	// +kubebuilder:default:={}
	Gateway Gateway `json:"gateway,omitzero"`

	// failurePolicy selects the reply to a question while a stage is down.
	// +optional
	// +kubebuilder:default:={}
	FailurePolicy FailurePolicy `json:"failurePolicy,omitzero"`

	// network configures how the pods reach servers outside the cluster. `ragpipeline run` uses the
	// variables of its own environment.
	// +optional
	Network *Network `json:"network,omitempty"`

	// pods adapts the pods of the pipeline to the rules of its cluster.
	// +optional
	Pods *Pods `json:"pods,omitempty"`

	// suspend stops new runs and changes. The index and the pods that exist continue to serve.
	// +optional
	// +kubebuilder:default:=false
	Suspend bool `json:"suspend,omitempty"`
}
