// Package status turns observations into conditions and the state of the index, with messages that
// say what is wrong and what to do. It is pure.
//
// Compute decides in three steps. For each component, a chain of checks (checks.go, gateway.go,
// index.go) gives a finding, which becomes the component's condition. The rules in compute.go say
// what each finding means for Ready. The most serious finding becomes Reconciling or Stalled.
package status

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Observed is what a pass of the reconciler has read. Every field but Problem is filled as far as
// it could be read.
type Observed struct {
	Now time.Time
	// Problem is the error that stopped the pass; nil if every object was applied.
	Problem *Problem
	// Missing lists the objects that the spec refers to and that do not exist, or lack an entry.
	Missing []Missing
	// Components are the workloads that the operator runs, by their label (naming.Component...).
	// For embedding, it is the workload of the generation that serves. A model that is an endpoint
	// has none.
	Components map[string]Component
	// NextEmbedding is the embedding model of the generation that is being built, if that is
	// another model.
	NextEmbedding *Component
	// Wanted is the fingerprint of the generation that the spec describes. Live is that of the
	// complete generation that is to serve; it is empty before the first.
	Wanted, Live string
	// Build is what makes the wanted generation another one than the live one; nil while they are the
	// same.
	Build *Build
	// Volumes are those that do not have the size that the spec says.
	Volumes []Volume
	// Gateways are the reports of the gateway's running pods; Ready in each reports whether the pod
	// accepts questions. Unreadable is why the report of a pod that the cluster considers ready could
	// not be read; empty if each could.
	Gateways   []config.OpsStatus
	Unreadable string
	// Run is the newest ingestion run; nil before the first.
	Run *Run
	// Upkeep is the active run that brings a generation beside the wanted one up to date; nil if none is.
	Upkeep *Run
	// Retained are the generations that are kept for a way back, the one that was replaced last first.
	Retained []Retained
	// Route is what leads to the gateway from outside the cluster.
	Route Route
	// Endpoint is the URL of the gateway's Service within the cluster; empty until it exists.
	Endpoint string
	// SpecChanged reports whether the status is about an older spec than this pass: observations
	// may then be older than the change, and cannot stall the pipeline.
	SpecChanged bool
}

// Build is why a generation is built beside the live one, or before the first.
type Build struct {
	// Changes are what sets it apart from the live one; empty before the first.
	Changes []config.Change
	// Chunks is about how many chunks are to be embedded; 0 if nobody knows.
	Chunks int
}

// Problem is an error that stopped a pass.
type Problem struct {
	Reason  string // one of the API's reasons
	Message string // for the user: stable, without generated names, times and secrets
	// Terminal means that only a change of the spec helps.
	Terminal bool
}

// Missing is an object that the spec refers to and that does not exist, or that lacks an entry.
type Missing struct {
	Kind, Name string
	// Key is the entry that the object lacks; empty if there is no such object.
	Key   string
	Field string // of the spec that refers to it
	// Component is the component that cannot work without it.
	Component string
}

// Component is a workload that the operator runs.
type Component struct {
	// Exists is false until the operator has created it.
	Exists bool
	// Current reports whether its controller has seen the last change and every replica runs it,
	// ready or not.
	Current bool
	// Replicas is the wanted number of pods; Ready of them serve.
	Replicas, Ready int32
	// Autoscaled reports whether the spec leaves the number of replicas to others; nobody waits for those that they add.
	Autoscaled bool
	// Pods are its pods that are not ready.
	Pods []corev1.Pod
	// Refused is the API server's message if it refuses a pod that the workload lacks.
	Refused string
	// StartupTimeout is how long a model may take to start; 0 for other workloads.
	StartupTimeout time.Duration
}

// RunState is the progress of a run.
type RunState string

// The states of a run.
const (
	RunWaiting   RunState = "Waiting" // for the embedding model or the store, before its Job is created
	RunQueued    RunState = "Queued"  // after an upgrade, for the runs of other pipelines
	RunStopped   RunState = "Stopped" // for a run of the live generation
	RunActive    RunState = "Active"
	RunSucceeded RunState = "Succeeded"
	RunFailed    RunState = "Failed" // the operator will retry it
)

// Run is the newest ingestion run.
type Run struct {
	State      RunState
	Generation string
	// Retry is how many runs for the same purpose have failed before it.
	Retry int
	// Upgrade reports whether nothing but an upgrade of the operator made it due.
	Upgrade bool
	// Reports are those of its pods while it is active; empty if none could be read.
	Reports []config.OpsStatus
	// Ended is the progress of the workers that have done their shares while others are active.
	Ended []config.Progress
	// Summary is the run's termination message, that of all workers together; nil if there was none.
	Summary *config.Summary
	// Refused is the API server's message if it refuses the run's pods.
	Refused string
	// Pods are its pods that are not running, failed ones included.
	Pods []corev1.Pod
	// Finished is when it ended.
	Finished time.Time
}

