package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kind is the kind of the one object of this API.
const Kind = "RAGPipeline"

// GroupVersion is the group and version of this package's types.
var GroupVersion = schema.GroupVersion{Group: "ragpipeline.io", Version: "v1alpha1"}

// AddToScheme registers this package's types with a scheme.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &RAGPipeline{}, &RAGPipelineList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
