package status

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// progressing is the condition Reconciling or Stalled; nil when there is nothing to do.
func (v *view) progressing(causes []cause, index *v1alpha1.IndexStatus) *metav1.Condition {
	top := heaviest(causes, func(cause) bool { return true })
	if top.weight == fine || v.p.Spec.Suspend {
		return nil
	}
	if v.stalls(top) {
		v.observedGeneration = v.p.Generation // a deliberate stop counts as having acted
		return v.lasting(v1alpha1.ConditionStalled, top)
	}
	if top.reason == v1alpha1.ReasonIndexing {
		top.message = indexing(v.Live != "" && v.Live != v.Wanted, index)
	}
	return v.lasting(v1alpha1.ConditionReconciling, top)
}

// stalls says whether nothing but the user is going to help: by the kind of the cause, or because it has lasted. What
// has stalled for its age stays so until the cause is another.
func (v *view) stalls(top finding) bool {
	switch {
	case top.weight == terminal:
		return true
	case top.patience == 0:
		return false
	}
	if c := v.previous(v1alpha1.ConditionStalled); c != nil && c.Reason == top.lateReason() {
		return true
	}
	c := v.previous(v1alpha1.ConditionReconciling)
	return c != nil && c.Reason == top.reason && v.Now.Sub(c.LastTransitionTime.Time) >= top.patience
}

// lateReason is the finding's reason once its patience is over.
func (f finding) lateReason() string {
	if f.late != "" && f.reason == v1alpha1.ReasonStarting {
		return v1alpha1.ReasonStartupTimedOut
	}
	return f.reason
}

// lasting is a condition whose time is that of its cause.
func (v *view) lasting(conditionType string, f finding) *metav1.Condition {
	if conditionType == v1alpha1.ConditionStalled {
		f.reason = f.lateReason()
		if f.late != "" {
			f.message = f.late
		}
	}
	c := v.condition(conditionType, f)
	c.Status = metav1.ConditionTrue
	if before := v.previous(conditionType); before != nil && before.Reason == c.Reason {
		c.LastTransitionTime = before.LastTransitionTime
	} else {
		c.LastTransitionTime = v.now()
	}
	return &c
}

// indexing says how far an ingestion run is, with the figures that the status shows.
func indexing(next bool, index *v1alpha1.IndexStatus) string {
	what := "documents are being indexed"
	if next {
		what = "the next index is being built"
	}
	if index == nil || index.Building == nil || index.Building.DocumentsTotal == 0 {
		return what
	}
	b := index.Building
	return fmt.Sprintf("%s: %d of %d documents (%d%%)", what, b.DocumentsDone, b.DocumentsTotal, percent(b))
}

func percent(b *v1alpha1.Building) int64 {
	if b.DocumentsTotal <= 0 {
		return 0
	}
	return 100 * b.DocumentsDone / b.DocumentsTotal
}
