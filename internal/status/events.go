package status

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// Event is something that happened to a pipeline.
type Event struct {
	Type    string // corev1.EventTypeNormal or corev1.EventTypeWarning
	Reason  string
	Action  string // what the operator was doing
	Message string
}

// The reasons of events that are no condition's.
const (
	EventGenerationSwitched = "GenerationSwitched" // another index serves
	EventIndexed            = "Indexed"            // an ingestion run has ended, and the index equals its sources
	EventRecovered          = "Recovered"          // the pipeline is no longer Stalled
)

// Events are what changed from one status to the next: each condition whose status or reason is another, another live
// generation, a run that has ended. Equal statuses give none.
func Events(before, now v1alpha1.RAGPipelineStatus) []Event {
	var list []Event
	for _, c := range now.Conditions {
		was := meta.FindStatusCondition(before.Conditions, c.Type)
		if was != nil && was.Status == c.Status && was.Reason == c.Reason || c.Type == v1alpha1.ConditionReconciling || beginning(was, c) {
			continue
		}
		list = append(list, transition(c))
	}
	if gone(before, now, v1alpha1.ConditionStalled) {
		list = append(list, Event{corev1.EventTypeNormal, EventRecovered, "Reconcile", "the pipeline is no longer stalled"})
	}
	return append(list, indexEvents(cmp.Or(before.Index, new(v1alpha1.IndexStatus)), cmp.Or(now.Index, new(v1alpha1.IndexStatus)))...)
}

// beginning: a component that is first looked at and not there yet is no news.
func beginning(was *metav1.Condition, c metav1.Condition) bool {
	return was == nil && c.Status != metav1.ConditionTrue && quiet[c.Reason] && c.Type != v1alpha1.ConditionStalled
}

// quiet holds the reasons that belong to the normal course: the work is in progress, or waits for other work. A wait
// that does not end makes the pipeline Stalled.
var quiet = map[string]bool{
	v1alpha1.ReasonReady: true, v1alpha1.ReasonSuspended: true, v1alpha1.ReasonStarting: true, v1alpha1.ReasonRollingOut: true,
	v1alpha1.ReasonNotProbed: true, v1alpha1.ReasonWaiting: true, v1alpha1.ReasonVolumeNotBound: true,
	v1alpha1.ReasonWaitingForIndex: true, v1alpha1.ReasonWaitingToIndex: true, v1alpha1.ReasonIndexing: true,
	v1alpha1.ReasonGatewayNotReady: true,
}

// transition is the event of one condition, which its action names: a recorder that gets two of one reason and action
// writes the first, counts the other and drops its message.
func transition(c metav1.Condition) Event {
	e := Event{Type: corev1.EventTypeWarning, Reason: c.Reason, Action: c.Type, Message: c.Message}
	if quiet[c.Reason] && c.Type != v1alpha1.ConditionStalled {
		e.Type = corev1.EventTypeNormal
	}
	if c.Type == v1alpha1.ConditionReady && c.Status == metav1.ConditionTrue || c.Type == v1alpha1.ConditionStalled {
		e.Message = fmt.Sprintf("%s: %s", c.Type, c.Message)
	} else {
		e.Message = fmt.Sprintf("%s is %s: %s", c.Type, c.Status, c.Message)
	}
	e.Message = cut(e.Message, maxMessage)
	return e
}

func gone(before, now v1alpha1.RAGPipelineStatus, conditionType string) bool {
	return meta.IsStatusConditionTrue(before.Conditions, conditionType) && !meta.IsStatusConditionTrue(now.Conditions, conditionType)
}

func indexEvents(before, now *v1alpha1.IndexStatus) (list []Event) {
	if now.Generation != "" && now.Generation != before.Generation {
		list = append(list, Event{corev1.EventTypeNormal, EventGenerationSwitched, "Switch", "generation " + now.Generation + " is complete and takes over"})
	}
	if now.LastSyncTime != nil && !now.LastSyncTime.Equal(before.LastSyncTime) {
		list = append(list, Event{corev1.EventTypeNormal, EventIndexed, "Ingest", cut(holds(now), maxMessage)})
	}
	return slices.Clip(list)
}
