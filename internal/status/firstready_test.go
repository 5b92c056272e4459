package status

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// firstReadyTime is set once, when Ready first becomes True, and never changes.
func TestFirstReadyTime(t *testing.T) {
	ready := noon.Add(4 * time.Minute) // when fromReady serves
	for _, c := range []struct {
		name  string
		steps []step
		want  time.Time
	}{
		{"just applied", fromStart(), time.Time{}},
		{"indexing", fromStart(running1, at(time.Minute, indexes)), time.Time{}},
		{"ready despite a stage that is down, for the first time", fromStart(running1, at(time.Minute, serves, rerankerUnreachable)), time.Time{}},
		{"ready", fromReady(), ready},
		{"ready for long", fromReady(at(time.Hour)), ready},
		{"ready, down and ready again", fromReady(at(time.Minute, stageFails("llm", "ModelUnreachable", "x", 0)), at(time.Hour, serves)), ready},
		{"ready and down", fromReady(at(time.Minute, stageFails("llm", "ModelUnreachable", "x", 0))), ready},
		{"edited", fromReady(at(time.Minute, edit)), ready},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := testCase{steps: c.steps}.run(t, func(*world) {})
			got := w.p.Status.FirstReadyTime
			if got == nil {
				got = new(metav1.Time)
			}
			if !got.Time.Equal(c.want) {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// A status that was written before firstReadyTime existed gets it on the next pass, even if the
// pipeline is then down.
func TestFirstReadyTimeOfAnOlderStatus(t *testing.T) {
	for name, change := range map[string]func(*world){
		"still ready": serves,
		"now down":    stageFails("llm", "ModelUnreachable", "x", 0),
	} {
		t.Run(name, func(t *testing.T) {
			w := testCase{steps: fromReady()}.run(t, func(*world) {})
			w.p.Status.FirstReadyTime = nil
			want := meta.FindStatusCondition(w.p.Status.Conditions, v1alpha1.ConditionReady).LastTransitionTime
			change(w)
			w.pass(time.Hour)
			if got := w.p.Status.FirstReadyTime; !got.Equal(&want) {
				t.Errorf("got %s, want %s, when Ready became True", got, want)
			}
		})
	}
}

// Once a pipeline has been Ready, its failure policy holds, however often its components have
// failed since.
func TestAPipelineThatWasReadyStaysSo(t *testing.T) {
	allDown := func(w *world) {
		w.o.Gateways = nil
		for name := range w.o.Components {
			down(name, pod(running(0)))(w)
		}
	}
	w := testCase{steps: fromReady(at(time.Hour, allDown), at(time.Hour, serves, rerankerUnreachable))}.run(t, func(*world) {})
	if c := meta.FindStatusCondition(w.p.Status.Conditions, v1alpha1.ConditionReady); c.Reason != v1alpha1.ReasonDegraded {
		t.Errorf("Ready is %s, %s: %s", c.Status, c.Reason, c.Message)
	}
}
