package v1alpha1

// VectorStore is where the index lives.
//
// +kubebuilder:validation:XValidation:rule="[has(self.weaviate), has(self.external)].filter(x, x).size() == 1",message="vectorStore needs exactly one of weaviate and external"
// +kubebuilder:validation:XValidation:rule="has(self.weaviate) == has(oldSelf.weaviate)",message="vectorStore cannot change from one kind to the other: make a new pipeline"
type VectorStore struct {
	// weaviate runs a Weaviate for this pipeline.
	// +optional
	Weaviate *Weaviate `json:"weaviate,omitempty"`

	// external is a Weaviate that exists.
	// +optional
	External *ExternalWeaviate `json:"external,omitempty"`
}

// Weaviate is a vector store that the operator runs.
type Weaviate struct {
	// replicas of the store: 1, 3 or 5. It cannot change.
	// +optional
	// +kubebuilder:default:=1
	// +kubebuilder:validation:Enum=1;3;5
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="replicas cannot change: make a new pipeline"
	Replicas int32 `json:"replicas,omitempty"`

	// image is the Weaviate image. Without it the operator chooses once, and an upgrade of the operator
	// restarts no store.
	// +optional
	Image Image `json:"image,omitempty"`

	// storage is the volume of each replica. It cannot change.
	// +optional
	// +kubebuilder:default:={}
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="storage cannot change: make a new pipeline"
	Storage Storage `json:"storage,omitzero"`

	// resources of each replica, as in a Pod.
	// +optional
	Resources *Resources `json:"resources,omitempty"`

	// scheduling of the pods, as in a Pod.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`
}

// Storage is the volume of a store's replica.
type Storage struct {
	// size of the volume.
	// +optional
	// +kubebuilder:default:="10Gi"
	Size VolumeSize `json:"size,omitempty"`

	// storageClassName; unset, the default.
	// +optional
	StorageClassName ObjectName `json:"storageClassName,omitempty"`

	// whenDeleted: it stays or goes.
	// +optional
	// +kubebuilder:default:=Retain
	WhenDeleted Retention `json:"whenDeleted,omitempty"`
}

// ExternalWeaviate is a vector store that exists. Its collections are kept when the pipeline is deleted.
type ExternalWeaviate struct {
	// url is the base of its REST API.
	// +required
	URL URL `json:"url"`

	// grpcURL is the base of its gRPC API; https means TLS.
	// +required
	GRPCURL URL `json:"grpcURL"`

	// prefix of the names of this pipeline's collections, by default <namespace>_<name>.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z][_0-9A-Za-z]*$')",message="prefix must start with a letter and go on with letters, digits and underscores"
	Prefix string `json:"prefix,omitempty"`

	// secretRef is the API key: name and key of a Secret. Without it none is sent.
	// +optional
	SecretRef *SecretKey `json:"secretRef,omitempty"`
}