// Retained is a generation that is kept for a way back.
type Retained struct {
	Generation      string
	Replaced, Until time.Time
	// EmbeddingModel is the model's name; Runs reports whether the operator runs it for this generation
	// alone.
	EmbeddingModel string
	Runs           bool
	// Run is the newest run that was to bring it up to date; nil before the first.
	Run *Run
}

// view is one observation, prepared for the checks.
type view struct {
	Observed
	p *v1alpha1.RAGPipeline
	// observedGeneration is the one that the status will have, unless the pass turns out to be
	// stalled.
	observedGeneration int64
	// answering are the reports of gateways that accept questions, starting those of the others.
	answering, starting []config.OpsStatus
	// index is the state of the index for this pass, and sourceStatuses that of the sources.
	index          *v1alpha1.IndexStatus
	sourceStatuses []v1alpha1.SourceStatus
}

func newView(p *v1alpha1.RAGPipeline, o Observed) *view {
	v := &view{Observed: o, p: p, observedGeneration: p.Generation}
	if o.Problem != nil && !o.Problem.Terminal {
		// This pass has not acted on all of the spec.
		v.observedGeneration = cmp.Or(p.Status.ObservedGeneration, -1)
	}
	for _, r := range o.Gateways {
		if r.Ready {
			v.answering = append(v.answering, r)
		} else {
			v.starting = append(v.starting, r)
		}
	}
	v.Missing = slices.Clone(o.Missing)
	slices.SortFunc(v.Missing, func(a, b Missing) int {
		return cmp.Or(
			cmp.Compare(rank(a.Component), rank(b.Component)),
			cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.Name, b.Name))
	})
	v.index, v.sourceStatuses = v.indexStatus(), v.sources()
	return v
}

// rank is a component's place in the order of rules.
func rank(component string) int {
	return slices.IndexFunc(rules, func(r rule) bool { return r.missingKey == component })
}

// wasReady reports whether the pipeline has been Ready before this pass. A status from before
// firstReadyTime existed shows it by its Ready condition alone.
func (v *view) wasReady() bool {
	return v.p.Status.FirstReadyTime != nil ||
		meta.IsStatusConditionTrue(v.p.Status.Conditions, v1alpha1.ConditionReady)
}

// firstReadyTime is when the pipeline first became Ready, given its Ready condition of this pass.
func (v *view) firstReadyTime(ready metav1.Condition) *metav1.Time {
	if t := v.p.Status.FirstReadyTime; t != nil {
		return t.DeepCopy()
	}
	before := meta.FindStatusCondition(v.p.Status.Conditions, v1alpha1.ConditionReady)
	if before != nil && before.Status == metav1.ConditionTrue {
		return before.LastTransitionTime.DeepCopy()
	}
	if ready.Status == metav1.ConditionTrue {
		return ready.LastTransitionTime.DeepCopy()
	}
	return nil
}

// previous is the condition in the present status if it is about the same spec, and nil otherwise.
func (v *view) previous(conditionType string) *metav1.Condition {
	c := meta.FindStatusCondition(v.p.Status.Conditions, conditionType)
	if c == nil || c.ObservedGeneration != max(v.observedGeneration, 0) {
		return nil
	}
	return c
}

// unreadable is why not one report of gateways that are ready could be read; empty if one could.
func (v *view) unreadable() string {
	if len(v.Gateways) > 0 {
		return ""
	}
	return v.Unreadable
}

// settled reports whether the gateways' reports are about the present spec.
func (v *view) settled() bool {
	gateway, runs := v.Components[naming.ComponentGateway]
	return !v.SpecChanged && (!runs || gateway.Current)
}

// reported is a stage's status as the gateways report it: those that answer before the others; of
// these any failure before a success, and the same failure on every pass. nil if none reports it.
func (v *view) reported(stage config.Stage) *config.StageStatus {
	return cmp.Or(worst(v.answering, stage), worst(v.starting, stage))
}

// reported is a stage's status as an active run reports it; nil if it does not.
func (r *Run) reported(stage config.Stage) *config.StageStatus {
	if r == nil || r.State != RunActive {
		return nil
	}
	return worst(r.Reports, stage)
}

func worst(reports []config.OpsStatus, stage config.Stage) (worst *config.StageStatus) {
	for _, r := range reports {
		if s, has := r.Stages[stage]; has && (worst == nil || worse(s, *worst)) {
			worst = &s
		}
	}
	return worst
}

func worse(a, b config.StageStatus) bool {
	if a.OK != b.OK {
		return b.OK
	}
	return cmp.Or(
		cmp.Compare(a.Reason, b.Reason),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.HTTPStatus, b.HTTPStatus)) < 0
}

// missing is the first missing object without which a component cannot work, or nil if there is none.
func (v *view) missing(component string) *Missing {
	for i, m := range v.Missing {
		if m.Component == component {
			return &v.Missing[i]
		}
	}
	return nil
}
