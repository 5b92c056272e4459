package status

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/golden"
)

// run plays a history and calls look after every pass.
func (c testCase) run(t *testing.T, look func(w *world)) *world {
	t.Helper()
	w := newWorld()
	var now time.Duration
	for _, s := range c.steps {
		for _, change := range s.change {
			change(w)
		}
		now += s.after
		w.pass(now)
		look(w)
	}
	return w
}

// Every situation and every cause, with the whole status as the user sees it.
func TestStatus(t *testing.T) {
	var got bytes.Buffer
	for _, c := range cases {
		w := c.run(t, func(*world) {})
		fmt.Fprintf(&got, "# %s: %s, %s\n%s\n", c.name, c.kstatus, c.argo, text(w.p.Status))
	}
	golden.Check(t, "testdata/status.txt", got.String())
}

// text formats a status on a few lines.
func text(s v1alpha1.RAGPipelineStatus) string {
	var b strings.Builder
	for _, c := range s.Conditions {
		fmt.Fprintf(&b, "%s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	if i := s.Index; i != nil {
		fmt.Fprintf(&b, "index %q: %d documents, %d chunks, %d failed", i.Generation, i.Documents, i.Chunks, i.FailedDocuments)
		if i.Building != nil {
			fmt.Fprintf(&b, "; building %q: %s %d/%d", i.Building.Generation, i.Building.Phase, i.Building.DocumentsDone, i.Building.DocumentsTotal)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestNothingFlapsOnRepeatedPasses(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, func(w *world) {
				want := w.p.Status
				for _, later := range []time.Duration{0, time.Second, 20 * time.Second} {
					o := w.o
					o.Now = o.Now.Add(later)
					if got := Compute(w.p, o); cmp.Diff(want, got) != "" {
						t.Errorf("%s later (-first +then):\n%s", later, cmp.Diff(want, got))
					}
				}
				if events := Events(want, Compute(w.p, w.o)); len(events) > 0 {
					t.Errorf("events without a change: %v", events)
				}
			})
		})
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld()
			backwards := c.run(t, func(*world) {})
			var now time.Duration
			for _, s := range c.steps {
				for _, change := range s.change {
					change(w)
				}
				now += s.after
				turn(&w.o)
				w.pass(now)
				turn(&w.o)
			}
			if diff := cmp.Diff(backwards.p.Status, w.p.Status); diff != "" {
				t.Errorf("(-one order +the other):\n%s", diff)
			}
		})
	}
}

// turn reverses every list whose order has no meaning.
func turn(o *Observed) {
	o.Gateways, o.Missing = slices.Clone(o.Gateways), slices.Clone(o.Missing)
	slices.Reverse(o.Gateways)
	slices.Reverse(o.Missing)
	components := map[string]Component{}
	for name, c := range o.Components {
		c.Pods = slices.Clone(c.Pods)
		slices.Reverse(c.Pods)
		components[name] = c
	}
	o.Components = components
}

func TestWhatHoldsOfEveryStatus(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, func(w *world) { holdsAlways(t, w) })
		})
	}
}

func holdsAlways(t *testing.T, w *world) {
	t.Helper()
	s := w.p.Status
	want := []string{v1alpha1.ConditionReady, v1alpha1.ConditionVectorStoreReady, v1alpha1.ConditionEmbeddingReady, v1alpha1.ConditionIndexReady, v1alpha1.ConditionGatewayReady}
	for _, conditionType := range want {
		if meta.FindStatusCondition(s.Conditions, conditionType) == nil {
			t.Errorf("%s is missing", conditionType)
		}
	}
	reconciling, stalled := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReconciling), meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionStalled)
	if reconciling != nil && stalled != nil {
		t.Error("Reconciling and Stalled at once")
	}
	for _, c := range []*metav1.Condition{reconciling, stalled} {
		if c != nil && c.Status != metav1.ConditionTrue {
			t.Errorf("%s is %s", c.Type, c.Status)
		}
	}
	ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	if ready.Status == metav1.ConditionFalse && reconciling == nil && stalled == nil && !w.p.Spec.Suspend {
		t.Error("Ready is False, and neither Reconciling nor Stalled")
	}
	types := map[string]bool{}
	for _, c := range s.Conditions {
		if types[c.Type] {
			t.Errorf("%s twice", c.Type)
		}
		types[c.Type] = true
		if c.Message == "" || utf8.RuneCountInString(c.Message) > maxMessage || clean(c.Message) != c.Message || !word.MatchString(c.Reason) {
			t.Errorf("%s has reason %q and message %q", c.Type, c.Reason, c.Message)
		}
		for _, secretive := range []string{"7d9f8", "q2x4z", "12:00", "%!"} {
			if strings.Contains(c.Message, secretive) {
				t.Errorf("%s: the message %q holds %q", c.Type, c.Message, secretive)
			}
		}
		if c.LastTransitionTime.IsZero() || c.ObservedGeneration != max(s.ObservedGeneration, 0) {
			t.Errorf("%s: time %s, observed generation %d of %d", c.Type, c.LastTransitionTime, c.ObservedGeneration, s.ObservedGeneration)
		}
	}
	if s.ObservedGeneration == 0 {
		t.Error("observedGeneration is 0")
	}
}

func TestOddInputs(t *testing.T) {
	long := strings.Repeat("ä", 5000) + "\x00\xff"
	odd := map[string]func(*world){
		"nothing at all": func(w *world) { w.p, w.o = &v1alpha1.RAGPipeline{}, Observed{} },
		"nil maps in reports": func(w *world) {
			serves(w)
			for i := range w.o.Gateways {
				w.o.Gateways[i].Stages, w.o.Gateways[i].Index.Failures = nil, nil
			}
		},
		"endless texts": func(w *world) {
			serves(w)
			stageFails("llm", config.Failure(long), long, 0)(w)
			problem(long, long, false)(w)
			w.o.Endpoint, w.o.Live, w.o.Wanted = long, long, long
			w.o.Gateways[0].Generation = long
			w.o.Run = &Run{State: RunFailed, Generation: long, Summary: nil, Pods: podsOf(pod(waits("CreateContainerConfigError", long)))}
		},
		"pods without anything": func(w *world) {
			created(w)
			down("embedding", corev1.Pod{}, corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{}}}})(w)
		},
		"negative figures": func(w *world) {
			serves(w)
			w.o.Gateways[0].Index.Documents, w.o.Gateways[0].Index.Dimensions = -4, -1
		},
		"a run without a generation": func(w *world) { up(w); w.o.Run = &Run{} },
		"an unknown kind is missing": func(w *world) { up(w); missing("Widget", "x", "spec.x", "y")(w) },
	}
	for name, change := range odd {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			change(w)
			w.pass(0)
			for _, c := range w.p.Status.Conditions {
				if utf8.RuneCountInString(c.Message) > maxMessage || !word.MatchString(c.Reason) || !utf8.ValidString(c.Message) {
					t.Errorf("%s: reason %q, message %q", c.Type, c.Reason, c.Message)
				}
			}
			kstatusOf(t, w.p)
			if diff := cmp.Diff(w.p.Status, Compute(w.p, w.o)); diff != "" {
				t.Errorf("(-first +then):\n%s", diff)
			}
		})
	}
}
