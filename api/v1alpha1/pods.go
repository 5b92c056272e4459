package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// ObjectName is the name of an object in the pipeline's namespace, or of a class in the cluster.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`
type ObjectName string

// URL is an absolute http or https URL.
//
// +kubebuilder:validation:MaxLength=2048
// +kubebuilder:validation:XValidation:rule="isURL(self) && self.matches('^https?://[^/?#@ ]+(/[^?#@ ]*)?$')",message="must be an http or https URL without user, query or fragment: a key belongs in secretRef"
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

// Retention says whether a volume outlives the pipeline: kept, and taken up again by a pipeline of the same
// name, or deleted with it.
//
// +kubebuilder:validation:Enum=Retain;Delete
type Retention string

// SecretKey is an entry of a Secret in the pipeline's namespace.
type SecretKey struct {
	// name of a Secret.
	// +required
	Name ObjectName `json:"name"`

	// key in it.
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key"`
}

// EnvVar as in a Pod.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.value) && has(self.valueFrom))",message="set value or valueFrom, not both"
type EnvVar struct {
	// name of the variable.
	// +required
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[A-Za-z_][A-Za-z0-9_]*$`
	Name string `json:"name"`

	// value, nothing secret.
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	Value string `json:"value,omitempty"`

	// valueFrom a Secret.
	// +optional
	ValueFrom *EnvVarSource `json:"valueFrom,omitempty"`
}

// EnvVarSource is where a variable's value comes from.
type EnvVarSource struct {
	// secretKeyRef is the entry.
	// +required
	SecretKeyRef SecretKey `json:"secretKeyRef"`
}

// Resources are what a container asks for and may use, by resource name.
type Resources struct {
	// requests are set aside.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Requests map[string]resource.Quantity `json:"requests,omitempty"`

	// limits are the most it may use.
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Limits map[string]resource.Quantity `json:"limits,omitempty"`
}

// Scheduling is where pods may run.
type Scheduling struct {
	// nodeSelector are labels of the node.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	NodeSelector map[string]LabelValue `json:"nodeSelector,omitempty"`

	// tolerations of taints.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Tolerations []Toleration `json:"tolerations,omitempty"`

	// topologySpreadConstraints of its pods.
	// +optional
	// +listType=map
	// +listMapKey=topologyKey
	// +kubebuilder:validation:MaxItems=8
	TopologySpreadConstraints []TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`
}

// LabelValue is the value of a label.
//
// +kubebuilder:validation:MaxLength=63
type LabelValue string

// Toleration tolerates a taint, as in a Pod.
// ---
// Its fields have trailing comments, which do not enter the CRD: it holds this type five times.
type Toleration struct {
	// +optional
	// +kubebuilder:validation:MaxLength=317
	Key string `json:"key,omitempty"` // of the taint; empty with operator Exists: every taint

	// +optional
	// +kubebuilder:default:=Equal
	// +kubebuilder:validation:Enum=Exists;Equal
	Operator string `json:"operator,omitempty"`

	// +optional
	Value LabelValue `json:"value,omitempty"`

	// +optional
	// +kubebuilder:validation:Enum=NoSchedule;PreferNoSchedule;NoExecute
	Effect string `json:"effect,omitempty"` // empty: every effect

	// +optional
	TolerationSeconds *int64 `json:"tolerationSeconds,omitempty"` // of a NoExecute taint; nil: for ever
}

// TopologySpreadConstraint spreads pods, as in a Pod.
// ---
// Over the values of a node label. The
// operator adds the component's own labels as its selector.
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
