// Package status turns observations into what the user is told: conditions and the state of the index. It is pure.
package status

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Observed is what a pass of the reconciler has seen. All but the Problem is filled as far as it could be read.
type Observed struct {
	Now time.Time
	// Problem is what stopped the pass; nil when everything was applied.
	Problem *Problem
	// Missing are objects that the spec refers to and that do not exist: Secret, ConfigMap, claim, StorageClass.
	Missing []Missing
	// Components are what the operator runs, by component (desired.Component..., config.Stage...): for embedding
	// the one of the generation that serves. A model that is an endpoint has none.
	Components map[string]Component
	// NextEmbedding is the embedding model of the generation being built, when that is another one.
	NextEmbedding *Component
	// Wanted is the fingerprint of the generation that the spec wants, Live of the complete one that is to
	// serve; empty before the first.
	Wanted, Live string
	// Gateways are the own reports of the gateway's running pods; Ready in each says whether it takes questions.
	// Unreadable counts pods that the cluster holds ready and whose report could not be read.
	Gateways   []config.OpsStatus
	Unreadable int
	// Run is the newest ingestion run; nil before the first.
	Run *Run
	// Endpoint is the URL of the gateway's Service within the cluster; empty until it exists.
	Endpoint string
	// SpecChanged reports whether status.observedGeneration differs from the pipeline's generation: the rest was
	// observed before a pass acted on this spec, so nothing in it stalls the pipeline.
	SpecChanged bool
}

// Problem is why a pass could not be finished.
type Problem struct {
	Reason  string // one of the API's reasons
	Message string // for the user: stable, no generated names, no timestamps, no secrets
	// Terminal: only a change of this object helps.
	Terminal bool
}

// Missing is an object that the spec refers to and that does not exist.
type Missing struct {
	Kind, Name string
	Field      string // of the spec that refers to it
	// Component is what cannot work without it.
	Component string
}

// Component is a workload that the operator runs.
type Component struct {
	// Exists is false before it was made.
	Exists bool
	// Current: its controller has seen our last change and every replica runs it, whether it is ready or not.
	Current bool
	// Replicas are wanted, Ready of them serve.
	Replicas, Ready int32
	// Pods are the pods of it that are not ready.
	Pods []corev1.Pod
	// StartupTimeout is how long a model may take to start; 0 for others.
	StartupTimeout time.Duration
}

// RunState is how far a run is.
type RunState string

// The states of a run.
const (
	RunWaiting   RunState = "Waiting" // for the embedding model or the store, before its Job is made
	RunActive    RunState = "Active"
	RunSucceeded RunState = "Succeeded"
	RunFailed    RunState = "Failed" // another follows
)

// Run is the newest ingestion run.
type Run struct {
	State      RunState
	Generation string
	// Retry is how many runs for the same cause have failed before it.
	Retry int
	// Reports are those of its pods while it runs; none when none could be read.
	Reports []config.OpsStatus
	// Summary is the run's termination message; nil when there was none.
	Summary *config.Summary
	// Pods are its pods that are not running, failed ones included.
	Pods []corev1.Pod
	// Finished is when it ended.
	Finished time.Time
}
