package v1alpha1

// GatewayService configures the gateway's Service.
//
// +kubebuilder:validation:XValidation:rule="self.type == 'LoadBalancer' || !(has(self.loadBalancerClass) || has(self.loadBalancerSourceRanges))",message="loadBalancerClass and loadBalancerSourceRanges need type LoadBalancer"
type GatewayService struct {
	// type is the type of the Service.
	// +optional
	// +kubebuilder:default:=ClusterIP
	Type ServiceType `json:"type,omitempty"`

	// annotations are those of the Service.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Annotations map[string]AnnotationValue `json:"annotations,omitempty"`

	// loadBalancerClass selects the load balancer. The cluster refuses a change of it.
	// +optional
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._/a-zA-Z0-9]+$`
	LoadBalancerClass string `json:"loadBalancerClass,omitempty"`

	// loadBalancerSourceRanges are the addresses that may connect, such as 203.0.113.0/24.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	LoadBalancerSourceRanges []CIDR `json:"loadBalancerSourceRanges,omitempty"`
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

// CIDR is a range of addresses.
//
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:Pattern=`^[0-9a-fA-F.:]+/[0-9]+$`
type CIDR string

// GatewayTLS makes the gateway serve its API over TLS.
type GatewayTLS struct {
	// secretName is the Secret with the certificate (tls.crt) and its key (tls.key).
	// +required
	SecretName ObjectName `json:"secretName"`
}

// GatewayRoute leads to the gateway from outside the cluster.
//
// +kubebuilder:validation:XValidation:rule="has(self.parentRefs) != has(self.ingress)",message="route needs exactly one of parentRefs and ingress"
type GatewayRoute struct {
	// hostnames are those that clients use.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Hostnames []ObjectName `json:"hostnames"`

	// annotations are those of the HTTPRoute or Ingress.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Annotations map[string]AnnotationValue `json:"annotations,omitempty"`

	// parentRefs are Gateways of the Gateway API, to which the operator attaches an HTTPRoute.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	ParentRefs []ParentRef `json:"parentRefs,omitempty"`

	// ingress makes an Ingress.
	// +optional
	Ingress *Ingress `json:"ingress,omitempty"`
}

// ParentRef refers to a Gateway.
type ParentRef struct {
	// name is the name of the Gateway.
	// +required
	Name ObjectName `json:"name"`

	// namespace is that of the Gateway. If unset, the pipeline's.
	// +optional
	Namespace ObjectName `json:"namespace,omitempty"`

	// sectionName is one of its listeners. If unset, all.
	// +optional
	SectionName ObjectName `json:"sectionName,omitempty"`
}

// Ingress configures an Ingress.
type Ingress struct {
	// className is the IngressClass. If unset, the cluster's default.
	// +optional
	ClassName ObjectName `json:"className,omitempty"`

	// secretName is the Secret of the hostnames' certificate. If unset, the Ingress has no TLS.
	// +optional
	SecretName ObjectName `json:"secretName,omitempty"`
}
