package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Models configures the models of a pipeline.
type Models struct {
	// embedding is the model that turns passages and questions into vectors. If its name,
	// dimensions or prefixes change, the operator builds a new index beside the live one.
	// +required
	Embedding EmbeddingModel `json:"embedding"`

	// reranking is the model that reorders the candidates. If unset, they keep the order of
	// retrieval.
	// +optional
	Reranking *Model `json:"reranking,omitempty"`

	// llm is the model that answers. If unset, the pipeline only retrieves.
	// +optional
	LLM *LLM `json:"llm,omitempty"`
}

// Model selects how a model is served.
//
// +kubebuilder:validation:XValidation:rule="[has(self.nim), has(self.endpoint), has(self.standIn)].filter(x, x).size() == 1",message="a model needs exactly one of nim, endpoint and standIn"
type Model struct {
	// nim runs the model in the cluster, on GPUs.
	// +optional
	NIM *NIM `json:"nim,omitempty"`

	// endpoint uses an existing model server, hosted or self-run.
	// +optional
	Endpoint *Endpoint `json:"endpoint,omitempty"`

	// standIn uses a CPU stand-in, for trials and tests, not for quality.
	// +optional
	StandIn *StandIn `json:"standIn,omitempty"`
}

// EmbeddingModel is the model that turns text into vectors.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.queryPrefix) || has(self.passagePrefix)) || (has(self.endpoint) && self.endpoint.protocol == 'OpenAI')",message="queryPrefix and passagePrefix are for an endpoint with protocol OpenAI; a NIM distinguishes queries from passages itself: remove them or set endpoint.protocol"
type EmbeddingModel struct {
	Model `json:",inline"`

	// dimensions is the length of vectors to request, which not every model supports. If unset, the
	// model's own.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=16384
	Dimensions *int32 `json:"dimensions,omitempty"`

	// queryPrefix is prepended to each question, as some models require, such as "search_query: ".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	QueryPrefix string `json:"queryPrefix,omitempty"`

	// passagePrefix is prepended to each passage, such as "search_document: ".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	PassagePrefix string `json:"passagePrefix,omitempty"`
}

// LLM is the model that answers.
type LLM struct {
	Model `json:",inline"`

	// contextWindow is the model's limit for prompt and answer together, in tokens.
	// +optional
	// +kubebuilder:default:=8192
	// +kubebuilder:validation:Minimum=1024
	// +kubebuilder:validation:Maximum=10000000
	ContextWindow int32 `json:"contextWindow,omitempty"`

	// extraBody is merged into every request to the model, for parameters beyond the OpenAI API.
	// Fields that the gateway sets take precedence; null removes one of them.
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	ExtraBody *runtime.RawExtension `json:"extraBody,omitempty"`
}

// StandIn has no fields.
type StandIn struct{}

// ModelName is the value of `model` in requests.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=256
type ModelName string

// Protocol is the HTTP API that a model server speaks.
//
// +kubebuilder:validation:Enum=NIM;OpenAI
type Protocol string

// Endpoint is an existing model server.
type Endpoint struct {
	// url is the base URL ending in /v1, or a NIM's full /ranking, /reranking or /rerank URL.
	// +required
	URL URL `json:"url"`

	// model is the model's name in requests.
	// +required
	Model ModelName `json:"model"`

	// secretRef refers to the API key in a Secret.
	// +optional
	SecretRef *SecretKey `json:"secretRef,omitempty"`

	// protocol is the server's API.
	// +optional
	// +kubebuilder:default:=NIM
	Protocol Protocol `json:"protocol,omitempty"`

	// probe enables a check of the idle model once a minute.
	// +optional
	// +kubebuilder:default:=true
	Probe *bool `json:"probe,omitempty"`
}

