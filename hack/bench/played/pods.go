package played

import (
	"context"
	"encoding/json"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// beat is how soon a player looks again at what no watch signals.
const beat = 200 * time.Millisecond

// again makes a conflict with another player no error.
func again(err error) (reconcile.Result, error) {
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return reconcile.Result{RequeueAfter: beat}, nil
	}
	return reconcile.Result{}, err
}

func isReady(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// pod plays the kubelet: a pod runs at once, and is ready when it can serve.
func (p *players) pod(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	pod := new(corev1.Pod)
	if err := p.Get(ctx, request.NamespacedName, pod); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if pod.Status.Phase == corev1.PodSucceeded {
		p.reports.stop(pod)
		return reconcile.Result{}, nil
	}
	address, err := p.reports.serve(ctx, pod)
	if err != nil {
		return reconcile.Result{}, err
	}
	ready := pod.Labels[naming.LabelComponent] != naming.ComponentGateway || p.reports.of(pod).Ready
	if pod.Status.Phase == corev1.PodRunning && isReady(pod) == ready {
		if ready {
			return reconcile.Result{}, nil
		}
		return reconcile.Result{RequeueAfter: beat}, nil
	}
	run(pod, address, ready)
	return again(p.Status().Update(ctx, pod))
}

// run writes a status as full as a kubelet's.
func run(pod *corev1.Pod, address string, ready bool) {
	now := metav1.Now()
	state := map[bool]corev1.ConditionStatus{true: corev1.ConditionTrue, false: corev1.ConditionFalse}[ready]
	pod.Status.Phase, pod.Status.PodIP, pod.Status.HostIP = corev1.PodRunning, address, "192.0.2.1"
	pod.Status.PodIPs, pod.Status.HostIPs = []corev1.PodIP{{IP: address}}, []corev1.HostIP{{IP: "192.0.2.1"}}
	if pod.Status.StartTime == nil {
		pod.Status.StartTime = &now
	}
	pod.Status.Conditions, pod.Status.ContainerStatuses = nil, nil
	for _, condition := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodReadyToStartContainers, corev1.PodInitialized} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: condition, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	for _, condition := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: condition, Status: state, LastTransitionTime: now})
	}
	for _, container := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, ImageID: container.Image, ContainerID: "containerd://" + string(pod.UID),
			Ready: ready, Started: new(true), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
}

// ingesting is how long an ingestion runs.
const ingesting = time.Second

// job gives a Job its pod, and ends both after a while.
func (p *players) job(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	job := new(batchv1.Job)
	if err := p.Get(ctx, request.NamespacedName, job); err != nil || job.Status.CompletionTime != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	pods, err := p.podsOf(ctx, job)
	if err != nil {
		return reconcile.Result{}, err
	}
	name := podName(job, job.Spec.Template, 0)
	pod := pods[name]
	switch {
	case pod == nil:
		ref := metav1.NewControllerRef(job, batchv1.SchemeGroupVersion.WithKind("Job"))
		return again(p.createPod(ctx, job, ref, job.Spec.Template, name))
	case pod.Status.Phase == corev1.PodSucceeded:
		return again(p.endJob(ctx, job))
	case pod.Status.Phase != corev1.PodRunning:
		return reconcile.Result{}, nil // its kubelet is at it
	}
	if left := ingesting - time.Since(pod.Status.StartTime.Time); left > 0 {
		return reconcile.Result{RequeueAfter: left}, nil
	}
	return again(p.endPod(ctx, pod))
}

// documents is how many a run lists and indexes.
const documents = 3

// endPod leaves the summary of a run that has indexed everything.
func (p *players) endPod(ctx context.Context, pod *corev1.Pod) error {
	summary, err := json.Marshal(config.Summary{
		Generation: pod.Labels[naming.LabelGeneration], Listed: documents, Indexed: documents, Chunks: 3 * documents, Embedded: 3 * documents,
	})
	if err != nil {
		return err
	}
	run(pod, pod.Status.PodIP, false)
	pod.Status.Phase = corev1.PodSucceeded
	ended := &corev1.ContainerStateTerminated{Message: string(summary), FinishedAt: metav1.Now()}
	pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: ended}
	return p.Status().Update(ctx, pod)
}

func (p *players) endJob(ctx context.Context, job *batchv1.Job) error {
	now := metav1.Now()
	job.Status = batchv1.JobStatus{
		StartTime: &job.CreationTimestamp, CompletionTime: &now, Succeeded: 1,
		Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now},
			{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now},
		},
	}
	if err := p.Status().Update(ctx, job); err != nil {
		return err
	}
	p.reports.built(job, now.Time)
	return nil
}
