package plan

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A workload that has its pods, or that was created only now, is not asked about: that is a request.
func TestOnlyWorkloadsThatLackPodsAreAskedAbout(t *testing.T) {
	at := func(age time.Duration, uid types.UID) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: string(uid), UID: uid, CreationTimestamp: metav1.NewTime(noon.Add(-age))}
	}
	three := int32(3)
	set := func(age time.Duration, uid types.UID, replicas int32) *appsv1.StatefulSet {
		return &appsv1.StatefulSet{ObjectMeta: at(age, uid), Spec: appsv1.StatefulSetSpec{Replicas: &three},
			Status: appsv1.StatefulSetStatus{Replicas: replicas}}
	}
	ended := &batchv1.Job{ObjectMeta: at(time.Hour, "ended")}
	ended.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
	pod := func(job string, phase corev1.PodPhase) corev1.Pod {
		return corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{batchv1.JobNameLabel: job}},
			Status: corev1.PodStatus{Phase: phase}}
	}
	s := &State{
		StatefulSets: map[string]*appsv1.StatefulSet{
			"lacks": set(time.Minute, "lacks", 2), "has": set(time.Minute, "has", 3), "new": set(time.Second, "new", 0),
		},
		Jobs: []*batchv1.Job{
			{ObjectMeta: at(time.Minute, "refused")}, {ObjectMeta: at(time.Minute, "failed")},
			{ObjectMeta: at(time.Minute, "runs")}, {ObjectMeta: at(time.Second, "young")}, ended,
		},
		Pods: []corev1.Pod{pod("runs", corev1.PodPending), pod("failed", corev1.PodFailed)},
	}
	if got, want := s.Lacking(noon), []types.UID{"failed", "lacks", "refused"}; !slices.Equal(got, want) {
		t.Errorf("asked about %v, want %v", got, want)
	}
}
