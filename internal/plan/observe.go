package plan

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// Observed is what the status is computed from: the state, and how the pass went. The problem is
// nil if everything was applied.
func (s *State) Observed(next Plan, problem *status.Problem, now time.Time) status.Observed {
	p, wanted := s.Pipeline, s.wanted()
	o := status.Observed{
		Now:         now,
		Problem:     problem,
		Missing:     s.Missing,
		Wanted:      wanted.Fingerprint(),
		Build:       s.build(),
		Gateways:    s.Gateways,
		Unreadable:  s.Unreadable,
		Route:       s.Route,
		Run:         s.run(next),
		Upkeep:      s.upkeepRun(),
		SpecChanged: p.Status.ObservedGeneration != p.Generation,
		Endpoint:    endpoint(p),
		Volumes:     s.volumes(),
	}
	o.Retained = s.observeRetained(now)
	serving := wanted
	if live := s.live(); live != nil {
		o.Live, serving = live.Fingerprint(), *live
	}
	o.Components, o.NextEmbedding = s.components(desired.Embedding(p, serving).Model)
	return o
}

// endpoint is the gateway's URL within the cluster.
func endpoint(p *v1alpha1.RAGPipeline) string {
	scheme := "http"
	if p.Spec.Gateway.TLS != nil {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s.%s.svc:%d", scheme, naming.For(p).Gateway(), p.Namespace, desired.GatewayPort)
}

// run is the ingestion run that the user is told of.
func (s *State) run(p Plan) *status.Run {
	job, wanted := s.newestJob(naming.ComponentIngest), s.wanted().Fingerprint()
	blocked := p.tasks[naming.ComponentIngest].blocked
	switch {
	case p.tasks[naming.ComponentIngest].stopped:
		return &status.Run{State: status.RunStopped, Generation: wanted}
	case p.tasks[naming.ComponentIngest].queued:
		return &status.Run{State: status.RunQueued, Generation: wanted}
	case job == nil && !blocked:
		return nil
	case blocked && (job == nil || job.Labels[naming.LabelGeneration] != wanted):
		return &status.Run{State: status.RunWaiting, Generation: wanted}
	}
	return s.runOf(job)
}

// upkeepRun is the active run of upkeep; nil if none is.
func (s *State) upkeepRun() *status.Run {
	for _, job := range s.Jobs {
		if keepsUp(job) && finished(job) == "" {
			return s.runOf(job)
		}
	}
	return nil
}

// observeRetained describes the generations that are kept for a way back.
func (s *State) observeRetained(now time.Time) (list []status.Retained) {
	live := s.live()
	for _, r := range s.retained(live, now) {
		retained := status.Retained{
			Generation: r.Fingerprint(), Replaced: r.Replaced, Until: r.Until,
			EmbeddingModel: r.Generation.Embedding.Model,
		}
		workload := func(r desired.Record) string {
			return desired.ModelWorkload(s.Pipeline, naming.ComponentEmbedding, desired.Embedding(s.Pipeline, r).Model)
		}
		own := workload(r.Record)
		retained.Runs = own != "" && own != workload(*live) && own != workload(s.wanted())
		if job := s.upkeepOf(r.Fingerprint()); job != nil {
			retained.Run = s.runOf(job)
		}
		list = append(list, retained)
	}
	return list
}

// runOf describes the run of a Job.
func (s *State) runOf(job *batchv1.Job) *status.Run {
	run := &status.Run{
		Generation: job.Labels[naming.LabelGeneration],
		Retry:      retry(job),
		Upgrade:    afterUpgrade(job),
		Summary:    s.summary(job),
		Pods:       s.failedPods(job),
		Finished:   finishedAt(job),
	}
	switch finished(job) {
	case batchv1.JobComplete:
		run.State, run.Pods = status.RunSucceeded, nil
	case batchv1.JobFailed:
		run.State = status.RunFailed
	default:
		run.Refused = s.Refusals[job.UID]
		run.State, run.Reports, run.Ended = status.RunActive, s.Tasks[job.Name], s.ended(job)
		run.Pods = append(s.unready(naming.ComponentIngest, map[string]string{batchv1.JobNameLabel: job.Name}), run.Pods...)
	}
	return run
}

// components are the workloads of what the spec has, with the embedding model that serves, and the
// embedding model that is being brought up, when that is another one.
func (s *State) components(embedding v1alpha1.Model) (map[string]status.Component, *status.Component) {
	p, names := s.Pipeline, naming.For(s.Pipeline)
	all := map[string]status.Component{
		naming.ComponentGateway: s.deployment(names.Gateway(), naming.ComponentGateway, p.Spec.Gateway.Replicas),
	}
	if p.Spec.VectorStore.Weaviate != nil {
		all[naming.ComponentWeaviate] = s.weaviate()
	}
	s.addModel(all, naming.ComponentEmbedding, embedding)
	if p.Spec.Models.Reranking != nil {
		s.addModel(all, naming.ComponentReranking, *p.Spec.Models.Reranking)
	}
	if p.Spec.Models.LLM != nil {
		s.addModel(all, naming.ComponentLLM, p.Spec.Models.LLM.Model)
	}
	if p.Spec.Extraction != nil && p.Spec.Extraction.Server.Tika != nil {
		all[naming.ComponentExtraction] = s.deployment(names.Stage(naming.ComponentExtraction), naming.ComponentExtraction,
			p.Spec.Extraction.Server.Tika.Replicas)
	}
	next := p.Spec.Models.Embedding.Model
	name := desired.ModelWorkload(p, naming.ComponentEmbedding, next)
	if name == "" || name == desired.ModelWorkload(p, naming.ComponentEmbedding, embedding) {
		return all, nil
	}
	return all, new(s.model(naming.ComponentEmbedding, next))
}

func (s *State) addModel(all map[string]status.Component, stage string, m v1alpha1.Model) {
	if desired.ModelWorkload(s.Pipeline, stage, m) != "" {
		all[stage] = s.model(stage, m)
	}
}

func (s *State) model(stage string, m v1alpha1.Model) status.Component {
	component := stage
	if m.StandIn != nil {
		component = naming.ComponentStandIn
	}
	c := s.deployment(desired.ModelWorkload(s.Pipeline, stage, m), component, ptr.Deref(m.NIM, v1alpha1.NIM{}).Replicas)
	if m.NIM != nil {
		c.StartupTimeout = desired.StartupTimeout(m.NIM)
	}
	return c
}

// deployment is a component whose number of pods the spec sets, or leaves to an autoscaler where it is nil.
func (s *State) deployment(name, component string, set *int32) status.Component {
	d := s.Deployments[name]
	if d == nil {
		return status.Component{}
	}
	c := status.Component{
		Exists:     true,
		Replicas:   ptr.Deref(d.Spec.Replicas, 1),
		Autoscaled: set == nil,
		Ready:      d.Status.AvailableReplicas, // those that a Service is sure to reach
		Pods:       s.faulty(component, d.Spec.Selector.MatchLabels),
		Refused:    replicaFailure(d),
	}
	// What an autoscaler does to the number is not a change that anyone waits for.
	all := d.Status.Replicas == c.Replicas || set == nil && d.Status.Replicas > 0 && c.Refused == ""
	change := d.Generation
	if set == nil && s.Written[name] > 0 {
		change = s.Written[name]
	}
	c.Current = all && d.Generation >= s.Written[name] && d.Status.ObservedGeneration >= change &&
		d.Status.UpdatedReplicas == d.Status.Replicas
	return c
}

// weaviate counts as ready what both the status and the pods do: a StatefulSet's status counts a pod as ready until it
// is gone, and for a moment longer. While the StatefulSet is made anew around its pods, there is no status, and the
// pods serve on.
func (s *State) weaviate() status.Component {
	set, pods := s.store(), s.readyPods(naming.ComponentWeaviate)
	if set == nil {
		if orphans := s.orphans(); len(orphans) > 0 {
			return status.Component{Exists: true, Replicas: int32(len(orphans)), Ready: pods}
		}
		return status.Component{}
	}
	replicas := ptr.Deref(set.Spec.Replicas, 1)
	c := status.Component{
		Exists: true,
		Current: set.Generation >= s.Written[set.Name] && set.Status.ObservedGeneration >= set.Generation &&
			set.Status.UpdatedReplicas == replicas,
		Replicas: replicas,
		Ready:    pods,
		Pods:     s.faulty(naming.ComponentWeaviate, set.Spec.Selector.MatchLabels),
		Refused:  s.Refusals[set.UID],
	}
	if set.Status.ObservedGeneration > 0 {
		c.Ready = min(set.Status.ReadyReplicas, pods)
	}
	return c
}
