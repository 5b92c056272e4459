package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// reporting is a pod of a component that can be asked; with a Job's name it is one of the Job's.
func reporting(name, component, job string) corev1.Pod {
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}}
	pod.Labels = map[string]string{naming.LabelComponent: component}
	if job != "" {
		pod.Labels[batchv1.JobNameLabel] = job
	}
	pod.Status.Phase, pod.Status.PodIP = corev1.PodRunning, "10.0.0.1"
	return pod
}

func readyFor(pod corev1.Pod, d time.Duration) corev1.Pod {
	pod.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon.Add(-d)),
	}}
	return pod
}

func TestPodsThatCanBeAskedForAReport(t *testing.T) {
	pending := reporting("pending", "gateway", "")
	pending.Status.Phase = corev1.PodPending
	ending := reporting("ending", "gateway", "")
	ending.DeletionTimestamp = new(metav1.NewTime(noon))
	unaddressed := reporting("unaddressed", "ingest", "a")
	unaddressed.Status.PodIP = ""
	s := standing()
	s.Pods = []corev1.Pod{
		reporting("first", "gateway", ""), pending, reporting("store", "weaviate", ""), ending,
		reporting("run", "ingest", "a"), unaddressed, reporting("second", "gateway", ""),
	}
	var names []string
	for _, pod := range s.Reporting() {
		names = append(names, pod.Name)
	}
	if diff := cmp.Diff([]string{"first", "run", "second"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestReportsGoToTheGatewaysAndToTheJobOfTheirPod(t *testing.T) {
	report := func(done int) *config.OpsStatus {
		return &config.OpsStatus{Ready: true, Progress: &config.Progress{DocumentsDone: done}}
	}
	s := standing()
	for _, answer := range []struct {
		pod    corev1.Pod
		report *config.OpsStatus // nil if it could not be read
	}{
		{readyFor(reporting("a", "gateway", ""), time.Minute), report(1)},
		{readyFor(reporting("b", "gateway", ""), time.Second), report(2)}, // not every node sends questions to it yet
		{readyFor(reporting("c", "gateway", ""), time.Minute), nil},
		{reporting("d", "gateway", ""), nil}, // no wonder
		{reporting("e", "ingest", "run"), report(3)},
		{reporting("f", "ingest", "run"), report(4)},
		{reporting("g", "ingest", "run"), nil},
	} {
		r := Report{Fault: "pod " + answer.pod.Name + " is silent"}
		if answer.report != nil {
			r = Report{OpsStatus: *answer.report}
		}
		s.AddReport(&answer.pod, r, noon)
	}
	notReachable := *report(2)
	notReachable.Ready = false
	if diff := cmp.Diff([]config.OpsStatus{*report(1), notReachable}, s.Gateways); diff != "" {
		t.Errorf("gateways (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][]config.OpsStatus{"run": {*report(3), *report(4)}}, s.Tasks); diff != "" {
		t.Errorf("tasks (-want +got):\n%s", diff)
	}
	if s.Unreadable != "pod c is silent" {
		t.Errorf("of the gateway's reports could not be read: %q", s.Unreadable)
	}
}

func TestAnEvictedPodIsAFaultUntilAnotherIsReady(t *testing.T) {
	evicted := reporting("evicted", "gateway", "")
	evicted.Status.Phase, evicted.Status.Reason = corev1.PodFailed, "Evicted"
	evicted.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon.Add(-time.Hour)),
	}}
	failed := reporting("failed", "gateway", "")
	failed.Status.Phase = corev1.PodFailed
	starting := reporting("starting", "gateway", "")
	for name, test := range map[string]struct {
		pods []corev1.Pod
		want []string
	}{
		"its successor starts":                {[]corev1.Pod{evicted, failed, starting}, []string{"starting", "evicted"}},
		"another was ready long before":       {[]corev1.Pod{evicted, readyFor(reporting("old", "gateway", ""), 2*time.Hour)}, []string{"evicted"}},
		"another has become ready since":      {[]corev1.Pod{evicted, readyFor(reporting("new", "gateway", ""), time.Minute), starting}, []string{"starting"}},
		"the store has become ready since":    {[]corev1.Pod{evicted, readyFor(reporting("new", "weaviate", ""), time.Minute)}, []string{"evicted"}},
		"its successor waits; it never ended": {[]corev1.Pod{starting}, []string{"starting"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := standing()
			s.Pods = test.pods
			var names []string
			for _, pod := range s.faulty("gateway", map[string]string{naming.LabelComponent: "gateway"}) {
				names = append(names, pod.Name)
			}
			if diff := cmp.Diff(test.want, names); diff != "" {
				t.Error(diff)
			}
		})
	}
}
