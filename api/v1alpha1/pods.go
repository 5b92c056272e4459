package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
)

// ObjectName names an object.
// ---
// The object is in the pipeline's namespace, or is a cluster-scoped class.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`
type ObjectName string

// URL is an absolute http or https URL.
//
// +kubebuilder:validation:MaxLength=2048
// +kubebuilder:validation:XValidation:rule="isURL(self) && self.matches('^https?://[^/?#@ ]+(/[^?#@ ]*)?$')",message="must be an http or https URL without user, query or fragment: put a key into secretRef"
type URL string

// Image is a container image.
//
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:Pattern=`^\S+$`
type Image string

// VolumeSize is the size of a volume with its unit, such as 50Gi.
//
// +kubebuilder:validation:MaxLength=16
// +kubebuilder:validation:Pattern=`^[1-9][0-9]*([.][0-9]+)?[MGT]i?$`
type VolumeSize string

// Retention selects whether a volume outlives its pipeline: Retain keeps it for a new pipeline of
// the same name, Delete deletes it with the pipeline.
//
// +kubebuilder:validation:Enum=Retain;Delete
type Retention string

// SecretKey is an entry of a Secret.
type SecretKey struct {
	// name is the Secret's name, in the pipeline's namespace.
	// +required
	Name ObjectName `json:"name"`

	// key is the entry's key.
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key"`
}

// EnvVar is an environment variable, as in a Pod.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.value) && has(self.valueFrom))",message="set value or valueFrom, not both"
type EnvVar struct {
	// name is the variable's name.
	// +required
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_]*$`
	Name string `json:"name"`

	// value is the variable's value.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Value string `json:"value,omitempty"`

	// valueFrom.secretKeyRef refers to a key in a Secret.
	// +optional
	ValueFrom *EnvVarSource `json:"valueFrom,omitempty"`
}

// EnvVarSource selects the source of a variable's value.
type EnvVarSource struct {
	// secretKeyRef refers to a key in a Secret.
	// +required
	SecretKeyRef SecretKey `json:"secretKeyRef"`
}

// Resources are the compute resources of a container, as in a Pod.
type Resources struct {
	// requests are what the scheduler reserves.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Requests map[string]resource.Quantity `json:"requests,omitempty"`

	// limits bound what the container uses.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Limits map[string]resource.Quantity `json:"limits,omitempty"`
}

// Pods adapts the pods of a pipeline to the rules of its cluster.
type Pods struct {
	Pod `json:",inline"`

	// scheduling selects the nodes of all pods, beyond the scheduling of each component.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`

	// components adapt the pods of single components further. Their maps and lists add to those for all
	// pods, and their single values replace those for all pods.
	// +optional
	// +listType=map
	// +listMapKey=component
	// +kubebuilder:validation:MaxItems=8
	Components []ComponentPods `json:"components,omitempty"`
}

// ComponentPods adapts the pods of one component.
type ComponentPods struct {
	// component is the component whose pods these are: a model's server, Weaviate, the extraction
	// server, the gateway, or the Jobs of ingestion.
	// +required
	Component PodComponent `json:"component"`

	Pod `json:",inline"`
}

// PodComponent names a component.
//
// +kubebuilder:validation:Enum=Embedding;Reranking;LLM;StandIn;Weaviate;Extraction;Gateway;Ingest
type PodComponent string

// Pod is what pods have beyond what the operator gives them.
type Pod struct {
	// labels are further labels of the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.matches('^(.*[.])?ragpipeline[.]io/|^app[.]kubernetes[.]io/(name|instance|component|managed-by)$'))",message="the operator sets the labels app.kubernetes.io/name, instance, component and managed-by, and those of ragpipeline.io"
	Labels map[string]LabelValue `json:"labels,omitempty"`

	// annotations are further annotations of the pods.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.matches('^(.*[.])?ragpipeline[.]io/'))",message="the operator sets the annotations of ragpipeline.io"
	Annotations map[string]AnnotationValue `json:"annotations,omitempty"`

	// env lists further environment variables of the containers. A variable of the operator's wins.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Env []EnvVar `json:"env,omitempty"`

	// imagePullSecrets name the Secrets for the registries of the images.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	ImagePullSecrets []ObjectName `json:"imagePullSecrets,omitempty"`

	// serviceAccountName is the service account of the pods. If unset, the operator makes one for each
	// component. Its token is not mounted.
	// +optional
	ServiceAccountName ObjectName `json:"serviceAccountName,omitempty"`

	// priorityClassName is the PriorityClass of the pods.
	// +optional
	PriorityClassName ObjectName `json:"priorityClassName,omitempty"`

	// schedulerName is the scheduler that places the pods.
	// +optional
	SchedulerName ObjectName `json:"schedulerName,omitempty"`

	// affinity is the affinity of the pods, as in a Pod.
	// +optional
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	Affinity *runtime.RawExtension `json:"affinity,omitempty"`

	// user selects who chooses the user and the groups of the processes: Image takes those that the
	// image is made for; Cluster sets none, as OpenShift requires.
	// +optional
	User PodUser `json:"user,omitempty"`
}

// PodUser selects who chooses the user and the groups of processes.
//
// +kubebuilder:validation:Enum=Image;Cluster
type PodUser string

// AnnotationValue is the value of an annotation.
//
// +kubebuilder:validation:MaxLength=4096
type AnnotationValue string

// Scheduling constrains pods to nodes, as in a Pod.
type Scheduling struct {
	// nodeSelector lists labels of the nodes.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]LabelValue `json:"nodeSelector,omitempty"`

	// tolerations list taints that the pods tolerate.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Tolerations []Toleration `json:"tolerations,omitempty"`

	// topologySpreadConstraints spread the pods over nodes or zones.
	// +optional
	// +listType=map
	// +listMapKey=topologyKey
	// +kubebuilder:validation:MaxItems=8
	TopologySpreadConstraints []TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
}

// LabelValue is a label's value.
//
// +kubebuilder:validation:MaxLength=63
type LabelValue string

// Toleration tolerates a taint.
type Toleration struct {
	// key is the taint's key. If unset, with Exists, every key matches.
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Key string `json:"key,omitempty"`

	// operator compares values (Equal), or ignores them (Exists).
	// +optional
	// +kubebuilder:default:=Equal
	// +kubebuilder:validation:Enum=Exists;Equal
	Operator string `json:"operator,omitempty"`

	// value is the taint's value.
	// +optional
	Value LabelValue `json:"value,omitempty"`

	// effect is the taint's effect. If unset, every effect matches.
	// +optional
	// +kubebuilder:validation:Enum=NoSchedule;PreferNoSchedule;NoExecute
	Effect string `json:"effect,omitempty"`

	// tolerationSeconds limits a pod's stay on a node with a NoExecute taint.
	// +optional
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"`
}

// TopologySpreadConstraint spreads pods over a node label's values.
// ---
// The operator adds the component's own labels as its selector.
type TopologySpreadConstraint struct {
	// topologyKey is the node label, such as topology.kubernetes.io/zone.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	TopologyKey string `json:"topologyKey"`

	// maxSkew bounds how far the values' numbers of pods differ.
	// +optional
	// +kubebuilder:default:=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	MaxSkew int32 `json:"maxSkew,omitempty"`

	// whenUnsatisfiable leaves the pod pending (DoNotSchedule) or places it anyway (ScheduleAnyway).
	// +optional
	// +kubebuilder:default:=ScheduleAnyway
	// +kubebuilder:validation:Enum=DoNotSchedule;ScheduleAnyway
	WhenUnsatisfiable string `json:"whenUnsatisfiable,omitempty"`
}
