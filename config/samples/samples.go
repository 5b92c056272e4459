// Package samples holds the manifests that `ragpipeline init` takes parts of.
package samples

import _ "embed" // for the manifests

// Hosted is the manifest with NVIDIA's hosted models. Their names stand there alone, because they change within
// months.
//
//go:embed hosted.yaml
var Hosted string
