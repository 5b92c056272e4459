package v1alpha1

// Mode is the legs that retrieval uses.
//
// +kubebuilder:validation:Enum=Hybrid;Vector;Keyword
type Mode string

// Retrieval is how the passages for a question are found.
//
// +kubebuilder:validation:XValidation:rule="!has(self.topN) || !has(self.k) || self.topN <= self.k",fieldPath=".topN",message="topN must be at most k, from which it is chosen: lower topN or raise k"
type Retrieval struct {
	// mode is Hybrid (vectors and keywords, fused), Vector or Keyword.
	// +optional
	// +kubebuilder:default:=Hybrid
	Mode Mode `json:"mode,omitempty"`

	// k is how many candidates are reranked.
	// +optional
	// +kubebuilder:default:=45
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=400
	K int32 `json:"k,omitempty"`

	// topN is how many passages reach the LLM.
	// +optional
	// +kubebuilder:default:=5
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=25
	TopN int32 `json:"topN,omitempty"`

	// alpha is the weight of the vectors in Hybrid mode, from "0" to "1"; the keywords have the rest.
	// +optional
	// +kubebuilder:default:="0.5"
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]([.][0-9]+)?$') && double(self) <= 1.0",message="alpha must be a decimal number from \"0\" to \"1\" in quotes, such as \"0.5\""
	Alpha string `json:"alpha,omitempty"`
}

// Policy is what a question gets while a stage is down: an error (Fail), or what the other stages can give,
// with a warning (Degrade).
//
// +kubebuilder:validation:Enum=Degrade;Fail
type Policy string

// FailurePolicy is the policy of each stage.
type FailurePolicy struct {
	// embedding Degrade finds passages by keyword alone.
	// +optional
	// +kubebuilder:default:=Fail
	Embedding Policy `json:"embedding,omitempty"`

	// reranking Degrade keeps the fused order.
	// +optional
	// +kubebuilder:default:=Degrade
	Reranking Policy `json:"reranking,omitempty"`

	// llm Degrade returns the passages without an answer.
	// +optional
	// +kubebuilder:default:=Fail
	LLM Policy `json:"llm,omitempty"`
}
