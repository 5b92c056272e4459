package v1alpha1

// Ingest is about the runs that read documents into the index.
type Ingest struct {
	// resources of a run's pod, as in a Pod.
	// +optional
	Resources *Resources `json:"resources,omitempty"`

	// scheduling of a run's pod, as in a Pod.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`
}

// Gateway is the server that answers questions.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.auth) && has(self.auth.anonymous)) || self.service.type == 'ClusterIP'",message="only a ClusterIP service may be anonymous: set auth.secretName, or service.type ClusterIP"
type Gateway struct {
	// replicas has no default, so that an autoscaler may own it; a Deployment starts with one.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Replicas *int32 `json:"replicas,omitempty"`

	// resources of each replica, as in a Pod.
	// +optional
	Resources *Resources `json:"resources,omitempty"`

	// scheduling of the pods, as in a Pod.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`

	// auth says who may ask. Without it the operator makes one key, in the Secret <name>-gateway-key.
	// +optional
	Auth *GatewayAuth `json:"auth,omitempty"`

	// prompt is what the LLM is told.
	// +optional
	// +kubebuilder:default:={}
	Prompt Prompt `json:"prompt,omitzero"`

	// maxTokens is the most that an answer has; a caller may ask for less.
	// +optional
	// +kubebuilder:default:=1024
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=131072
	MaxTokens int32 `json:"maxTokens,omitempty"`

	// temperature of the LLM when the caller names none, from "0" to "2".
	// +optional
	// +kubebuilder:default:="0"
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]([.][0-9]+)?$') && double(self) <= 2.0",message="temperature must be a decimal number from \"0\" to \"2\" in quotes, such as \"0.2\""
	Temperature string `json:"temperature,omitempty"`

	// service is how the gateway is reached.
	// +optional
	// +kubebuilder:default:={}
	Service GatewayService `json:"service,omitzero"`
}

// GatewayAuth says who may ask.
//
// +kubebuilder:validation:XValidation:rule="[has(self.secretName), has(self.anonymous)].filter(x, x).size() == 1",message="auth needs exactly one of secretName and anonymous; leave auth out for a key of the operator's making"
type GatewayAuth struct {
	// secretName is a Secret of which each entry is a client: its key the name, its value the token.
	// +optional
	SecretName ObjectName `json:"secretName,omitempty"`

	// anonymous lets everyone ask who can reach the service.
	// +optional
	Anonymous *Anonymous `json:"anonymous,omitempty"`
}

// Anonymous has no settings.
type Anonymous struct{}

// Prompt is what the LLM is told.
type Prompt struct {
	// system replaces the built-in instructions.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	System string `json:"system,omitempty"`
}

// ServiceType is the type of a Service.
//
// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
type ServiceType string

// ClusterIP, NodePort and LoadBalancer are the service types.
const (
	ClusterIP    ServiceType = "ClusterIP"
	NodePort     ServiceType = "NodePort"
	LoadBalancer ServiceType = "LoadBalancer"
)

// GatewayService is how the gateway is reached.
type GatewayService struct {
	// type of the Service.
	// +optional
	// +kubebuilder:default:=ClusterIP
	Type ServiceType `json:"type,omitempty"`
}
