package controllers_test

import (
	"context"
	"encoding/json"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// documents is how many a run lists and indexes.
const documents = 3

// playJobs gives each Job a pod, and ends it a beat after that pod runs.
func (c *cluster) playJobs(ctx context.Context) error {
	var jobs batchv1.JobList
	var pods corev1.PodList
	for _, list := range []client.ObjectList{&jobs, &pods} {
		if err := c.List(ctx, list, client.InNamespace(c.namespace)); err != nil {
			return err
		}
	}
	for _, job := range jobs.Items {
		if job.DeletionTimestamp == nil && job.Status.CompletionTime == nil {
			if err := c.runJob(ctx, &job, pods.Items); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *cluster) runJob(ctx context.Context, job *batchv1.Job, pods []corev1.Pod) error {
	for _, pod := range pods {
		if !metav1.IsControlledBy(&pod, job) || pod.DeletionTimestamp != nil {
			continue
		}
		if pod.Status.Phase != corev1.PodRunning {
			_, err := c.keep(ctx, &pod)
			return err
		}
		c.mu.Lock()
		held := c.held
		c.mu.Unlock()
		if held {
			return nil
		}
		if err := c.endPod(ctx, &pod); err != nil {
			return err
		}
		return c.endJob(ctx, job)
	}
	return c.createPod(ctx, job, batchv1.SchemeGroupVersion.WithKind("Job"), job.Spec.Template, config.Hash(job.Spec.Template)[:8])
}

// endPod leaves the summary of a run that has indexed everything.
func (c *cluster) endPod(ctx context.Context, pod *corev1.Pod) error {
	summary, err := json.Marshal(config.Summary{
		Generation: pod.Labels[naming.LabelGeneration], Listed: documents, Indexed: documents, Chunks: 3 * documents, Embedded: 3 * documents,
	})
	if err != nil {
		return err
	}
	pod.Status.Phase, pod.Status.Conditions = corev1.PodSucceeded, nil
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name:  pod.Spec.Containers[0].Name,
		Image: pod.Spec.Containers[0].Image,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Message: string(summary)}},
	}}
	return c.Status().Update(ctx, pod)
}

func (c *cluster) endJob(ctx context.Context, job *batchv1.Job) error {
	now := metav1.Now()
	c.with(func() {
		pipeline := job.Labels[naming.LabelPipeline]
		if c.indexed[pipeline] == nil {
			c.indexed[pipeline] = map[string]time.Time{}
		}
		c.indexed[pipeline][job.Labels[naming.LabelGeneration]] = now.Time
		c.runs++
	})
	job.Status = batchv1.JobStatus{
		StartTime: &now, CompletionTime: &now, Succeeded: 1,
		Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now},
			{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now},
		},
	}
	return c.Status().Update(ctx, job)
}
