package plan

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// A StatefulSet counts a pod as ready until it is gone. A client that asks a store which is
// being replaced must not find Ready true.
func TestAStoreThatIsAboutToEndIsNotCountedOn(t *testing.T) {
	const isReady, ends = true, true
	stays := storePod(isReady, !ends)
	for name, c := range map[string]struct {
		pods []corev1.Pod
		want int32
	}{
		"the only one is gone":      {nil, 0},
		"both stay":                 {[]corev1.Pod{stays, stays}, 2},
		"one of them ends":          {[]corev1.Pod{storePod(isReady, ends), stays}, 1},
		"one of them is not ready":  {[]corev1.Pod{storePod(!isReady, !ends), stays}, 1},
		"the only one ends":         {[]corev1.Pod{storePod(isReady, ends)}, 0},
		"there are more than known": {[]corev1.Pod{stays, stays, stays}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := standing()
			weaviate := naming.For(s.Pipeline).Weaviate()
			set := &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Selector: &metav1.LabelSelector{}}}
			set.Status.ObservedGeneration, set.Status.ReadyReplicas = 1, 2
			s.StatefulSets[weaviate], s.Pods = set, c.pods
			if got := s.weaviate().Ready; got != c.want {
				t.Errorf("%d are counted on, want %d", got, c.want)
			}
		})
	}
}

func storePod(isReady, ends bool) corev1.Pod {
	pod := corev1.Pod{}
	pod.Labels = map[string]string{naming.LabelComponent: naming.ComponentWeaviate}
	if isReady {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	if ends {
		pod.DeletionTimestamp = new(metav1.NewTime(noon))
	}
	return pod
}

// A change has reached a Deployment once every pod runs it. Where an autoscaler sets the number of pods, those that it has
// just asked for are not awaited, unless the cluster refuses them.
func TestAChangeOfAutoscaledPodsHasCome(t *testing.T) {
	refused := appsv1.DeploymentCondition{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: "quota"}
	for name, c := range map[string]struct {
		replicas      int32
		status        appsv1.DeploymentStatus
		wanted, fixed bool
		generation    int64
	}{
		"all run it":       {replicas: 2, status: appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2}, wanted: true, fixed: true},
		"more were asked":  {replicas: 4, status: appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2}, wanted: true},
		"fewer were asked": {replicas: 1, status: appsv1.DeploymentStatus{Replicas: 3, UpdatedReplicas: 3}, wanted: true},
		"an autoscaler's change is not seen yet": {replicas: 2, generation: 5, wanted: true,
			status: appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2, ObservedGeneration: 4}},
		"the operator's change is not seen yet": {replicas: 2, generation: 4,
			status: appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2, ObservedGeneration: 3}},
		"more are refused":  {replicas: 4, status: appsv1.DeploymentStatus{Replicas: 2, UpdatedReplicas: 2, Conditions: []appsv1.DeploymentCondition{refused}}},
		"one is of the old": {replicas: 2, status: appsv1.DeploymentStatus{Replicas: 3, UpdatedReplicas: 2}},
		"none was made":     {replicas: 1, status: appsv1.DeploymentStatus{}},
	} {
		for _, set := range []*int32{nil, &c.replicas} {
			s := &State{Pipeline: new(v1alpha1.RAGPipeline), Deployments: map[string]*appsv1.Deployment{"gateway": {
				ObjectMeta: metav1.ObjectMeta{Generation: c.generation},
				Spec:       appsv1.DeploymentSpec{Replicas: &c.replicas, Selector: new(metav1.LabelSelector)},
				Status:     c.status,
			}}}
			if c.generation > 0 {
				s.Written = map[string]int64{"gateway": 4}
			}
			want := c.wanted
			if set != nil {
				want = c.fixed
			}
			if got := s.deployment("gateway", "gateway", set).Current; got != want {
				t.Errorf("%s, and the spec sets the number: %t: Current is %t", name, set != nil, got)
			}
		}
	}
}
