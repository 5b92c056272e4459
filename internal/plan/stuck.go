package plan

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Stuck are the pods of the store that do not run and are of another revision than the StatefulSet's. Its controller
// never replaces them: since Kubernetes 1.35 it waits for an unavailable pod to become available before it updates
// any, and a pod whose image is wrong, or whose memory is too small, never does.
func (s *State) Stuck() (pods []corev1.Pod) {
	set := s.store()
	if set == nil || set.Status.ObservedGeneration < set.Generation || set.Status.UpdateRevision == "" {
		return nil
	}
	for _, pod := range s.podsOf(naming.ComponentWeaviate) {
		revision := pod.Labels[appsv1.StatefulSetRevisionLabel]
		if pod.DeletionTimestamp == nil && revision != "" && revision != set.Status.UpdateRevision && idle(&pod) {
			pods = append(pods, pod)
		}
	}
	return pods
}

// store is the StatefulSet of the vector store; nil if there is none, as for a moment while it is made anew.
func (s *State) store() *appsv1.StatefulSet {
	return s.StatefulSets[naming.For(s.Pipeline).Weaviate()]
}

// idle reports whether the store's container in the pod does not run, and will not before it is tried again. A mesh's
// proxy, which runs whatever becomes of the store, does not keep a pod; an init container at work does.
func idle(pod *corev1.Pod) bool {
	if slices.ContainsFunc(pod.Status.InitContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.State.Running != nil && !isSidecar(pod, c.Name)
	}) {
		return false
	}
	state := statusOf(pod).State
	return state.Running == nil && state.Terminated == nil
}

// isSidecar reports whether an init container of the pod runs for as long as the pod.
func isSidecar(pod *corev1.Pod, name string) bool {
	return slices.ContainsFunc(pod.Spec.InitContainers, func(c corev1.Container) bool {
		return c.Name == name && c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways
	})
}

// hasRun reports whether the store's container in the pod has ever run.
func hasRun(pod *corev1.Pod) bool {
	c := statusOf(pod)
	return c.State.Running != nil || c.State.Terminated != nil || c.LastTerminationState.Terminated != nil
}

// statusOf is that of the store's container.
func statusOf(pod *corev1.Pod) corev1.ContainerStatus {
	for _, c := range pod.Status.ContainerStatuses {
		if c.Name == naming.ComponentWeaviate {
			return c
		}
	}
	return corev1.ContainerStatus{}
}

// weaviateImage is the image that a store keeps whose spec names none: that of its StatefulSet, unless another one
// runs, or it never ran because it cannot be had. It is empty before there is a store, and for an image that never ran.
func (s *State) weaviateImage() string {
	set := s.store()
	if set == nil {
		for _, pod := range s.orphans() {
			return imageOf(&pod)
		}
	}
	if set == nil || len(set.Spec.Template.Spec.Containers) == 0 {
		return ""
	}
	image, ran, refused := set.Spec.Template.Spec.Containers[0].Image, "", false
	for _, pod := range s.podsOf(naming.ComponentWeaviate) {
		switch of := imageOf(&pod); {
		case hasRun(&pod) && of == image:
			return image
		case hasRun(&pod):
			ran = of
		case of == image && withoutImage(&pod):
			refused = true
		}
	}
	if ran != "" || refused {
		return ran
	}
	return image
}

// imageOf is the store's image in a pod, into which a mesh may have put containers of its own.
func imageOf(pod *corev1.Pod) string {
	for _, c := range pod.Spec.Containers {
		if c.Name == naming.ComponentWeaviate {
			return c.Image
		}
	}
	return ""
}

// withoutImage reports whether the store's container in the pod waits for an image that cannot be had.
func withoutImage(pod *corev1.Pod) bool {
	waiting := statusOf(pod).State.Waiting
	return waiting != nil && slices.Contains([]string{
		"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError",
	}, waiting.Reason)
}
