package v1alpha1

// Network configures how the pods of a pipeline reach servers outside the cluster, and each other.
type Network struct {
	// proxy leads requests to models, sources and registries of models through a proxy. The pipeline's
	// own servers, and names below .svc and .cluster.local, are reached without it.
	// +optional
	Proxy *Proxy `json:"proxy,omitempty"`

	// caBundle has certificates that the gateway and ingestion trust besides the system's, as of their
	// start.
	// +optional
	CABundle *CABundle `json:"caBundle,omitempty"`

	// egress is Restricted to let pods connect to nothing but the cluster's DNS, each other, and the ports
	// of the servers that the spec names. If unset, Open.
	// +optional
	Egress Egress `json:"egress,omitempty"`

	// tls is Internal to encrypt what the pipeline's own pods send each other, with certificates that the
	// operator makes.
	// +optional
	TLS NetworkTLS `json:"tls,omitempty"`
}

// NetworkTLS selects which connections are encrypted.
//
// +kubebuilder:validation:Enum=Internal
type NetworkTLS string

// Egress selects what pods may connect to.
//
// +kubebuilder:validation:Enum=Open;Restricted
type Egress string

// Proxy configures a forward proxy.
type Proxy struct {
	// httpProxy is the URL of the proxy for requests over http.
	// +optional
	HTTPProxy URL `json:"httpProxy,omitempty"`

	// httpsProxy is the URL of the proxy for requests over https.
	// +optional
	HTTPSProxy URL `json:"httpsProxy,omitempty"`

	// noProxy lists further hosts to reach without the proxy: names, domains such as .example.com,
	// addresses and CIDRs.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	NoProxy []NoProxyHost `json:"noProxy,omitempty"`
}

// NoProxyHost is a host, a domain with a leading dot, an address or a CIDR, each with an optional port.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:Pattern=`^[-.:/_a-zA-Z0-9*\[\]]+$`
type NoProxyHost string
