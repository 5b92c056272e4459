package status

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Each check applies to the inputs that it is for, and finds the condition and the weight that follow.
func TestChecks(t *testing.T) {
	p := newWorld().p
	model := input{pipeline: p, stage: config.StageLLM, subject: modelSubject(p, config.StageLLM, Component{})}
	failing := func(failure config.Failure) *config.StageStatus {
		return &config.StageStatus{Reason: failure, Message: "it failed", Since: noon}
	}
	unauthorized, retired := failing(config.ModelUnauthorized), failing(config.ModelRetired)
	condition := func(status metav1.ConditionStatus, reason string) *metav1.Condition {
		return &metav1.Condition{Status: status, Reason: reason, Message: "as before"}
	}
	crashing := []corev1.Pod{pod(waits("CrashLoopBackOff", ""), ended("Error", 1, time.Second))}
	secret := &Missing{Kind: "Secret", Name: "hosted", Field: "spec.models.llm.endpoint.secretRef"}

	for _, c := range []struct {
		name   string
		check  check
		change func(*input)
		want   string // empty if the check does not apply
	}{
		{"no workload is not an outage", workloadDown, func(*input) {}, ""},
		{"one of two replicas serves", workloadDown, func(in *input) { in.workload = &Component{Replicas: 2, Ready: 1, Pods: crashing} }, ""},
		{"no replica serves", workloadDown, func(in *input) { in.workload = &Component{Replicas: 1} }, "False Starting progress"},
		{"the only replica crashes", workloadDown, func(in *input) { in.workload = &Component{Replicas: 1, Pods: crashing} }, "False CrashLoopBackOff fault"},
		{"a missing Secret explains a crash", workloadDown, func(in *input) {
			in.workload, in.missing = &Component{Replicas: 1, Pods: crashing}, secret
		}, "False SecretNotFound fault"},

		{"nothing is reported", reportedFailing, func(*input) {}, ""},
		{"a success is reported", reportedFailing, func(in *input) { in.reported = &config.StageStatus{OK: true} }, ""},
		{"a failure that may pass", reportedFailing, func(in *input) { in.reported, in.settled = unauthorized, true }, "False ModelUnauthorized fault"},
		{"a permanent failure", reportedFailing, func(in *input) { in.reported, in.settled = retired, true }, "False ModelRetired terminal"},
		{"a permanent failure of the spec before", reportedFailing, func(in *input) { in.reported = retired }, "False ModelRetired fault"},
		{"a word that is not a reason", reportedFailing, func(in *input) { in.reported = failing("not a reason") }, "False StageFailed fault"},

		{"one node of one", workloadReady, func(in *input) { in.workload, in.majority = &Component{Replicas: 1, Ready: 1}, true }, "True Ready fine"},
		{"one replica of three", workloadReady, func(in *input) { in.workload = &Component{Replicas: 3, Ready: 1} }, "True Ready fine"},
		{"one node of three is not a majority", workloadReady, func(in *input) { in.workload, in.majority = &Component{Replicas: 3, Ready: 1}, true }, "False Starting progress"},
		{"two nodes of three are", workloadReady, func(in *input) { in.workload, in.majority = &Component{Replicas: 3, Ready: 2}, true }, "True Ready fine"},

		{"nothing is known", lastKnown, func(*input) {}, ""},
		{"it was up under the spec before", lastKnown, func(in *input) { in.last = condition("True", "Ready") }, "True Ready fine"},
		{"it was up, and now nothing can be read", lastKnown, func(in *input) { in.last, in.unreadable = condition("True", "Ready"), "it is silent" }, ""},
		{"it was down", lastKnown, func(in *input) {
			in.last, in.lastIsCurrent, in.settled = condition("False", "ModelRetired"), true, true
		}, "False ModelRetired terminal"},
		{"it was down under the spec before", lastKnown, func(in *input) { in.last = condition("False", "ModelRetired") }, ""},
		{"it was down, and a gateway that answers does not report it", lastKnown, func(in *input) {
			in.last, in.lastIsCurrent, in.answering = condition("False", "ModelRetired"), true, 1
		}, ""},
		{"its Secret was missing", lastKnown, func(in *input) { in.last, in.lastIsCurrent = condition("False", "SecretNotFound"), true }, ""},

		{"not probed yet", notProbed, func(in *input) { in.probed = true }, "Unknown NotProbed waiting"},
		{"never probed", notProbed, func(*input) {}, "Unknown NotProbed fine"},

		{"the gateway runs before the first index", waitingForIndex, func(in *input) { in.workload = &Component{Exists: true} }, "False WaitingForIndex waiting"},
		{"the gateway runs after it", waitingForIndex, func(in *input) { in.workload, in.live = &Component{Exists: true}, true }, ""},

		{"a gateway finds no index", indexLost, func(in *input) { in.reported = failing(config.IndexNotBuilt) }, "False NotBuilt fault"},
		{"a run has rebuilt it since", indexLost, func(in *input) {
			in.reported, in.rebuilt = failing(config.IndexNotBuilt), noon.Add(time.Minute)
		}, ""},
		{"it was lost after it was built", indexLost, func(in *input) {
			in.reported, in.rebuilt = failing(config.IndexNotBuilt), noon.Add(-time.Minute)
		}, "False NotBuilt fault"},
		{"nothing has been indexed yet", sourcesEmpty, func(in *input) { in.index = &v1alpha1.IndexStatus{} }, ""},
		{"the sources have become empty", sourcesEmpty, func(in *input) {
			in.index = &v1alpha1.IndexStatus{LastSyncTime: new(metav1.NewTime(noon))}
		}, "True NoDocuments fine"},
		{"every document has failed", sourcesEmpty, func(in *input) {
			in.index = &v1alpha1.IndexStatus{LastSyncTime: new(metav1.NewTime(noon)), FailedDocuments: 3}
		}, ""},

		{"the first run failed", runFailed, func(in *input) { in.run = &Run{State: RunFailed} }, "False RunFailed fault"},
		{"a run beside a live index failed", runFailed, func(in *input) { in.run, in.live = &Run{State: RunFailed}, true }, "False RunFailed terminal"},
		{"it failed before the spec was corrected", runFailed, func(in *input) {
			in.run, in.live, in.specChanged = &Run{State: RunFailed}, true, true
		}, "False RunFailed fault"},
		{"a retry keeps the failure", runRetried, func(in *input) {
			in.run, in.lastFailure = &Run{State: RunActive, Retry: 1}, condition("False", "NoDocuments")
		}, "False NoDocuments fault"},
		{"a first attempt does not", runRetried, func(in *input) {
			in.run, in.lastFailure = &Run{State: RunActive}, condition("False", "NoDocuments")
		}, ""},
		{"an attempt that gets on is not stuck", runStuck, func(in *input) {
			in.run = &Run{State: RunActive, Pods: crashing, Reports: []config.OpsStatus{{Progress: &config.Progress{DocumentsDone: 1}}}}
		}, ""},
		{"an attempt that the model refuses for good is", runStuck, func(in *input) {
			in.run = &Run{State: RunActive, Summary: &config.Summary{Error: "no such model", Reason: config.ModelNotFound}}
		}, "False RunFailed terminal"},
		{"an attempt that a model refused for now is", runStuck, func(in *input) {
			in.run = &Run{State: RunActive, Summary: &config.Summary{Error: "too busy", Reason: config.ModelOverloaded}}
		}, "False RunFailed fault"},
		{"an attempt whose pod crashes is", runStuck, func(in *input) { in.run = &Run{State: RunActive, Pods: crashing} }, "False CrashLoopBackOff fault"},
		{"a run that has found no index is not", runStuck, func(in *input) {
			in.run = &Run{State: RunActive, Reports: []config.OpsStatus{{Stages: map[config.Stage]config.StageStatus{
				config.StageIndex: *failing(config.IndexNotBuilt)}}}}
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := model
			c.change(&in)
			f, applies := c.check(in)
			got := ""
			if applies {
				weights := []string{"fine", "waiting", "progress", "fault", "terminal"}
				got = fmt.Sprintf("%s %s %s", f.status, f.reason, weights[f.weight])
			}
			if got != c.want {
				t.Errorf("got %q, want %q: %s", got, c.want, f.message)
			}
		})
	}
}
