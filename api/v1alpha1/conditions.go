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
	// ConditionReconciling is present, and True, while the operator works towards the spec or waits for what may
	// come by itself. Its lastTransitionTime is when its reason or observedGeneration last changed: the cause is
	// as old as that.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is present, and True, while nothing but the user can help, or seems so after a long wait.
	// Never beside Reconciling.
	ConditionStalled = "Stalled"
)

// The reasons that the API promises. A component's condition, and Ready, Reconciling and Stalled after it, also
// carry the reasons that the data plane gives: the kinds of failure of a model and the codes of the index.
const (
	// ReasonReady: it is ready.
	ReasonReady = "Ready"
	// ReasonDegraded: questions are answered without a stage that is down, as its failure policy says.
	ReasonDegraded = "Degraded"
	// ReasonSuspended: spec.suspend is true.
	ReasonSuspended = "Suspended"

	// ReasonConfigurationError: the spec asks for what cannot be.
	ReasonConfigurationError = "ConfigurationError"
	// ReasonNameTaken: an object that the pipeline needs exists and belongs to someone else.
	ReasonNameTaken = "NameTaken"
	// ReasonWaiting: an object has to go or to change before the operator can go on.
	ReasonWaiting = "Waiting"
	// ReasonApplyFailed: the API server did not take an object; the operator tries again.
	ReasonApplyFailed = "ApplyFailed"

	// ReasonSecretNotFound: a Secret that the spec names does not exist.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonSecretKeyNotFound: a Secret lacks the key that the spec names.
	ReasonSecretKeyNotFound = "SecretKeyNotFound"
	// ReasonConfigMapNotFound: a ConfigMap that is a source does not exist.
	ReasonConfigMapNotFound = "ConfigMapNotFound"
	// ReasonClaimNotFound: a PersistentVolumeClaim that is a source does not exist.
	ReasonClaimNotFound = "ClaimNotFound"
	// ReasonStorageClassNotFound: a StorageClass that the spec names does not exist.
	ReasonStorageClassNotFound = "StorageClassNotFound"

	// ReasonStarting: it is being created, or starts.
	ReasonStarting = "Starting"
	// ReasonRollingOut: a change is being rolled out.
	ReasonRollingOut = "RollingOut"
	// ReasonNotProbed: nobody has asked it yet, so its state is not known.
	ReasonNotProbed = "NotProbed"
	// ReasonWaitingForIndex: the gateway runs, and starts to answer when the first index is built.
	ReasonWaitingForIndex = "WaitingForIndex"
	// ReasonWaitingToIndex: an ingestion run waits for the embedding model and the vector store.
	ReasonWaitingToIndex = "WaitingToIndex"
	// ReasonIndexing: an ingestion run is in progress.
	ReasonIndexing = "Indexing"

	// ReasonInsufficientGPU: no node has the GPUs free that a model asks for.
	ReasonInsufficientGPU = "InsufficientGPU"
	// ReasonUnschedulable: a pod fits on no node for another cause.
	ReasonUnschedulable = "Unschedulable"
	// ReasonVolumeNotBound: a pod waits for a volume that nothing provides.
	ReasonVolumeNotBound = "VolumeNotBound"
	// ReasonImagePullFailed: an image cannot be pulled.
	ReasonImagePullFailed = "ImagePullFailed"
	// ReasonCreateContainerConfigError: a container cannot be made of its configuration.
	ReasonCreateContainerConfigError = "CreateContainerConfigError"
	// ReasonCrashLoopBackOff: a container ends again and again.
	ReasonCrashLoopBackOff = "CrashLoopBackOff"
	// ReasonOutOfMemory: a container was killed at its memory limit.
	ReasonOutOfMemory = "OutOfMemory"
	// ReasonEvicted: a node that ran short of resources has put a pod out.
	ReasonEvicted = "Evicted"
	// ReasonStartupTimedOut: a model has not started within its startupTimeout, or another part within 10 minutes.
	ReasonStartupTimedOut = "StartupTimedOut"

	// ReasonNoDocuments: the sources listed no document.
	ReasonNoDocuments = "NoDocuments"
	// ReasonAllDocumentsFailed: every document failed by itself.
	ReasonAllDocumentsFailed = "AllDocumentsFailed"
	// ReasonSourcesIncomplete: a source could not be listed whole.
	ReasonSourcesIncomplete = "SourcesIncomplete"
	// ReasonRunFailed: an ingestion run failed for another cause; another follows.
	ReasonRunFailed = "RunFailed"
	// ReasonVectorStoreNotReady: there is an index, and it cannot be searched while the vector store is down.
	ReasonVectorStoreNotReady = "VectorStoreNotReady"
	// ReasonStageFailed: a stage failed, and did not say in one word why.
	ReasonStageFailed = "StageFailed"
	// ReasonGatewayUnreadable: the gateway's pods are ready, and the operator cannot read what they report.
	ReasonGatewayUnreadable = "GatewayUnreadable"
	// ReasonGatewayNotReady: the gateway's pods run, and none of them takes questions.
	ReasonGatewayNotReady = "GatewayNotReady"
)
