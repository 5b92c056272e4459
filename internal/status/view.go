package status

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// view is one observation, prepared for the checks.
type view struct {
	Observed
	p *v1alpha1.RAGPipeline
	// observedGeneration is what the status will carry, unless the pass turns out to be stalled.
	observedGeneration int64
	// answering are the reports of gateways that take questions, starting those of the others.
	answering, starting []config.OpsStatus
}

func newView(p *v1alpha1.RAGPipeline, o Observed) *view {
	v := &view{Observed: o, p: p, observedGeneration: p.Generation}
	if o.Problem != nil && !o.Problem.Terminal {
		v.observedGeneration = cmp.Or(p.Status.ObservedGeneration, -1) // this pass has not acted on all of the spec
	}
	for _, r := range o.Gateways {
		if r.Ready {
			v.answering = append(v.answering, r)
		} else {
			v.starting = append(v.starting, r)
		}
	}
	v.Missing = slices.Clone(o.Missing)
	slices.SortFunc(v.Missing, func(a, b Missing) int {
		return cmp.Or(cmp.Compare(rank(a.Component), rank(b.Component)), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Name, b.Name))
	})
	return v
}

func rank(component string) int {
	return slices.Index([]string{naming.ComponentWeaviate, naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentLLM, naming.ComponentIngest, naming.ComponentGateway}, component)
}

// wasReady reports whether the pipeline has been Ready before this pass. A status from before
// firstReadyTime existed shows it by its Ready condition alone.
func (v *view) wasReady() bool {
	return v.p.Status.FirstReadyTime != nil ||
		meta.IsStatusConditionTrue(v.p.Status.Conditions, v1alpha1.ConditionReady)
}

// firstReadyTime is when the pipeline first became Ready, given its Ready condition of this pass.
func (v *view) firstReadyTime(ready metav1.Condition) *metav1.Time {
	if t := v.p.Status.FirstReadyTime; t != nil {
		return t.DeepCopy()
	}
	if before := meta.FindStatusCondition(v.p.Status.Conditions, v1alpha1.ConditionReady); before != nil &&
		before.Status == metav1.ConditionTrue {
		return before.LastTransitionTime.DeepCopy()
	}
	if ready.Status == metav1.ConditionTrue {
		return ready.LastTransitionTime.DeepCopy()
	}
	return nil
}

// previous is the condition as the status has it, if it is about the same spec; nil otherwise.
func (v *view) previous(conditionType string) *metav1.Condition {
	c := meta.FindStatusCondition(v.p.Status.Conditions, conditionType)
	if c == nil || c.ObservedGeneration != max(v.observedGeneration, 0) {
		return nil
	}
	return c
}

// blind: gateways are ready, and not one of their reports could be read.
func (v *view) blind() bool { return v.Unreadable > 0 && len(v.Gateways) == 0 }

// stage is what the gateways say of a stage: those that answer first, of them any that has trouble, of those the
// same one every time.
func (v *view) stage(name config.Stage) (config.StageStatus, bool) {
	if s, heard := worst(v.answering, name); heard {
		return s, true
	}
	return worst(v.starting, name)
}

func worst(reports []config.OpsStatus, name config.Stage) (worst config.StageStatus, heard bool) {
	for _, r := range reports {
		s, has := r.Stages[name]
		if !has {
			continue
		}
		if !heard || worst.OK && !s.OK || worst.OK == s.OK && cmp.Or(cmp.Compare(s.Reason, worst.Reason), cmp.Compare(s.Message, worst.Message), cmp.Compare(s.HTTPStatus, worst.HTTPStatus)) < 0 {
			worst = s
		}
		heard = true
	}
	return worst, heard
}

// missing is the first missing object without which a component cannot work.
func (v *view) missing(component string) (finding, bool) {
	for _, m := range v.Missing {
		if m.Component == component {
			return m.finding(), true
		}
	}
	return none, false
}
