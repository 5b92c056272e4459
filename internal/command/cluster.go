package command

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/command/cluster"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// access is a cluster as the user may read it.
type access struct {
	client.Client
	namespace string
}

// connect finds the cluster. The pipeline's own namespace decides unless a flag does.
func connect(f *cluster.Flags, p *v1alpha1.RAGPipeline) (*access, error) {
	c, err := f.Connect()
	if err != nil {
		return nil, err
	}
	if f.Namespace == "" && p.Namespace != "default" { // which is what a manifest without a namespace gets
		c.Namespace = p.Namespace
	}
	return &access{Client: c, namespace: c.Namespace}, nil
}

// validate returns the pipeline as the API server would store it, by a request that changes nothing. Its own message
// says what is wrong. Where the user may not write, the manifest is taken as it is.
func (a *access) validate(
	ctx context.Context, p *v1alpha1.RAGPipeline,
) (next *v1alpha1.RAGPipeline, notes []string, err error) {
	next = p.DeepCopy()
	next.Namespace = a.namespace
	present := new(v1alpha1.RAGPipeline)
	err = a.Get(ctx, client.ObjectKeyFromObject(next), present)
	checked := next.DeepCopy()
	switch {
	case meta.IsNoMatchError(err):
		return nil, nil, exit{fmt.Errorf("the cluster does not know RAGPipelines: install the operator first: %w", err),
			exitUnreadable}
	case apierrors.IsNotFound(err):
		err = a.Create(ctx, checked, client.DryRunAll)
	case err == nil:
		checked.ResourceVersion, checked.UID = present.ResourceVersion, present.UID
		err = a.Update(ctx, checked, client.DryRunAll)
	default:
		return nil, nil, exit{fmt.Errorf("read the pipeline: %w", err), exitUnreadable}
	}
	switch {
	case apierrors.IsForbidden(err):
		return next, []string{"the API server did not check the manifest, because you may not write RAGPipelines: " +
			err.Error()}, nil
	case apierrors.IsInvalid(err):
		return nil, nil, unusable{err}
	case err != nil:
		return nil, nil, exit{fmt.Errorf("have the API server check the manifest: %w", err), exitUnreadable}
	}
	return checked, nil, nil
}

// read reads what the preview looks at. What the user may not read is left out.
func (a *access) read(ctx context.Context, next *v1alpha1.RAGPipeline) (c plan.Cluster, err error) {
	present := new(v1alpha1.RAGPipeline)
	switch err := a.Get(ctx, client.ObjectKeyFromObject(next), present); {
	case err == nil:
		c.Pipeline = present
	case !apierrors.IsNotFound(err):
		return c, fmt.Errorf("read the pipeline: %w", err)
	}
	for _, step := range []func(context.Context, *v1alpha1.RAGPipeline, *plan.Cluster) error{
		a.readRecords, a.readWorkloads, a.readVolumes, a.readNodes,
	} {
		if err := step(ctx, next, &c); err != nil && !apierrors.IsForbidden(err) {
			return c, err
		}
	}
	return c, nil
}

// readRecords reads what the generations are. The present spec's stands in for a live one that cannot be read.
func (a *access) readRecords(ctx context.Context, p *v1alpha1.RAGPipeline, c *plan.Cluster) error {
	c.Records = map[string]desired.Record{}
	if c.Pipeline == nil {
		return nil
	}
	now := desired.NewRecord(c.Pipeline)
	c.Records[now.Fingerprint()] = now
	var list corev1.ConfigMapList
	err := a.List(ctx, &list, client.InNamespace(a.namespace), client.MatchingLabels{
		naming.LabelPipeline: p.Name, naming.LabelComponent: naming.ComponentGeneration,
	})
	if err != nil {
		return err
	}
	for _, object := range list.Items {
		var record desired.Record
		if json.Unmarshal([]byte(object.Data[desired.RecordKey]), &record) == nil {
			c.Records[record.Fingerprint()] = record
		}
	}
	return nil
}

func (a *access) readWorkloads(ctx context.Context, p *v1alpha1.RAGPipeline, c *plan.Cluster) error {
	c.Replicas = map[string]int32{}
	ours := []client.ListOption{client.InNamespace(a.namespace), client.MatchingLabels{naming.LabelPipeline: p.Name}}
	var deployments appsv1.DeploymentList
	var sets appsv1.StatefulSetList
	if err := a.List(ctx, &deployments, ours...); err != nil {
		return err
	}
	for _, d := range deployments.Items {
		c.Replicas[plan.ObjectKey("Deployment", d.Name)] = ptr.Deref(d.Spec.Replicas, 1)
	}
	if err := a.List(ctx, &sets, ours...); err != nil {
		return err
	}
	for _, set := range sets.Items {
		c.Replicas[plan.ObjectKey("StatefulSet", set.Name)] = ptr.Deref(set.Spec.Replicas, 1)
	}
	return nil
}

func (a *access) readVolumes(ctx context.Context, _ *v1alpha1.RAGPipeline, c *plan.Cluster) error {
	var list corev1.PersistentVolumeClaimList
	c.Volumes = map[string]bool{}
	if err := a.List(ctx, &list, client.InNamespace(a.namespace)); err != nil {
		return err
	}
	for _, claim := range list.Items {
		c.Volumes[claim.Name] = true
	}
	return nil
}

// readNodes reads all nodes and all pods, which takes rights in the whole cluster.
func (a *access) readNodes(ctx context.Context, _ *v1alpha1.RAGPipeline, c *plan.Cluster) error {
	var nodes corev1.NodeList
	var pods corev1.PodList
	if err := a.List(ctx, &nodes); err != nil {
		return err
	}
	if err := a.List(ctx, &pods); err != nil {
		return err
	}
	c.Nodes, c.Pods = nodes.Items, pods.Items
	return nil
}
