package status

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// conditions are all conditions of the status, Ready first, always in the same order. Those that no
// longer apply are not among them.
func (v *view) conditions(ready finding, progressing *metav1.Condition, verdicts []verdict) []metav1.Condition {
	list := []metav1.Condition{v.since(v1alpha1.ConditionReady, ready)}
	if progressing != nil {
		list = append(list, *progressing)
	}
	for _, c := range verdicts {
		list = append(list, v.since(c.conditionType, c.finding))
	}
	return list
}

// since returns a condition whose time is when its status last changed.
func (v *view) since(conditionType string, f finding) metav1.Condition {
	c := v.condition(conditionType, f)
	c.LastTransitionTime = v.now()
	before := meta.FindStatusCondition(v.p.Status.Conditions, conditionType)
	if before != nil && before.Status == c.Status {
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

// progressing is the condition Reconciling or Stalled; nil if there is nothing to do.
func (v *view) progressing(causes []cause) *metav1.Condition {
	top := heaviest(causes, func(cause) bool { return true })
	if top.weight == fine || v.p.Spec.Suspend {
		return nil
	}
	if v.stalls(top) {
		v.observedGeneration = v.p.Generation // a deliberate stop counts as having acted
		return v.sinceCause(v1alpha1.ConditionStalled, top)
	}
	if top.reason == v1alpha1.ReasonIndexing {
		top.message = v.indexing()
	}
	return v.sinceCause(v1alpha1.ConditionReconciling, top)
}

// stalls reports whether only the user can help: because of the kind of the cause, or because it
// has lasted too long. A pipeline that has stalled for the latter stays so until the cause changes.
func (v *view) stalls(top finding) bool {
	switch {
	case top.weight == terminal:
		return true
	case top.stallAfter == 0:
		return false
	}
	if c := v.previous(v1alpha1.ConditionStalled); c != nil && c.Reason == top.lateReason() {
		return true
	}
	c := v.previous(v1alpha1.ConditionReconciling)
	return c != nil && c.Reason == top.reason && v.Now.Sub(c.LastTransitionTime.Time) >= top.stallAfter
}

// lateReason is the finding's reason once it has lasted too long.
func (f finding) lateReason() string {
	if f.late != "" && f.reason == v1alpha1.ReasonStarting {
		return v1alpha1.ReasonStartupTimedOut
	}
	return f.reason
}

// sinceCause returns a condition whose time is when its cause began.
func (v *view) sinceCause(conditionType string, f finding) *metav1.Condition {
	if conditionType == v1alpha1.ConditionStalled {
		f.reason, f.message = f.lateReason(), cmp.Or(f.late, f.message)
	}
	c := v.condition(conditionType, f)
	c.Status = metav1.ConditionTrue
	c.LastTransitionTime = v.now()
	if before := v.previous(conditionType); before != nil && before.Reason == c.Reason {
		c.LastTransitionTime = before.LastTransitionTime
	}
	return &c
}

// indexing describes the progress of an ingestion run, with the figures that the status shows.
func (v *view) indexing() string {
	message := "documents are being indexed"
	switch {
	case v.Live != "" && v.Live != v.Wanted:
		message = "the next index is being built"
	case v.Run != nil && v.Run.Upgrade:
		message = "documents are being read again after an upgrade of the operator"
	}
	if v.index == nil || v.index.Building == nil || v.index.Building.DocumentsTotal == 0 {
		return message
	}
	b := v.index.Building
	return fmt.Sprintf("%s: %d of %d documents (%d%%)", message, b.DocumentsDone, b.DocumentsTotal, percent(b))
}

func percent(b *v1alpha1.Building) int64 {
	if b.DocumentsTotal <= 0 {
		return 0
	}
	return 100 * b.DocumentsDone / b.DocumentsTotal
}

// Event is a change in the life of a pipeline.
type Event struct {
	Type    string // corev1.EventTypeNormal or corev1.EventTypeWarning
	Reason  string
	Action  string // of the operator
	Message string
}

// The reasons of events that are not reasons of conditions.
const (
	EventGenerationSwitched = "GenerationSwitched" // another generation serves
	EventGenerationBuilding = "GenerationBuilding" // a run has begun to build another generation
	EventIndexed            = "Indexed"            // an ingestion run has ended, and the index matches its sources
	EventRemoved            = "Removed"            // documents are removed and proved gone
	EventPartlyRead         = "PartlyRead"         // a run has indexed documents with warnings
	EventRecovered          = "Recovered"          // the pipeline is no longer Stalled
)

// Events returns the changes from one status to the next: each condition with another status or
// reason, another live generation, a run that has ended, other documents that were only partly
// read. Equal statuses give none.
func Events(before, now v1alpha1.RAGPipelineStatus) []Event {
	var list []Event
	for _, c := range now.Conditions {
		was := meta.FindStatusCondition(before.Conditions, c.Type)
		same := was != nil && was.Status == c.Status && was.Reason == c.Reason
		queued := c.Reason == v1alpha1.ReasonQueued
		if same || c.Type == v1alpha1.ConditionReconciling && !queued || beginning(was, c) {
			continue
		}
		list = append(list, transition(c, now.FirstReadyTime == nil))
	}
	if gone(before, now, v1alpha1.ConditionStalled) {
		list = append(list, Event{corev1.EventTypeNormal, EventRecovered, "Reconcile", "the pipeline is no longer stalled"})
	}
	none := new(v1alpha1.IndexStatus)
	return append(list, indexEvents(cmp.Or(before.Index, none), cmp.Or(now.Index, none))...)
}

// beginning reports whether a condition is new and in a normal state, which is not worth an event.
func beginning(was *metav1.Condition, c metav1.Condition) bool {
	return was == nil && c.Status != metav1.ConditionTrue && quiet[c.Reason] && c.Type != v1alpha1.ConditionStalled
}

// quiet holds the reasons of normal operation: the work is in progress, or waits for other work. A
// wait that does not end makes the pipeline Stalled.
var quiet = map[string]bool{
	v1alpha1.ReasonReady:           true,
	v1alpha1.ReasonSuspended:       true,
	v1alpha1.ReasonStarting:        true,
	v1alpha1.ReasonRollingOut:      true,
	v1alpha1.ReasonNotProbed:       true,
	v1alpha1.ReasonWaiting:         true,
	v1alpha1.ReasonVolumeNotBound:  true,
	v1alpha1.ReasonWaitingForIndex: true,
	v1alpha1.ReasonWaitingToIndex:  true,
	v1alpha1.ReasonQueued:          true,
	v1alpha1.ReasonIndexing:        true,
	v1alpha1.ReasonGatewayNotReady: true,
}

// unanswered holds the reasons that a component has while another one is still starting. They are
// normal until the pipeline is first Ready.
var unanswered = map[string]bool{
	string(config.ModelUnreachable):    true,
	string(config.ModelNotReady):       true,
	string(config.IndexUnreachable):    true,
	v1alpha1.ReasonVectorStoreNotReady: true,
}

// transition is the event of one condition; starting reports whether the pipeline has never been
// Ready. The event's action is the condition's type, because a recorder that gets two events of one
// reason and action drops the second message and only counts it.
func transition(c metav1.Condition, starting bool) Event {
	e := Event{Type: corev1.EventTypeWarning, Reason: c.Reason, Action: c.Type}
	normal := quiet[c.Reason] || starting && unanswered[c.Reason]
	if normal && c.Type != v1alpha1.ConditionStalled {
		e.Type = corev1.EventTypeNormal
	}
	e.Message = fmt.Sprintf("%s is %s: %s", c.Type, c.Status, c.Message)
	if c.Type == v1alpha1.ConditionReady && c.Status == metav1.ConditionTrue || c.Type == v1alpha1.ConditionStalled ||
		c.Reason == v1alpha1.ReasonQueued {
		e.Message = fmt.Sprintf("%s: %s", c.Type, c.Message)
	}
	e.Message = cut(e.Message, maxMessage)
	return e
}

func gone(before, now v1alpha1.RAGPipelineStatus, conditionType string) bool {
	return meta.IsStatusConditionTrue(before.Conditions, conditionType) &&
		!meta.IsStatusConditionTrue(now.Conditions, conditionType)
}

func indexEvents(before, now *v1alpha1.IndexStatus) (list []Event) {
	if now.Generation != "" && now.Generation != before.Generation {
		message := "generation " + now.Generation + " is complete and now serves"
		list = append(list, Event{corev1.EventTypeNormal, EventGenerationSwitched, "Switch", message})
	}
	if e, begins := buildingEvent(before, now); begins {
		list = append(list, e)
	}
	if now.LastSyncTime != nil && !now.LastSyncTime.Equal(before.LastSyncTime) {
		list = append(list, Event{corev1.EventTypeNormal, EventIndexed, "Ingest", cut(contents(now), maxMessage)})
	}
	if e, changed := removedEvent(before, now); changed {
		list = append(list, e)
	}
	if e, changed := partlyReadEvent(before, now); changed {
		list = append(list, e)
	}
	return slices.Clip(list)
}

// buildingEvent tells that a run has begun to build a generation beside the live one, and why.
func buildingEvent(before, now *v1alpha1.IndexStatus) (Event, bool) {
	b := now.Building
	if b == nil || now.Generation == "" || b.Generation == now.Generation ||
		before.Building != nil && before.Building.Generation == b.Generation {
		return Event{}, false
	}
	message := fmt.Sprintf("generation %s is being built because of %s; generation %s serves until it is complete",
		b.Generation, cmp.Or(b.Message, b.Reason), now.Generation)
	if b.ChunksTotal > 0 {
		message += fmt.Sprintf("; about %s to embed", count(b.ChunksTotal, "chunk"))
		if seconds := secondsFor(b.ChunksTotal, now.ChunksPerSecond); seconds > 0 {
			message += ", in about " + short(seconds) + " at the rate of the last run"
		}
	}
	return Event{corev1.EventTypeNormal, EventGenerationBuilding, "Build", cut(message, maxMessage)}, true
}

// secondsFor is how long so many chunks take at a rate as the status has it, in whole seconds, or minutes if it is
// long; 0 if there is no rate.
func secondsFor(chunks int64, rate string) time.Duration {
	perSecond := PerSecond(rate)
	if perSecond == 0 {
		return 0
	}
	d := time.Duration(float64(chunks) / perSecond * float64(time.Second))
	if d > 10*time.Minute {
		return d.Round(time.Minute)
	}
	return max(d.Round(time.Second), time.Second)
}
