// Package config is the contract between the operator and the pods: plain structs in JSON.
//
// The operator (or `run`) writes them, `gateway --config` and `ingest --config` read them. Nothing here
// knows Kubernetes, so the data plane builds, runs and is tested without a cluster.
package config