// NIM is a model server that the operator runs.
//
// +kubebuilder:validation:XValidation:rule="!has(self.replicas) || self.replicas == 1 || !has(self.cache) || has(self.cache.claimName) || self.cache.accessMode == 'ReadWriteMany'",message="more than one replica needs cache.accessMode ReadWriteMany, cache.claimName, or no cache"
type NIM struct {
	// image is the NIM's container image.
	// +required
	Image Image `json:"image"`

	// model is the model's name in requests.
	// +required
	Model ModelName `json:"model"`

	// gpu is each replica's GPU request.
	// +optional
	// +kubebuilder:default:={}
	GPU GPU `json:"gpu,omitzero"`

	// resources are each replica's, besides GPUs, as in a Pod.
	// +optional
	Resources *Resources `json:"resources,omitempty"`

	// authSecretRef refers to the NGC API key in a Secret.
	// +optional
	AuthSecretRef *SecretKey `json:"authSecretRef,omitempty"`

	// pullSecrets are the Secrets for the image's registry.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	PullSecrets []ObjectName `json:"pullSecrets,omitempty"`

	// env overrides the operator's own variables.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Env []EnvVar `json:"env,omitempty"`

	// command replaces the image's entrypoint.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Command []Argument `json:"command,omitempty"`

	// args replace the image's arguments.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Args []Argument `json:"args,omitempty"`

	// sharedMemory is the most that /dev/shm may hold. If unset, 16Gi.
	// +optional
	SharedMemory VolumeSize `json:"sharedMemory,omitempty"`

	// startupTimeout includes the download of the model.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:default:="30m"
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+[smh])+$') && duration(self) >= duration('1m') && duration(self) <= duration('24h')",message="must be a duration from 1m to 24h, such as 45m"
	StartupTimeout *metav1.Duration `json:"startupTimeout,omitempty"`

	// cache is a volume that keeps the downloaded model.
	// +optional
	Cache *Cache `json:"cache,omitempty"`

	// replicas is the number of pods. Leave it unset for an autoscaler.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Replicas *int32 `json:"replicas,omitempty"`

	// runtimeClassName is the pods' RuntimeClass.
	// +optional
	RuntimeClassName ObjectName `json:"runtimeClassName,omitempty"`

	// priorityClassName is the pods' PriorityClass.
	// +optional
	PriorityClassName ObjectName `json:"priorityClassName,omitempty"`

	// scheduling selects the pods' nodes, as in a Pod.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`
}

// GPU is the GPU request of a replica.
type GPU struct {
	// count is the number of GPUs.
	// +optional
	// +kubebuilder:default:=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=16
	Count *int32 `json:"count,omitempty"`

	// resourceName is the resource of a GPU or of a slice of one.
	// +optional
	// +kubebuilder:default:="nvidia.com/gpu"
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$`
	ResourceName string `json:"resourceName,omitempty"`
}

// AccessMode sets how many nodes can mount a volume.
//
// +kubebuilder:validation:Enum=ReadWriteOnce;ReadWriteMany
type AccessMode string

// Cache is a volume that keeps a downloaded model: one of the pipeline's own, of a size, or an existing one.
//
// +kubebuilder:validation:XValidation:rule="has(self.size) != has(self.claimName)",message="cache needs exactly one of size and claimName"
// +kubebuilder:validation:XValidation:rule="has(self.claimName) ? !has(self.storageClassName) && self.accessMode == 'ReadWriteOnce' && self.whenDeleted == 'Retain' : !has(self.subPath)",message="storageClassName, accessMode and whenDeleted go with size, subPath with claimName"
type Cache struct {
	// size is the volume's size.
	// +optional
	Size VolumeSize `json:"size,omitempty"`

	// storageClassName names the StorageClass. If unset, the cluster's default is used.
	// +optional
	StorageClassName ObjectName `json:"storageClassName,omitempty"`

	// accessMode is the volume's access mode.
	// +optional
	// +kubebuilder:default:=ReadWriteOnce
	AccessMode AccessMode `json:"accessMode,omitempty"`

	// whenDeleted retains or deletes the volume.
	// +optional
	// +kubebuilder:default:=Retain
	WhenDeleted Retention `json:"whenDeleted,omitempty"`

	// claimName names an existing claim with the model, which the pods only read.
	// +optional
	ClaimName ObjectName `json:"claimName,omitempty"`

	// subPath is the model's directory on that claim.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="!self.startsWith('/') && !self.contains('..')",message="must be relative, without .."
	SubPath string `json:"subPath,omitempty"`
}
