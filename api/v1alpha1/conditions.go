package v1alpha1

// The condition types. Every condition but Reconciling and Stalled is set on every pass, for each
// component that the spec has.
const (
	// ConditionReady reports whether a question would be answered now.
	ConditionReady = "Ready"
	// ConditionEmbeddingReady reports whether the embedding model answers.
	ConditionEmbeddingReady = "EmbeddingReady"
	// ConditionRerankingReady reports whether the reranking model answers.
	ConditionRerankingReady = "RerankingReady"
	// ConditionLLMReady reports whether the LLM answers.
	ConditionLLMReady = "LLMReady"
	// ConditionVectorStoreReady reports whether the vector store answers.
	ConditionVectorStoreReady = "VectorStoreReady"
	// ConditionExtractionReady reports whether the extraction server answers. Ready does not depend on
	// it.
	ConditionExtractionReady = "ExtractionReady"
	// ConditionIndexReady reports whether a generation is complete and can be searched.
	ConditionIndexReady = "IndexReady"
	// ConditionGatewayReady reports whether the gateway accepts questions.
	ConditionGatewayReady = "GatewayReady"
	// ConditionRouteReady reports whether the route to the gateway, if the spec has one, is made and
	// accepted. Ready does not depend on it.
	ConditionRouteReady = "RouteReady"
	// ConditionReconciling is present, and True, while the operator works towards the spec or waits
	// for something that may resolve itself. Its lastTransitionTime is when its reason or
	// observedGeneration last changed, and so dates the cause.
	ConditionReconciling = "Reconciling"
	// ConditionStalled is present, and True, while only the user can help, or when a wait has
	// lasted so long that it appears so. It is never present together with Reconciling.
	ConditionStalled = "Stalled"
)

