// Package crd holds the generated CustomResourceDefinition, so that whoever validates uses the very file that
// a cluster gets. The chart's copies, of the permissions too, and the API reference are made from here.
package crd

//go:generate go run ../../hack/unfold ragpipeline.io_ragpipelines.yaml
//go:generate cp ragpipeline.io_ragpipelines.yaml ../rbac/operator_role.yaml ../rbac/storage_role.yaml ../rbac/leader_role.yaml ../rbac/edit_role.yaml ../rbac/view_role.yaml ../monitoring/rules.yaml ../monitoring/dashboard.json ../../charts/ragpipeline/files/
//go:generate sh ../monitoring/prometheusrule.sh
//go:generate go run ../../hack/apidocs ../../docs/api.md

import _ "embed" // for the variable below

// RAGPipelines is the CRD ragpipelines.ragpipeline.io in YAML.
//
//go:embed ragpipeline.io_ragpipelines.yaml
var RAGPipelines []byte
