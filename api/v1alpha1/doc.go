// Package v1alpha1 is the API of ragpipeline.io: the RAGPipeline object.
//
// Markers in this package are the only place for bounds, defaults and cross-field rules.
// controller-gen turns them into the CRD under config/crd, with which both the API server and
// `ragpipeline run` validate.
//
// +kubebuilder:object:generate=true
// +groupName=ragpipeline.io
package v1alpha1

//go:generate go tool -modfile=../../hack/tools/go.mod controller-gen object crd:maxDescLen=400 paths=. output:crd:dir=../../config/crd
