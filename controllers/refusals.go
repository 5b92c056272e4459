package controllers

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// failedCreate is the reason of the event by which the controllers of StatefulSets and Jobs tell that the API
// server refuses a pod.
const failedCreate = "FailedCreate"

// refusalLasts is how long a refusal counts as the cause: longer than the controllers wait between two attempts.
const refusalLasts = 20 * time.Minute

// maxEvents bounds how many events of a workload are read. Those of one reason and message are one event.
const maxEvents = 50

// readRefusals finds why StatefulSets and Jobs lack pods. It asks the API server, and only while they do: a
// cache of all events would cost more memory than everything else. An operator that may not list events, by
// permissions of an earlier version, goes without.
func (r *Reconciler) readRefusals(ctx context.Context, s *plan.State) error {
	for _, uid := range s.Lacking(r.now()) {
		var events corev1.EventList
		err := r.Uncached.List(ctx, &events, client.InNamespace(s.Pipeline.Namespace), client.Limit(maxEvents),
			client.MatchingFieldsSelector{Selector: fields.Set{
				"involvedObject.uid": string(uid), "reason": failedCreate,
			}.AsSelector()})
		if apierrors.IsForbidden(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if newest := newestOf(events.Items); newest != nil && r.now().Sub(seen(newest)) < refusalLasts {
			if s.Refusals == nil {
				s.Refusals = map[types.UID]string{}
			}
			s.Refusals[uid] = newest.Message
		}
	}
	return nil
}

// seen is when an event happened last.
func seen(e *corev1.Event) time.Time {
	if e.Series != nil {
		return e.Series.LastObservedTime.Time
	}
	if !e.LastTimestamp.IsZero() {
		return e.LastTimestamp.Time
	}
	return e.EventTime.Time
}

func newestOf(events []corev1.Event) (newest *corev1.Event) {
	for i := range events {
		if newest == nil || seen(&events[i]).After(seen(newest)) {
			newest = &events[i]
		}
	}
	return newest
}
