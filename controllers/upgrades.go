package controllers

import (
	"context"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
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
	u.put(pipeline, err == nil && next.Upgrades())
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

// observe takes from a pipeline without a plan its turn once its task has ended: one that is suspended or deleted, or
// whose task could not be made. The state is nil for a pipeline that is gone.
func (u *upgrades) observe(pipeline types.NamespacedName, s *plan.State) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if s == nil || !s.Upgrades() {
		delete(u.active, pipeline)
	}
}
