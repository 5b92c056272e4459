package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

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
// ---
// The Secret is in the pipeline's namespace. The CRD repeats this type ten times, so its fields
// have trailing comments, which do not enter the CRD. The same holds for Resources, Scheduling and
// their parts.
type SecretKey struct {
	// +required
	Name ObjectName `json:"name"` // of the Secret

	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key"` // in the Secret
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
	// +required
	SecretKeyRef SecretKey `json:"secretKeyRef"`
}

// Resources are the compute resources of a container, as in a Pod.
type Resources struct {
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Requests map[string]resource.Quantity `json:"requests,omitempty"` // reserved on the node

	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Limits map[string]resource.Quantity `json:"limits,omitempty"` // upper bounds
}

// Scheduling constrains pods to nodes, as in a Pod.
type Scheduling struct {
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]LabelValue `json:"nodeSelector,omitempty"` // labels that the node must have

	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Tolerations []Toleration `json:"tolerations,omitempty"` // of taints

	// +optional
	// +listType=map
	// +listMapKey=topologyKey
	// +kubebuilder:validation:MaxItems=8
	TopologySpreadConstraints []TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"` // of each component
}

// LabelValue is a label's value.
//
// +kubebuilder:validation:MaxLength=63
type LabelValue string

// Toleration tolerates a taint.
type Toleration struct {
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Key string `json:"key,omitempty"` // of the taint; with operator Exists, an empty key matches every taint

	// +optional
	// +kubebuilder:default:=Equal
	// +kubebuilder:validation:Enum=Exists;Equal
	Operator string `json:"operator,omitempty"`

	// +optional
	Value LabelValue `json:"value,omitempty"`

	// +optional
	// +kubebuilder:validation:Enum=NoSchedule;PreferNoSchedule;NoExecute
	Effect string `json:"effect,omitempty"` // empty matches every effect

	// +optional
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"` // how long to tolerate NoExecute; nil means for ever
}

// TopologySpreadConstraint spreads pods.
// ---
// It spreads them over the values of a node label. The operator adds the component's own labels as
// its selector.
type TopologySpreadConstraint struct {
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	TopologyKey string `json:"topologyKey"`

	// +optional
	// +kubebuilder:default:=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	MaxSkew int32 `json:"maxSkew,omitempty"`

	// +optional
	// +kubebuilder:default:=ScheduleAnyway
	// +kubebuilder:validation:Enum=DoNotSchedule;ScheduleAnyway
	WhenUnsatisfiable string `json:"whenUnsatisfiable,omitempty"`
}
