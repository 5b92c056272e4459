// Package crd holds the generated CustomResourceDefinition, so that whoever validates uses the very file that
// a cluster gets.
package crd

import _ "embed" // for the variable below

// RAGPipelines is the CRD ragpipelines.ragpipeline.io in YAML.
//
//go:embed ragpipeline.io_ragpipelines.yaml
var RAGPipelines []byte
