package v1alpha1

// The condition types. All but Reconciling and Stalled are always present for what the spec has.
const (
	// ConditionReady: a question would be answered now.
	ConditionReady = "Ready"
	// ConditionEmbeddingReady: the embedding model answers.
	ConditionEmbeddingReady = "EmbeddingReady"
	// ConditionRerankingReady: the reranking model answers.
	ConditionRerankingReady = "RerankingReady"
	// ConditionLLMReady: the LLM answers.
	ConditionLLMReady = "LLMReady"
	// ConditionVectorStoreReady: the vector store answers.
	ConditionVectorStoreReady = "VectorStoreReady"
	// ConditionIndexReady: a generation is complete and serves.
	ConditionIndexReady = "IndexReady"
	// ConditionGatewayReady: the gateway takes questions.
	ConditionGatewayReady = "GatewayReady"
	// ConditionReconciling is present, and True, while the operator works towards the spec.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is present, and True, while nothing but the user can help. Never beside Reconciling.
	ConditionStalled = "Stalled"
)

// The reasons that the API promises. A component's condition also carries the model clients' own reasons.
const (
	// ReasonReady: everything that the spec has is ready.
	ReasonReady = "Ready"
	// ReasonDegraded: questions are answered without a stage that is down, as its failure policy says.
	ReasonDegraded = "Degraded"
	// ReasonSuspended: spec.suspend is true.
	ReasonSuspended = "Suspended"
	// ReasonConfigurationError: the spec asks for what cannot be.
	ReasonConfigurationError = "ConfigurationError"
	// ReasonNameTaken: an object that the pipeline needs exists and belongs to someone else.
	ReasonNameTaken = "NameTaken"
	// ReasonNoDocuments: the sources listed no document.
	ReasonNoDocuments = "NoDocuments"
	// ReasonAllDocumentsFailed: every document failed by itself.
	ReasonAllDocumentsFailed = "AllDocumentsFailed"
)