// The reasons that the API promises. A component's condition, and Ready, Reconciling and Stalled,
// which repeat it, also carry the failures of models and of the index that the data plane reports.
const (
	// ReasonReady means that the component works.
	ReasonReady = "Ready"
	// ReasonDegraded means that questions are answered without a stage that is down, as its failure
	// policy allows.
	ReasonDegraded = "Degraded"
	// ReasonSuspended means that spec.suspend is true.
	ReasonSuspended = "Suspended"

	// ReasonConfigurationError means that the operator cannot carry out the spec.
	ReasonConfigurationError = "ConfigurationError"
	// ReasonNameTaken means that an object of the name that the pipeline needs exists and has
	// another owner.
	ReasonNameTaken = "NameTaken"
	// ReasonWaiting means that an object must be deleted or changed before the operator can
	// continue.
	ReasonWaiting = "Waiting"
	// ReasonApplyFailed means that the API server rejected an object; the operator retries.
	ReasonApplyFailed = "ApplyFailed"

	// ReasonSecretNotFound means that a Secret that the spec names does not exist.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonSecretKeyNotFound means that a Secret lacks the key that the spec names.
	ReasonSecretKeyNotFound = "SecretKeyNotFound"
	// ReasonConfigMapNotFound means that a ConfigMap that the spec names does not exist.
	ReasonConfigMapNotFound = "ConfigMapNotFound"
	// ReasonConfigMapKeyNotFound means that a ConfigMap lacks the key that the spec names.
	ReasonConfigMapKeyNotFound = "ConfigMapKeyNotFound"
	// ReasonClaimNotFound means that the PersistentVolumeClaim of a source or a model cache does not exist.
	ReasonClaimNotFound = "ClaimNotFound"
	// ReasonIngressClassNotFound means that an IngressClass that the spec names does not exist.
	ReasonIngressClassNotFound = "IngressClassNotFound"
	// ReasonStorageClassNotFound means that a StorageClass that the spec names does not exist.
	ReasonStorageClassNotFound = "StorageClassNotFound"

	// ReasonStarting means that the component is being created or is starting.
	ReasonStarting = "Starting"
	// ReasonRollingOut means that a change is being rolled out.
	ReasonRollingOut = "RollingOut"
	// ReasonNotProbed means that no request has been sent to the component yet, so its state is
	// unknown.
	ReasonNotProbed = "NotProbed"
	// ReasonNotUsed means that no document has needed the extraction server yet.
	ReasonNotUsed = "NotUsed"
	// ReasonWaitingForIndex means that the gateway is running and will accept questions once the
	// first index is built.
	ReasonWaitingForIndex = "WaitingForIndex"
	// ReasonWaitingToIndex means that an ingestion run waits for the embedding model and the vector
	// store.
	ReasonWaitingToIndex = "WaitingToIndex"
	// ReasonQueued means that an upgrade of the operator has made an ingestion run due, which waits for
	// those of other pipelines.
	ReasonQueued = "Queued"
	// ReasonIndexing means that an ingestion run is in progress.
	ReasonIndexing = "Indexing"

	// ReasonInsufficientGPU means that no node has as many free GPUs as a model requests.
	ReasonInsufficientGPU = "InsufficientGPU"
	// ReasonUnschedulable means that no node fits a pod, for another cause.
	ReasonUnschedulable = "Unschedulable"
	// ReasonVolumeNotBound means that a pod waits for a volume that is not bound.
	ReasonVolumeNotBound = "VolumeNotBound"
	// ReasonVolumeResizing means that a volume grows to the size in the spec. Nothing is down meanwhile.
	ReasonVolumeResizing = "VolumeResizing"
	// ReasonVolumeResizeFailed means that a volume stays smaller than the spec says: the API server refuses
	// the larger claim, or its driver cannot expand the volume.
	ReasonVolumeResizeFailed = "VolumeResizeFailed"
	// ReasonImagePullFailed means that an image cannot be pulled.
	ReasonImagePullFailed = "ImagePullFailed"
	// ReasonCreateContainerConfigError means that the kubelet cannot create a container from its
	// configuration.
	ReasonCreateContainerConfigError = "CreateContainerConfigError"
	// ReasonCrashLoopBackOff means that a container keeps crashing.
	ReasonCrashLoopBackOff = "CrashLoopBackOff"
	// ReasonCertificateUnusable means that the gateway cannot use the certificate and key in the Secret of gateway.tls.
	ReasonCertificateUnusable = "CertificateUnusable"
	// ReasonOutOfMemory means that a container was killed at its memory limit.
	ReasonOutOfMemory = "OutOfMemory"
	// ReasonPodsRefused means that the API server or an admission policy refuses the pods: a quota, a limit
	// range, a security policy, a missing class or service account.
	ReasonPodsRefused = "PodsRefused"
	// ReasonEvicted means that a pod was evicted because its node ran low on resources.
	ReasonEvicted = "Evicted"
	// ReasonStartupTimedOut means that a model did not start within its startupTimeout, or another
	// component within 10 minutes.
	ReasonStartupTimedOut = "StartupTimedOut"

	// ReasonNoDocuments means that the sources contain no documents.
	ReasonNoDocuments = "NoDocuments"
	// ReasonAllDocumentsFailed means that every document failed.
	ReasonAllDocumentsFailed = "AllDocumentsFailed"
	// ReasonTooManyFailed means that more documents failed than spec.ingest.maxFailed allows. A new
	// index then does not go live; a live one stays so.
	ReasonTooManyFailed = "TooManyFailed"
	// ReasonVerificationFailed means that a new index does not hold what its ledger says, or does not find
	// it. It does not go live.
	ReasonVerificationFailed = "VerificationFailed"
	// ReasonSourcesIncomplete means that a source could not be listed completely.
	ReasonSourcesIncomplete = "SourcesIncomplete"
	// ReasonPruneHeldBack means that more documents of a source have vanished than spec.sync.maxPrune lets a
	// run remove. The index keeps them.
	ReasonPruneHeldBack = "PruneHeldBack"
	// ReasonRemovalUnproved means that the store still has something of documents that a run removed. No
	// answer has them; the operator retries.
	ReasonRemovalUnproved = "RemovalUnproved"
	// ReasonRunFailed means that an ingestion run failed for another cause; the operator retries
	// it.
	ReasonRunFailed = "RunFailed"
	// ReasonVectorStoreNotReady means that the index exists but cannot be searched while the vector
	// store is down.
	ReasonVectorStoreNotReady = "VectorStoreNotReady"
	// ReasonStageFailed means that a stage failed without a reason of its own.
	ReasonStageFailed = "StageFailed"
	// ReasonGatewayUnreadable means that the gateway's pods are ready but the operator cannot read
	// their reports.
	ReasonGatewayUnreadable = "GatewayUnreadable"
	// ReasonGatewayNotReady means that the gateway's pods are running but none of them accepts
	// questions.
	ReasonGatewayNotReady = "GatewayNotReady"
	// ReasonGatewayAPINotFound means that the cluster has no HTTPRoutes for spec.gateway.route.
	ReasonGatewayAPINotFound = "GatewayAPINotFound"
	// ReasonRouteNotAccepted means that no controller has taken the route to the gateway, or that one
	// refuses it.
	ReasonRouteNotAccepted = "RouteNotAccepted"
)
