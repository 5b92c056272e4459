package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// replicaOf is a replica of the store, of a revision and in a state.
func replicaOf(name, image, revision string, state corev1.ContainerState, restarted bool) corev1.Pod {
	pod := reporting(name, naming.ComponentWeaviate, "")
	pod.Labels[appsv1.StatefulSetRevisionLabel] = revision
	pod.Spec.Containers = []corev1.Container{{Name: "proxy"}, {Name: naming.ComponentWeaviate, Image: image}}
	container := corev1.ContainerStatus{Name: naming.ComponentWeaviate, State: state}
	if restarted {
		container.LastTerminationState.Terminated = new(corev1.ContainerStateTerminated)
	}
	ended := corev1.ContainerState{Terminated: new(corev1.ContainerStateTerminated)}
	pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "proxy-init", State: ended}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{container}
	return pod
}

// besideProxy has an init container of the pod run, which is a sidecar or not, and a container beside the store's.
func besideProxy(pod corev1.Pod, sidecar bool) corev1.Pod {
	runs := corev1.ContainerState{Running: new(corev1.ContainerStateRunning)}
	pod.Spec.InitContainers = []corev1.Container{{Name: "proxy-init"}}
	if sidecar {
		pod.Spec.InitContainers[0].RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: "proxy", State: runs})
	}
	pod.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "proxy-init", State: runs}}
	return pod
}

func TestAStoreThatDoesNotRunIsStuckAndAnImageThatNeverRanDoesNotStick(t *testing.T) {
	runs := corev1.ContainerState{Running: new(corev1.ContainerStateRunning)}
	waits := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	}
	for name, test := range map[string]struct {
		pods  []corev1.Pod
		stuck []string
		image string
	}{
		"no pod yet":                          {image: "now"},
		"it runs":                             {pods: []corev1.Pod{replicaOf("a", "now", "2", runs, false)}, image: "now"},
		"it is being rolled out":              {pods: []corev1.Pod{replicaOf("a", "now", "2", waits("ContainerCreating"), false)}, image: "now"},
		"the image cannot be had":             {pods: []corev1.Pod{replicaOf("a", "now", "2", waits("ImagePullBackOff"), false)}},
		"one replica has it, another not":     {pods: []corev1.Pod{replicaOf("a", "now", "2", waits("ErrImagePull"), false), replicaOf("b", "before", "1", runs, false)}, image: "before"},
		"the image was mended":                {pods: []corev1.Pod{replicaOf("a", "wrong", "1", waits("ImagePullBackOff"), false)}, stuck: []string{"a"}, image: "now"},
		"more memory after crashes":           {pods: []corev1.Pod{replicaOf("a", "now", "1", waits("CrashLoopBackOff"), true)}, stuck: []string{"a"}, image: "now"},
		"a mesh's proxy runs beside it":       {pods: []corev1.Pod{besideProxy(replicaOf("a", "wrong", "1", waits("ImagePullBackOff"), false), true)}, stuck: []string{"a"}, image: "now"},
		"an init container is at work":        {pods: []corev1.Pod{besideProxy(replicaOf("a", "wrong", "1", waits("PodInitializing"), false), false)}, image: "now"},
		"an earlier one runs, as in a roll":   {pods: []corev1.Pod{replicaOf("a", "before", "1", runs, false)}, image: "before"},
		"an earlier one has crashed just now": {pods: []corev1.Pod{replicaOf("a", "now", "1", corev1.ContainerState{Terminated: new(corev1.ContainerStateTerminated)}, true)}, image: "now"},
	} {
		t.Run(name, func(t *testing.T) {
			s := standing()
			set := &appsv1.StatefulSet{}
			set.Spec.Template.Spec.Containers = []corev1.Container{{Image: "now"}}
			set.Status.UpdateRevision = "2"
			s.StatefulSets = map[string]*appsv1.StatefulSet{naming.For(s.Pipeline).Weaviate(): set}
			s.Pods = test.pods
			var stuck []string
			for _, pod := range s.Stuck() {
				stuck = append(stuck, pod.Name)
			}
			if diff := cmp.Diff(test.stuck, stuck); diff != "" {
				t.Error(diff)
			}
			if image := s.weaviateImage(); image != test.image {
				t.Errorf("it keeps %q, not %q", image, test.image)
			}
			set.Generation = 2
			if len(s.Stuck()) != 0 {
				t.Error("its controller has not seen the change, and pods are stuck")
			}
		})
	}
}
