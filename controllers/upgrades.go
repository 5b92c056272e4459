package controllers

import (
	"context"
	"slices"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// upgrades knows the pipelines that have a task which only an upgrade of the operator made due. A pipeline is among
// them from the plan that starts the task to the first pass that finds it ended.
type upgrades struct {
	mu sync.Mutex // is held while a plan is made, so that no two plans take the last turn
	// active is nil until the Jobs were read that an earlier process of the operator made.
	active map[types.NamespacedName]bool
}

// plan makes the plan of a pass, in the knowledge of the other pipelines' tasks.
func (r *Reconciler) plan(ctx context.Context, s *plan.State) (plan.Plan, error) {
	u := &r.upgrades
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.load(ctx, r.Client); err != nil {
		return plan.Plan{}, err
	}
	pipeline := client.ObjectKeyFromObject(s.Pipeline)
	s.OtherUpgrades = len(u.active)
	if u.active[pipeline] {
		s.OtherUpgrades--
	}
	next, err := plan.For(s, r.now())
	if err == nil {
		u.put(pipeline, next.Upgrades())
	}
	return next, err
}

func (u *upgrades) load(ctx context.Context, reader client.Reader) error {
	if u.active != nil {
		return nil
	}
	var jobs batchv1.JobList
	if err := reader.List(ctx, &jobs, client.MatchingLabels{naming.LabelManagedBy: naming.Manager}); err != nil {
		return err
	}
	u.active = map[types.NamespacedName]bool{}
	for i, job := range jobs.Items {
		if plan.Upgrading(&jobs.Items[i]) {
			u.active[types.NamespacedName{Namespace: job.Namespace, Name: job.Labels[naming.LabelPipeline]}] = true
		}
	}
	return nil
}

func (u *upgrades) put(pipeline types.NamespacedName, active bool) {
	if active {
		u.active[pipeline] = true
	} else {
		delete(u.active, pipeline)
	}
}

// releaseTurn takes from a pipeline without a plan its turn, unless its task is active: one that is suspended, or whose
// pass failed, before or after it made the task. It asks the API server, since the cache may not have the task yet.
func (r *Reconciler) releaseTurn(ctx context.Context, pipeline types.NamespacedName) {
	u := &r.upgrades
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.active[pipeline] {
		return
	}
	var jobs batchv1.JobList
	err := r.Uncached.List(ctx, &jobs, client.InNamespace(pipeline.Namespace),
		client.MatchingLabels{naming.LabelManagedBy: naming.Manager, naming.LabelPipeline: pipeline.Name})
	if err != nil {
		return // a later pass asks again
	}
	u.put(pipeline, slices.ContainsFunc(jobs.Items, func(job batchv1.Job) bool { return plan.Upgrading(&job) }))
}

// forget takes its turn from a pipeline that is gone.
func (u *upgrades) forget(pipeline types.NamespacedName) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.active, pipeline)
}
