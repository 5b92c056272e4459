package status

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// conditions are all that the status has, always in one order. What no longer applies is not among them.
func (v *view) conditions(ready finding, progressing *metav1.Condition, components []component) []metav1.Condition {
	list := []metav1.Condition{v.since(v1alpha1.ConditionReady, ready)}
	if progressing != nil {
		list = append(list, *progressing)
	}
	for _, c := range components {
		list = append(list, v.since(c.conditionType, c.finding))
	}
	return list
}

// since is a condition whose time is when its status last changed.
func (v *view) since(conditionType string, f finding) metav1.Condition {
	c := v.condition(conditionType, f)
	c.LastTransitionTime = v.now()
	if before := meta.FindStatusCondition(v.p.Status.Conditions, conditionType); before != nil && before.Status == c.Status {
		c.LastTransitionTime = before.LastTransitionTime
	}
	return c
}

func (v *view) condition(conditionType string, f finding) metav1.Condition {
	return metav1.Condition{
		Type:               conditionType,
		Status:             f.status,
		Reason:             f.reason,
		Message:            cut(f.message, maxMessage),
		ObservedGeneration: max(v.observedGeneration, 0),
	}
}

func (v *view) now() metav1.Time { return metav1.NewTime(v.Now).Rfc3339Copy() }
