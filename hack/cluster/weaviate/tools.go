//go:build tools

// Package weaviate pins the Weaviate server that the cluster and the tests run.
package weaviate

import _ "github.com/weaviate/weaviate/cmd/weaviate-server"
