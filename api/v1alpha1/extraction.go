package v1alpha1

// Extraction configures a server that reads what the built-in readers cannot: scans, old formats.
type Extraction struct {
	// server is the extraction server. If it changes, the operator builds a new index beside the live
	// one, as it does for the other fields of extraction.
	// +required
	Server ExtractionServer `json:"server"`

	// use selects the documents that the server reads: WhenNeeded those that the built-in readers do
	// not support, that have no text or are encrypted, and pages without text; Always all of them.
	// +optional
	// +kubebuilder:default:=WhenNeeded
	// +kubebuilder:validation:Enum=WhenNeeded;Always
	Use string `json:"use,omitempty"`

	// include limits the server to documents whose path within their source matches one of these
	// globs. If unset, it may read every document.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=32
	Include []Glob `json:"include,omitempty"`
}

// ExtractionServer selects the server.
//
// +kubebuilder:validation:XValidation:rule="has(self.tika) != has(self.endpoint)",message="an extraction server needs exactly one of tika and endpoint"
type ExtractionServer struct {
	// tika runs an Apache Tika in the cluster.
	// +optional
	Tika *Tika `json:"tika,omitempty"`

	// endpoint uses an existing server.
	// +optional
	Endpoint *ExtractionEndpoint `json:"endpoint,omitempty"`
}

// Tika is an Apache Tika that the operator runs.
type Tika struct {
	// image is Tika's container image, such as apache/tika with the suffix -full, which has OCR.
	// +required
	Image Image `json:"image"`

	// replicas is the number of pods. Leave it unset for an autoscaler.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	Replicas *int32 `json:"replicas,omitempty"`

	// resources are each replica's, as in a Pod. Tika's heap is a quarter of the memory limit.
	// +optional
	Resources *Resources `json:"resources,omitempty"`

	// scheduling selects the pods' nodes, as in a Pod.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`
}

// ExtractionEndpoint is an existing extraction server.
type ExtractionEndpoint struct {
	// url is the base URL of the server, without the path of a route.
	// +required
	// +kubebuilder:validation:XValidation:rule="!self.matches('/(tika|rmeta|v1)(/.*)?$')",message="must be the server's base URL, such as http://tika:9998 or http://docling:5001: remove the path of the route"
	URL URL `json:"url"`

	// protocol is the server's API: Apache Tika's, or that of docling-serve.
	// +required
	// +kubebuilder:validation:Enum=Tika;Docling
	Protocol string `json:"protocol"`

	// secretRef refers to the API key in a Secret.
	// +optional
	SecretRef *SecretKey `json:"secretRef,omitempty"`
}
