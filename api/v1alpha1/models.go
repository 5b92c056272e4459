package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Models are the models of a pipeline.
type Models struct {
	// embedding turns passages and questions into vectors. A change of its name, dimensions or prefixes
	// builds a new index beside the live one.
	// +required
	Embedding EmbeddingModel `json:"embedding"`

	// reranking orders the candidates. Without it the fused order holds.
	// +optional
	Reranking *Model `json:"reranking,omitempty"`

	// llm answers. Without it the pipeline retrieves only.
	// +optional
	LLM *LLM `json:"llm,omitempty"`
}

// Model is where a model is served.
//
// +kubebuilder:validation:XValidation:rule="[has(self.nim), has(self.endpoint), has(self.standIn)].filter(x, x).size() == 1",message="a model needs exactly one of nim, endpoint and standIn"
type Model struct {
	// nim runs the model in the cluster, on GPUs.
	// +optional
	NIM *NIM `json:"nim,omitempty"`

	// endpoint calls a server that exists, hosted or your own.
	// +optional
	Endpoint *Endpoint `json:"endpoint,omitempty"`

	// standIn is a CPU stand-in, for trying out and tests, never for quality.
	// +optional
	StandIn *StandIn `json:"standIn,omitempty"`
}

// EmbeddingModel is the model that turns text into vectors.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.queryPrefix) || has(self.passagePrefix)) || (has(self.endpoint) && self.endpoint.protocol == 'OpenAI')",message="queryPrefix and passagePrefix are for an endpoint with protocol OpenAI; a NIM is told which is which: remove them or set endpoint.protocol"
type EmbeddingModel struct {
	Model `json:",inline"`

	// dimensions asks for vectors of that length; not every model can. Without it the model decides.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=16384
	Dimensions *int32 `json:"dimensions,omitempty"`

	// queryPrefix is put before a question, as some models want it, such as "search_query: ".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	QueryPrefix string `json:"queryPrefix,omitempty"`

	// passagePrefix is put before a passage, such as "search_document: ".
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	PassagePrefix string `json:"passagePrefix,omitempty"`
}

// LLM is the model that answers.
type LLM struct {
	Model `json:",inline"`

	// contextWindow is the model's limit in tokens, prompt and answer together.
	// +optional
	// +kubebuilder:default:=8192
	// +kubebuilder:validation:Minimum=1024
	// +kubebuilder:validation:Maximum=10000000
	ContextWindow int32 `json:"contextWindow,omitempty"`

	// extraBody is merged into every request to the model, for what its server takes beyond the OpenAI API.
	// The gateway's own fields win.
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	ExtraBody *runtime.RawExtension `json:"extraBody,omitempty"`
}

// StandIn has no settings.
type StandIn struct{}

// ModelName is the name in a request's `model`.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=256
type ModelName string

// Protocol is the HTTP API of a model server.
//
// +kubebuilder:validation:Enum=NIM;OpenAI
type Protocol string

// Endpoint is a model server that exists.
type Endpoint struct {
	// url is the base that ends in /v1, or a NIM's full /ranking, /reranking or /rerank URL.
	// +required
	URL URL `json:"url"`

	// model is its name in requests.
	// +required
	Model ModelName `json:"model"`

	// secretRef is the API key: name and key of a Secret.
	// +optional
	SecretRef *SecretKey `json:"secretRef,omitempty"`

	// protocol of the server.
	// +optional
	// +kubebuilder:default:=NIM
	Protocol Protocol `json:"protocol,omitempty"`

	// probe calls an idle model once a minute.
	// +optional
	// +kubebuilder:default:=true
	Probe *bool `json:"probe,omitempty"`
}

// NIM is a model that the operator runs.
//
// +kubebuilder:validation:XValidation:rule="!has(self.replicas) || self.replicas == 1 || !has(self.cache) || self.cache.accessMode == 'ReadWriteMany'",message="several replicas need cache.accessMode ReadWriteMany, or no cache"
type NIM struct {
	// image of the NIM.
	// +required
	Image Image `json:"image"`

	// model is its name in requests.
	// +required
	Model ModelName `json:"model"`

	// gpu is what a replica gets.
	// +optional
	// +kubebuilder:default:={}
	GPU GPU `json:"gpu,omitzero"`

	// resources beside the GPUs, as in a Pod.
	// +optional
	Resources *Resources `json:"resources,omitempty"`

	// authSecretRef is the NGC key: name and key of a Secret.
	// +optional
	AuthSecretRef *SecretKey `json:"authSecretRef,omitempty"`

	// pullSecrets are Secrets for the registry.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	PullSecrets []ObjectName `json:"pullSecrets,omitempty"`

	// env wins over the operator's own.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Env []EnvVar `json:"env,omitempty"`

	// startupTimeout includes the model's download.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:default:="30m"
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+[smh])+$') && duration(self) >= duration('1m') && duration(self) <= duration('24h')",message="must be a duration from 1m to 24h, such as 45m"
	StartupTimeout *metav1.Duration `json:"startupTimeout,omitempty"`

	// cache keeps the downloaded model.
	// +optional
	Cache *Cache `json:"cache,omitempty"`

	// replicas, or unset for an autoscaler.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Replicas *int32 `json:"replicas,omitempty"`

	// runtimeClassName of the pods.
	// +optional
	RuntimeClassName ObjectName `json:"runtimeClassName,omitempty"`

	// priorityClassName of the pods.
	// +optional
	PriorityClassName ObjectName `json:"priorityClassName,omitempty"`

	// scheduling of the pods, as in a Pod.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`
}

// GPU is what a replica asks of the device plugin.
type GPU struct {
	// count of GPUs.
	// +optional
	// +kubebuilder:default:=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=16
	Count *int32 `json:"count,omitempty"`

	// resourceName of a GPU or a slice of one.
	// +optional
	// +kubebuilder:default:="nvidia.com/gpu"
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?/[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$`
	ResourceName string `json:"resourceName,omitempty"`
}

// AccessMode is how many nodes may mount a volume.
//
// +kubebuilder:validation:Enum=ReadWriteOnce;ReadWriteMany
type AccessMode string

// Cache is a volume for a downloaded model.
type Cache struct {
	// size of the volume.
	// +required
	Size VolumeSize `json:"size"`

	// storageClassName; unset, the default.
	// +optional
	StorageClassName ObjectName `json:"storageClassName,omitempty"`

	// accessMode of the volume.
	// +optional
	// +kubebuilder:default:=ReadWriteOnce
	AccessMode AccessMode `json:"accessMode,omitempty"`

	// whenDeleted: it stays or goes.
	// +optional
	// +kubebuilder:default:=Retain
	WhenDeleted Retention `json:"whenDeleted,omitempty"`
}
