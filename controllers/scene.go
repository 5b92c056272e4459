package controllers

import (
	"cmp"
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// scene is what a pass finds, before it acts.
type scene struct {
	pipeline     *v1alpha1.RAGPipeline
	deployments  map[string]*appsv1.Deployment
	statefulSets map[string]*appsv1.StatefulSet
	jobs         []*batchv1.Job // by creation, the newest last
	pods         []corev1.Pod
	records      map[string]desired.Record // by fingerprint, the wanted one included
	wanted       string                    // fingerprint
	gateways     []config.OpsStatus
	unreadable   int
	ingestion    []config.OpsStatus // of the ingestion's running pods
	sources      []desired.SourceVersion
	missing      []status.Missing
	// written is the generation that we last gave a workload: what has a lower one is from before that.
	written func(kind, name string) int64
}

// look reads everything that a pass needs. An error means that the pass cannot be made.
func (r *Reconciler) look(ctx context.Context, p *v1alpha1.RAGPipeline) (*scene, error) {
	s := &scene{pipeline: p, written: func(kind, name string) int64 {
		return r.Applier.Generation(p, apply.Key{Kind: kind, Name: name})
	}}
	for _, step := range []func(context.Context, *scene) error{
		r.lookAtWorkloads,
		r.lookAtPods,
		r.lookAtGenerations,
		r.lookAtReferences,
	} {
		if err := step(ctx, s); err != nil {
			return nil, err
		}
	}
	r.readReports(ctx, s)
	return s, nil
}

func (r *Reconciler) lookAtWorkloads(ctx context.Context, s *scene) error {
	var deployments appsv1.DeploymentList
	var statefulSets appsv1.StatefulSetList
	var jobs batchv1.JobList
	for _, list := range []client.ObjectList{&deployments, &statefulSets, &jobs} {
		if err := r.Client.List(ctx, list, s.children()...); err != nil {
			return err
		}
	}
	s.deployments = map[string]*appsv1.Deployment{}
	for i, d := range deployments.Items {
		if metav1.IsControlledBy(&d, s.pipeline) {
			s.deployments[d.Name] = &deployments.Items[i]
		}
	}
	s.statefulSets = map[string]*appsv1.StatefulSet{}
	for i, set := range statefulSets.Items {
		if metav1.IsControlledBy(&set, s.pipeline) {
			s.statefulSets[set.Name] = &statefulSets.Items[i]
		}
	}
	for i, job := range jobs.Items {
		if metav1.IsControlledBy(&job, s.pipeline) {
			s.jobs = append(s.jobs, &jobs.Items[i])
		}
	}
	slices.SortFunc(s.jobs, func(a, b *batchv1.Job) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

func (r *Reconciler) lookAtPods(ctx context.Context, s *scene) error {
	var pods corev1.PodList
	if err := r.Client.List(ctx, &pods, s.children()...); err != nil {
		return err
	}
	s.pods = pods.Items
	slices.SortFunc(s.pods, func(a, b corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return nil
}

// children select what was made for the pipeline. A pod has its workload for an owner, so its labels must do; an
// earlier pipeline of the same name may have left some that are about to end. They are the cache's own: nothing here
// changes them.
func (s *scene) children() []client.ListOption { return apply.MadeFor(s.pipeline) }

// podsOf are the pods of a component that have not ended, by creation.
func (s *scene) podsOf(component string) (pods []corev1.Pod) {
	for _, pod := range s.pods {
		if pod.Labels[naming.LabelComponent] == component && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			pods = append(pods, pod)
		}
	}
	return pods
}

// facts are what the children depend on.
func (s *scene) facts() desired.Facts {
	names := naming.For(s.pipeline)
	f := desired.Facts{Live: s.live(), Draining: s.left()}
	if set := s.statefulSets[names.Weaviate()]; set != nil {
		f.WeaviateImage = image(set.Spec.Template.Spec.Containers)
	}
	return f
}

func image(containers []corev1.Container) string {
	if len(containers) == 0 {
		return ""
	}
	return containers[0].Image
}
