package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Sync asks for a run, by a new value of the annotation.
func (c *Cluster) Sync(ctx context.Context, p *v1alpha1.RAGPipeline, value string) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{naming.AnnotationSync: value}},
	})
	if err != nil {
		return err
	}
	err = c.Patch(ctx, p.DeepCopy(), client.RawPatch(types.MergePatchType, patch))
	return explained("annotate RAGPipeline "+p.Namespace+"/"+p.Name, err)
}

// Run returns the newest Job that a value of the annotation asked for: the live generation's if it has one, or else
// that of another generation's build. It returns nil if the value asked for no Job.
func (c *Cluster) Run(ctx context.Context, p *v1alpha1.RAGPipeline, value string) (newest *batchv1.Job, err error) {
	var list batchv1.JobList
	err = c.List(ctx, &list, client.InNamespace(p.Namespace), client.MatchingLabels{
		naming.LabelPipeline: p.Name, naming.LabelComponent: naming.ComponentIngest,
	})
	if err != nil {
		return nil, fmt.Errorf("list the Jobs of %s/%s: %w", p.Namespace, p.Name, err)
	}
	live := false // reports whether the newest is the live generation's
	for i := range list.Items {
		job := &list.Items[i]
		own := p.Status.Index != nil && job.Labels[naming.LabelGeneration] == p.Status.Index.Generation
		switch {
		case job.Annotations[naming.AnnotationSync] != value || job.Labels[naming.LabelTask] != "" && !own:
		case newest == nil, own && !live, own == live && newest.CreationTimestamp.Before(&job.CreationTimestamp):
			newest, live = job, own
		}
	}
	return newest, nil
}

// Ended returns how a Job ended; empty while it has not.
func Ended(job *batchv1.Job) batchv1.JobConditionType {
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return c.Type
		}
	}
	return ""
}
