package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// VectorStore selects where the index is stored.
//
// +kubebuilder:validation:XValidation:rule="[has(self.weaviate), has(self.external)].filter(x, x).size() == 1",message="vectorStore needs exactly one of weaviate and external"
// +kubebuilder:validation:XValidation:rule="has(self.weaviate) == has(oldSelf.weaviate)",message="vectorStore cannot change from one kind to the other: create a new pipeline"
type VectorStore struct {
	// weaviate runs a Weaviate for this pipeline.
	// +optional
	// +structType=atomic
	Weaviate *Weaviate `json:"weaviate,omitempty"`

	// external uses an existing Weaviate.
	// +optional
	External *ExternalWeaviate `json:"external,omitempty"`
}

// Weaviate is a vector store that the operator runs.
type Weaviate struct {
	// replicas is the number of Weaviate nodes: 1, 3 or 5. It cannot change.
	// +optional
	// +kubebuilder:default:=1
	// +kubebuilder:validation:Enum=1;3;5
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="replicas cannot change: create a new pipeline"
	Replicas int32 `json:"replicas,omitempty"`

	// image is the Weaviate image. If unset, the operator chooses one when it creates the store,
	// and keeps it when the operator is upgraded.
	// +optional
	Image Image `json:"image,omitempty"`

	// storage configures the volume of each replica. Only size can change, and only grow.
	// +optional
	// +kubebuilder:default:={}
	// +kubebuilder:validation:XValidation:rule="has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",message="storageClassName cannot change: create a new pipeline"
	Storage Storage `json:"storage,omitzero"`

	// resources are the compute resources of each replica, as in a Pod.
	// +optional
	Resources *Resources `json:"resources,omitempty"`

	// scheduling selects the pods' nodes, as in a Pod.
	// +optional
	Scheduling *Scheduling `json:"scheduling,omitempty"`
}

// Storage configures the volume of a Weaviate replica.
type Storage struct {
	// size is the volume's size.
	// +optional
	// +kubebuilder:default:="10Gi"
	// +kubebuilder:validation:XValidation:rule="quantity(self).compareTo(quantity(oldSelf)) >= 0",message="size can only grow, because a volume cannot shrink"
	Size VolumeSize `json:"size,omitempty"`

	// storageClassName names the StorageClass. If unset, the cluster's default is used.
	// +optional
	StorageClassName ObjectName `json:"storageClassName,omitempty"`

	// whenDeleted retains or deletes the volume.
	// +optional
	// +kubebuilder:default:=Retain
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="whenDeleted cannot change: create a new pipeline"
	WhenDeleted Retention `json:"whenDeleted,omitempty"`
}

// ExternalWeaviate is an existing Weaviate. Its collections are kept when the pipeline is deleted.
type ExternalWeaviate struct {
	// url is the base URL of its REST API.
	// +required
	URL URL `json:"url"`

	// grpcURL is the base URL of its gRPC API; https means TLS.
	// +required
	GRPCURL URL `json:"grpcURL"`

	// prefix starts the names of this pipeline's collections. If unset, it is <namespace>_<name>.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z][_0-9A-Za-z]*$')",message="prefix must start with a letter and contain only letters, digits and underscores"
	Prefix string `json:"prefix,omitempty"`

	// secretRef refers to the API key in a Secret. If unset, no key is sent.
	// +optional
	SecretRef *SecretKey `json:"secretRef,omitempty"`
}

// Index configures what is kept of an index that another one has replaced.
type Index struct {
	// retain is how long a generation of the index is kept once another one has replaced it, for a way
	// back: until then runs keep it up to date, and a spec that describes it again makes it live without
	// embedding anything. It takes space in the vector store, and its embedding model keeps running.
	// With 0s it is deleted at once. At most three generations are kept, those that were replaced last.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:default:="24h"
	// +kubebuilder:validation:MaxLength=16
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+[smh])+$') && (duration(self) == duration('0s') || duration(self) >= duration('1m') && duration(self) <= duration('8760h'))",message="must be 0s, or a duration from 1m to 8760h, such as 24h"
	Retain *metav1.Duration `json:"retain,omitempty"`
}
