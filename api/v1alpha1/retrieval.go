package v1alpha1

// Mode selects the retrievers: vector search, keyword search, or both.
//
// +kubebuilder:validation:Enum=Hybrid;Vector;Keyword
type Mode string

// Retrieval configures how passages are found for a question.
//
// +kubebuilder:validation:XValidation:rule="!has(self.topN) || !has(self.k) || self.topN <= self.k",fieldPath=".topN",message="topN must be at most k, because passages are chosen from k candidates: lower topN or raise k"
type Retrieval struct {
	// mode selects the retrievers: Hybrid (vector and keyword search, fused), Vector or Keyword.
	// +optional
	// +kubebuilder:default:=Hybrid
	Mode Mode `json:"mode,omitempty"`

	// k is the number of candidates that are reranked.
	// +optional
	// +kubebuilder:default:=45
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=400
	K int32 `json:"k,omitempty"`

	// topN is the number of passages that are put before the LLM. It must be at most k.
	// +optional
	// +kubebuilder:default:=5
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=25
	TopN int32 `json:"topN,omitempty"`

	// alpha is the weight of vector search in Hybrid mode, from "0" to "1"; keyword search has the
	// rest.
	// +optional
	// +kubebuilder:default:="0.5"
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]([.][0-9]+)?$') && double(self) <= 1.0",message="alpha must be a decimal number from \"0\" to \"1\" in quotes, such as \"0.5\""
	Alpha string `json:"alpha,omitempty"`

	// rewrite lets the LLM turn the last question of a conversation into one that stands on its own,
	// by one more call, and searches for that. If unset, retrieval sees the last questions together.
	// +optional
	Rewrite *Rewrite `json:"rewrite,omitempty"`
}

// Rewrite has no fields.
type Rewrite struct{}

// Policy selects the reply to a question while a stage is down: an error (Fail), or the best reply
// that the other stages can give, with a warning (Degrade).
//
// +kubebuilder:validation:Enum=Degrade;Fail
type Policy string

// FailurePolicy sets the policy of each stage.
type FailurePolicy struct {
	// embedding is the policy for the embedding model. Degrade finds passages by keyword alone.
	// +optional
	// +kubebuilder:default:=Fail
	Embedding Policy `json:"embedding,omitempty"`

	// reranking is the policy for the reranking model. Degrade keeps the order of retrieval.
	// +optional
	// +kubebuilder:default:=Degrade
	Reranking Policy `json:"reranking,omitempty"`

	// llm is the policy for the LLM. Degrade returns the passages without an answer.
	// +optional
	// +kubebuilder:default:=Fail
	LLM Policy `json:"llm,omitempty"`
}
