package controllers

import (
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// observe is what the status is computed from: the scene, and how the pass went.
func (r *Reconciler) observe(p *v1alpha1.RAGPipeline, s *scene, next plan, passErr error) status.Observed {
	o := status.Observed{
		Now:         r.now(),
		Missing:     s.missing,
		Wanted:      s.wanted,
		Gateways:    s.gateways,
		Unreadable:  s.unreadable,
		Run:         s.newestRun(next),
		SpecChanged: p.Status.ObservedGeneration != p.Generation,
		Endpoint:    fmt.Sprintf("http://%s.%s.svc:%d", naming.For(p).Gateway(), p.Namespace, desired.GatewayPort),
	}
	if problem := problemOf(passErr); passErr != nil {
		o.Problem = &problem
	}
	serving := s.records[s.wanted]
	if live := s.live(); live != nil {
		o.Live, serving = live.Fingerprint(), *live
	}
	o.Components, o.NextEmbedding = s.components(p, serving)
	return o
}

// components are the workloads of what the spec has, and the embedding model that is being brought up, when that
// is not the one that serves.
func (s *scene) components(p *v1alpha1.RAGPipeline, serving desired.Record) (map[string]status.Component, *status.Component) {
	names := naming.For(p)
	all := map[string]status.Component{naming.ComponentGateway: s.deployment(names.Gateway(), naming.ComponentGateway)}
	if p.Spec.VectorStore.Weaviate != nil {
		all[naming.ComponentWeaviate] = s.statefulSet(names.Weaviate(), naming.ComponentWeaviate)
	}
	s.addModel(all, p, naming.ComponentEmbedding, desired.Embedding(p, serving).Model)
	if p.Spec.Models.Reranking != nil {
		s.addModel(all, p, naming.ComponentReranking, *p.Spec.Models.Reranking)
	}
	if p.Spec.Models.LLM != nil {
		s.addModel(all, p, naming.ComponentLLM, p.Spec.Models.LLM.Model)
	}
	next := p.Spec.Models.Embedding.Model
	nextName := desired.ModelWorkload(p, naming.ComponentEmbedding, next)
	if nextName == "" || nextName == desired.ModelWorkload(p, naming.ComponentEmbedding, desired.Embedding(p, serving).Model) {
		return all, nil
	}
	return all, new(s.model(p, naming.ComponentEmbedding, next))
}

func (s *scene) addModel(all map[string]status.Component, p *v1alpha1.RAGPipeline, stage string, m v1alpha1.Model) {
	if desired.ModelWorkload(p, stage, m) != "" {
		all[stage] = s.model(p, stage, m)
	}
}

func (s *scene) model(p *v1alpha1.RAGPipeline, stage string, m v1alpha1.Model) status.Component {
	component := stage
	if m.StandIn != nil {
		component = naming.ComponentStandIn
	}
	c := s.deployment(desired.ModelWorkload(p, stage, m), component)
	if m.NIM != nil {
		c.StartupTimeout = desired.StartupTimeout(m.NIM)
	}
	return c
}

func (s *scene) deployment(name, component string) status.Component {
	d := s.deployments[name]
	if d == nil {
		return status.Component{}
	}
	replicas := ptr.Deref(d.Spec.Replicas, 1)
	return status.Component{
		Exists:   true,
		Current:  d.Generation >= s.written("Deployment", name) && d.Status.ObservedGeneration >= d.Generation && d.Status.UpdatedReplicas == replicas && d.Status.Replicas == replicas,
		Replicas: replicas,
		Ready:    d.Status.AvailableReplicas, // those that a Service is sure to reach
		Pods:     s.unready(component, d.Spec.Selector.MatchLabels),
	}
}

func (s *scene) statefulSet(name, component string) status.Component {
	set := s.statefulSets[name]
	if set == nil {
		return status.Component{}
	}
	replicas := ptr.Deref(set.Spec.Replicas, 1)
	return status.Component{
		Exists:   true,
		Current:  set.Generation >= s.written("StatefulSet", name) && set.Status.ObservedGeneration >= set.Generation && set.Status.UpdatedReplicas == replicas,
		Replicas: replicas,
		Ready:    min(set.Status.ReadyReplicas, s.staying(component)),
		Pods:     s.unready(component, set.Spec.Selector.MatchLabels),
	}
}

// staying are how many pods of a StatefulSet are ready and not about to end. Its status counts a pod as ready until it is
// gone, and for a moment longer.
func (s *scene) staying(component string) (count int32) {
	for _, pod := range s.podsOf(component) {
		if pod.DeletionTimestamp == nil && ready(&pod) {
			count++
		}
	}
	return count
}

// unready are the pods of a workload that do not serve and are not about to end.
func (s *scene) unready(component string, selector map[string]string) (pods []corev1.Pod) {
	for _, pod := range s.podsOf(component) {
		if pod.DeletionTimestamp == nil && !ready(&pod) && matches(pod.Labels, selector) {
			pods = append(pods, pod)
		}
	}
	return pods
}

func matches(labels, selector map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// newestRun is the run that the user is told of.
func (s *scene) newestRun(next plan) *status.Run {
	job := s.newestJob()
	switch {
	case job == nil && !next.blocked:
		return nil
	case next.blocked && (job == nil || job.Labels[naming.LabelGeneration] != s.wanted):
		return &status.Run{State: status.RunWaiting, Generation: s.wanted}
	}
	run := &status.Run{Generation: job.Labels[naming.LabelGeneration], Retry: retry(job), Summary: s.summary(job), Finished: finishedAt(job)}
	switch finished(job) {
	case batchv1.JobComplete:
		run.State = status.RunSucceeded
	case batchv1.JobFailed:
		run.State, run.Pods = status.RunFailed, s.failedPods(job)
	default:
		run.State, run.Reports = status.RunActive, s.ingestion
		run.Pods = append(s.unready(naming.ComponentIngest, map[string]string{batchv1.JobNameLabel: job.Name}), s.failedPods(job)...)
	}
	return run
}

// failedPods are those of a Job that ended badly: out of memory, evicted.
func (s *scene) failedPods(job *batchv1.Job) (pods []corev1.Pod) {
	for _, pod := range s.pods {
		if pod.Labels[batchv1.JobNameLabel] == job.Name && pod.Status.Phase == corev1.PodFailed {
			pods = append(pods, pod)
		}
	}
	return pods
}

// summary is the termination message of the Job's newest pod that left one. An active run's earlier attempts count:
// they say why it does not get on.
func (s *scene) summary(job *batchv1.Job) (summary *config.Summary) {
	for _, pod := range s.pods {
		if pod.Labels[batchv1.JobNameLabel] != job.Name {
			continue
		}
		for _, container := range pod.Status.ContainerStatuses {
			if container.State.Terminated == nil {
				continue
			}
			if parsed, err := config.ParseSummary(container.State.Terminated.Message); err == nil {
				summary = parsed
			}
		}
	}
	return summary
}
