package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// ObjectName names an object.
// ---
// It is in the pipeline's namespace, or a class in the cluster.
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

// SecretKey is an entry of a Secret.
// ---
// The Secret is in the pipeline's namespace. The CRD holds this type ten times, which is why it has trailing comments
// on its fields: they do not enter the CRD. So have Resources, Scheduling and what is in them.
type SecretKey struct {
	// +required
	Name ObjectName `json:"name"` // of the Secret

	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key"` // in the Secret
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

	// valueFrom.secretKeyRef is an entry of a Secret: name and key.
	// +optional
	ValueFrom *EnvVarSource `json:"valueFrom,omitempty"`
}

// EnvVarSource is where a variable's value comes from.
type EnvVarSource struct {
	// +required
	SecretKeyRef SecretKey `json:"secretKeyRef"`
}

// Resources are what a container asks for and may use, by resource name, as in a Pod.
type Resources struct {
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Requests map[string]resource.Quantity `json:"requests,omitempty"` // set aside

	// +optional
	// +kubebuilder:validation:MaxProperties=16
	Limits map[string]resource.Quantity `json:"limits,omitempty"` // the most it may use
}

// Scheduling is where pods may run, as in a Pod.
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
	TopologySpreadConstraints []TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"` // among a component's pods
}

// LabelValue is a label's value.
//
// +kubebuilder:validation:MaxLength=63
type LabelValue string

// Toleration of a taint.
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

// TopologySpreadConstraint spreads pods.
// ---
// Over the values of a node label. The operator adds the component's own labels as its selector.
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
