package plan

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func podWith(component string, phase corev1.PodPhase, sidecar bool, port string) (pod corev1.Pod) {
	pod.Labels = map[string]string{naming.LabelComponent: component}
	pod.Status.Phase = phase
	if sidecar {
		pod.Spec.InitContainers = []corev1.Container{{Name: naming.TLSContainer}}
	}
	pod.Spec.Containers = []corev1.Container{{Name: component, Ports: []corev1.ContainerPort{{Name: port}}}}
	return pod
}

// Which ports are still needed follows from the pods that are there, not from the spec.
func TestPodsTellWhichPortsAreNeeded(t *testing.T) {
	const running, succeeded = corev1.PodRunning, corev1.PodSucceeded
	for name, c := range map[string]struct {
		pods             []corev1.Pod
		plain, encrypted bool
	}{
		"none":                     {nil, false, false},
		"a store without TLS":      {[]corev1.Pod{podWith("weaviate", running, false, "http")}, true, false},
		"one that is pending":      {[]corev1.Pod{podWith("llm", corev1.PodPending, false, "http")}, true, false},
		"a store with TLS":         {[]corev1.Pod{podWith("weaviate", running, true, "https")}, false, true},
		"two of both kinds":        {[]corev1.Pod{podWith("weaviate", running, true, "https"), podWith("weaviate", running, false, "http")}, true, true},
		"a gateway calls others":   {[]corev1.Pod{podWith("gateway", running, false, desired.OpsPort)}, false, false},
		"a gateway's own port":     {[]corev1.Pod{podWith("gateway", running, false, desired.OpsTLSPort)}, false, true},
		"a run that has ended":     {[]corev1.Pod{podWith("ingest", succeeded, false, desired.OpsTLSPort)}, false, false},
		"a store's that has ended": {[]corev1.Pod{podWith("weaviate", corev1.PodFailed, false, "http")}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &State{Pods: c.pods}
			if plain, encrypted := s.plain(), s.encrypted(); plain != c.plain || encrypted != c.encrypted {
				t.Errorf("plain: %t, encrypted: %t", plain, encrypted)
			}
		})
	}
}
