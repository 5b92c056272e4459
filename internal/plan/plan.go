// Package plan decides what a pass over a pipeline is to bring about: which generation serves,
// which tasks are due, and which objects are retained although nothing wants them any more. It is
// pure: a State holds what the pass has read, and the caller passes the time.
package plan

import (
	"cmp"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// State is what a pass has read of a pipeline before it acts. Its objects may be the cache's own:
// nothing here changes them.
type State struct {
	Pipeline *v1alpha1.RAGPipeline
	// Rules are the config.Rules of this operator.
	Rules string
	// Deployments and StatefulSets are by name; Jobs and Pods are by creation, the newest last.
	Deployments  map[string]*appsv1.Deployment
	StatefulSets map[string]*appsv1.StatefulSet
	Jobs         []*batchv1.Job
	Pods         []corev1.Pod
	// Records are what each generation is, by fingerprint, as pinned in the cluster.
	Records map[string]desired.Record
	// Objects is the metadata of the objects that the spec refers to and that exist, by ObjectKey;
	// Missing are those that do not.
	Objects map[string]metav1.ObjectMeta
	Missing []status.Missing
	// Claims are the claims that were made for the pipeline, by name.
	Claims map[string]Claim
	// Gateways are the reports of the gateway's pods; Unreadable is why that of a ready one could not be read.
	Gateways   []config.OpsStatus
	Unreadable string
	// Refusals are what the API server last said of the pods that a StatefulSet or a Job lacks, by its UID.
	Refusals map[types.UID]string
	// Route is what leads to the gateway from outside the cluster.
	Route status.Route
	// Tasks are the reports of the running pods of each Job, by the Job's name.
	Tasks map[string][]config.OpsStatus
	// OtherUpgrades is how many other pipelines have an active task that only an upgrade of the operator made due.
	OtherUpgrades int
	// Written is the metadata.generation that our last change of a workload made, by the workload's
	// name. The caller sets it after the pass has acted: a workload that was read with a lower one
	// is from before that write.
	Written map[string]int64
}

// ObjectKey is the key of an object in State.Objects.
func ObjectKey(kind, name string) string { return kind + "/" + name }

// Plan is what a pass is to bring about.
type Plan struct {
	// Facts are what the objects of the pipeline depend on, the tasks to have included. WeaviateKey
	// is left to the caller, who learns it when the Secrets are applied.
	Facts desired.Facts
	// Wait is how long it is until a task is due, by the interval or after one that failed; 0 when none is.
	Wait time.Duration
	// tasks are the decisions on the kinds of tasks, by component, and on upkeep, by fingerprint.
	tasks map[string]decision
}

// For decides what a pass is to bring about. An error is a *derive.ConfigurationError or several
// joined.
func For(s *State, now time.Time) (Plan, error) {
	p := Plan{Facts: s.Facts(now), tasks: map[string]decision{}}
	live := p.Facts.Live
	var trigger desired.Trigger // of ingestion
	for _, k := range kinds {
		task, err := k.task(s, p.Facts)
		if err != nil {
			return Plan{}, err
		}
		next := s.schedule(k, &task, now)
		d := s.decide(k, task, now)
		if k.Component == naming.ComponentIngest && (d.active || d.behind) && s.liveFirst(live, now) {
			d = s.stopped()
		}
		d.wait = cmp.Or(d.wait, next)
		p.add(k.Component, d)
		if k.Component == naming.ComponentIngest {
			trigger = task.Trigger
		}
	}
	return p, s.planUpkeep(&p, p.tasks[naming.ComponentIngest], trigger, now)
}

// Facts are those of a plan without its tasks, which are known although the spec has a mistake.
func (s *State) Facts(now time.Time) desired.Facts {
	live := s.live()
	facts := desired.Facts{
		Live: live, Draining: s.draining(live), WeaviateImage: s.weaviateImage(), NoHTTPRoutes: s.Route.Unsupported,
		OneKey: s.oneKey(), GatewayWrites: s.gatewayWrites(), Sizes: s.sizes(),
		Plain: s.plain(), Encrypted: s.encrypted(), Terminators: s.terminators(),
	}
	for _, r := range s.retained(live, now) {
		facts.Retained = append(facts.Retained, r.Record)
	}
	return facts
}

// add adds a decision, under its key in tasks.
func (p *Plan) add(key string, d decision) {
	p.tasks[key] = d
	if d.task != nil {
		p.Facts.Tasks = append(p.Facts.Tasks, *d.task)
	}
	if d.wait > 0 && (p.Wait == 0 || d.wait < p.Wait) {
		p.Wait = d.wait
	}
}

// oneKey reports whether the store that runs knows the writing key alone. Without a StatefulSet it is made with both
// keys, also around the pods that are left: so a user lets a store of an older operator have the other one.
func (s *State) oneKey() bool {
	set := s.store()
	return set != nil && set.Spec.Template.Annotations[naming.AnnotationWeaviateReader] == ""
}

// gatewayWrites reports whether a gateway that has the writing key is to keep it, because some replica of the store
// may not know the other one yet. A gateway that has the reading key stays with it: whatever the store is made of by
// then knows it.
func (s *State) gatewayWrites() bool {
	names := naming.For(s.Pipeline)
	gateway, set := s.Deployments[names.Gateway()], s.StatefulSets[names.Weaviate()]
	if gateway == nil || reads(gateway.Spec.Template.Spec, names.WeaviateReader()) {
		return false
	}
	return set == nil || set.Status.ObservedGeneration < set.Generation ||
		min(set.Status.UpdatedReplicas, set.Status.ReadyReplicas) < set.Status.Replicas
}

// reads reports whether a pod mounts the keys of a Secret.
func reads(pod corev1.PodSpec, secret string) bool {
	for _, volume := range pod.Volumes {
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.Secret != nil && source.Secret.Name == secret {
				return true
			}
		}
	}
	return false
}
