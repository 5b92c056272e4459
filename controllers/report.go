package controllers

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// report writes the status once if it changed, and then says what changed.
func (r *Reconciler) report(ctx context.Context, p *v1alpha1.RAGPipeline, now v1alpha1.RAGPipelineStatus) error {
	before := p.Status
	r.metrics.set(p, now.Conditions)
	if equality.Semantic.DeepEqual(before, now) || !r.progress.due(client.ObjectKeyFromObject(p), before, now, r.now()) {
		return nil
	}
	p.Status = now
	if err := r.Client.Status().Update(ctx, p); err != nil {
		return client.IgnoreNotFound(err)
	}
	for _, e := range status.Events(before, now) {
		r.Events.Eventf(p, nil, e.Type, e.Reason, e.Action, "%s", e.Message)
	}
	return nil
}

// progressPause is the least time between two writes that only show progress.
const progressPause = 5 * time.Second

// progress remembers when each pipeline's progress was written.
type progress struct{ written sync.Map }

// due says whether a change of the status is to be written now: one of progress alone waits for its turn.
func (w *progress) due(key types.NamespacedName, before, now v1alpha1.RAGPipelineStatus, at time.Time) bool {
	if equality.Semantic.DeepEqual(withoutProgress(before), withoutProgress(now)) {
		if last, ok := w.written.Load(key); ok && at.Sub(last.(time.Time)) < progressPause {
			return false
		}
	}
	w.written.Store(key, at)
	return true
}

func (w *progress) forget(key types.NamespacedName) { w.written.Delete(key) }

// withoutProgress is the status without the figures of what is being built.
func withoutProgress(s v1alpha1.RAGPipelineStatus) v1alpha1.RAGPipelineStatus {
	s = *s.DeepCopy()
	if s.Index != nil && s.Index.Building != nil {
		s.Index.Building.DocumentsDone, s.Index.Building.DocumentsTotal = 0, 0
	}
	return s
}
