// Package v1alpha1 is the API of ragpipeline.io: the RAGPipeline object.
//
// Bounds, defaults and cross-field rules stand here as markers, and nowhere else: controller-gen turns them
// into the CRD under config/crd, by which both the API server and `ragpipeline run` validate.
//
// +kubebuilder:object:generate=true
// +groupName=ragpipeline.io
package v1alpha1

//go:generate go tool -modfile=../../hack/tools/go.mod controller-gen object crd:maxDescLen=400 paths=. output:crd:dir=../../config/crd
