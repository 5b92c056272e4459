package status

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// unschedulable says what a pod waits for that the scheduler finds no node for.
func unschedulable(s subject, pod *corev1.Pod) (finding, bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return scheduleFault(s, pod, c.Message), true
		}
	}
	return none, false
}

func scheduleFault(s subject, pod *corev1.Pod, message string) finding {
	reasons := schedulerReasons(message)
	why := strings.Join(reasons, ", ")
	switch lower := strings.ToLower(message); {
	case strings.Contains(lower, "persistentvolumeclaim"), strings.Contains(lower, "persistent volumes to bind"), strings.Contains(lower, "volume node affinity"):
		return volumeFault(s)
	default:
		for _, r := range reasons {
			if name := extendedResource(r); name != "" {
				return gpuFault(s, pod, name, nodes(message, why))
			}
		}
	}
	return bad(fault, v1alpha1.ReasonUnschedulable, fmt.Sprintf("%s fits on no node%s: add a node, lower %s.resources.requests, or change %s.scheduling", s.title, nodes(message, why), s.field, s.field))
}

func gpuFault(s subject, pod *corev1.Pod, name, nodes string) finding {
	count := int64(1)
	for i := range pod.Spec.Containers {
		if q, has := pod.Spec.Containers[i].Resources.Limits[corev1.ResourceName(name)]; has {
			count = q.Value()
			break
		}
	}
	free := "has it free"
	if count != 1 {
		free = "has that many free"
	}
	return bad(fault, v1alpha1.ReasonInsufficientGPU, fmt.Sprintf("%s waits for %d %s: no node %s%s; free or add GPUs, or change %s.gpu", s.title, count, name, free, nodes, s.field))
}

func volumeFault(s subject) finding {
	remedy := "check the claims that it mounts"
	if s.storageClass != "" {
		remedy = "set " + s.storageClass + " to a class whose volumes can be made, or make the default class work"
	}
	return bad(fault, v1alpha1.ReasonVolumeNotBound, fmt.Sprintf("%s waits for a volume that is not bound: %s (kubectl get storageclass,pvc)", s.title, remedy))
}

var scheduler = regexp.MustCompile(`^\d+/(\d+) nodes are available: (.+)$`)

// schedulerReasons takes the scheduler's counted reasons out of its message, sorted: "0/3 nodes are available: 1
// Insufficient cpu, 2 node(s) had untolerated taint {a: b}. preemption: ...".
func schedulerReasons(message string) []string {
	m := scheduler.FindStringSubmatch(firstLine(message))
	if m == nil {
		return nil
	}
	counted, _, _ := strings.Cut(m[2]+" ", ". ")
	reasons := strings.Split(strings.TrimSpace(counted), ", ")
	for i, r := range reasons {
		reasons[i] = clean(strings.ReplaceAll(strings.TrimSuffix(r, "."), "Insufficient ", "insufficient "))
	}
	slices.Sort(reasons)
	return reasons
}

// nodes is what the scheduler says, in parentheses.
func nodes(message, why string) string {
	m := scheduler.FindStringSubmatch(firstLine(message))
	if m == nil {
		return ""
	}
	word := "nodes"
	if m[1] == "1" {
		word = "node"
	}
	return fmt.Sprintf(" (%s %s: %s)", m[1], word, why)
}

// extendedResource is the resource with a domain, as a device plugin's has, that a reason finds too little of.
func extendedResource(reason string) string {
	if _, name, found := strings.Cut(reason, "insufficient "); found && strings.Contains(name, "/") {
		return name
	}
	return ""
}
