package plan

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// servers are the components that the pipeline's own pods call.
var servers = []string{
	naming.ComponentWeaviate, naming.ComponentStandIn, naming.ComponentEmbedding, naming.ComponentReranking,
	naming.ComponentLLM, naming.ComponentExtraction,
}

// plain reports whether a server's pod is there that answers without TLS.
func (s *State) plain() bool {
	return slices.ContainsFunc(s.Pods, func(pod corev1.Pod) bool {
		return !ended(&pod) && slices.Contains(servers, pod.Labels[naming.LabelComponent]) && !hasTerminator(&pod)
	})
}

// encrypted reports whether any pod is there that answers with TLS.
func (s *State) encrypted() bool {
	return slices.ContainsFunc(s.Pods, func(pod corev1.Pod) bool {
		return !ended(&pod) && (hasTerminator(&pod) || Encrypted(&pod))
	})
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// hasTerminator reports whether a sidecar ends TLS in the pod.
func hasTerminator(pod *corev1.Pod) bool { return terminator(&pod.Spec) != nil }

func terminator(pod *corev1.PodSpec) *corev1.Container {
	for i, c := range pod.InitContainers {
		if c.Name == naming.TLSContainer {
			return &pod.InitContainers[i]
		}
	}
	return nil
}

// Encrypted reports whether the pod's ops port speaks TLS.
func Encrypted(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool {
		return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.Name == desired.OpsTLSPort })
	})
}

// terminators are the sidecars of the workloads that exist.
func (s *State) terminators() map[string]desired.Terminator {
	found := map[string]desired.Terminator{}
	add := func(name, template string, pod *corev1.PodSpec) {
		if c := terminator(pod); c != nil {
			found[name] = desired.Terminator{Image: c.Image, Template: template}
		}
	}
	for name, d := range s.Deployments {
		add(name, d.Annotations[naming.AnnotationTemplate], &d.Spec.Template.Spec)
	}
	for name, set := range s.StatefulSets {
		add(name, set.Annotations[naming.AnnotationTemplate], &set.Spec.Template.Spec)
	}
	return found
}
