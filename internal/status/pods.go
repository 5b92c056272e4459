package status

import (
	"cmp"
	"fmt"
	"regexp"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// podFault is the real cause for which a pod of the subject does not serve: of several pods' causes the same one
// every time, in whatever order the pods come.
func podFault(s subject, pods []corev1.Pod) (worst finding, found bool) {
	for i := range pods {
		if pods[i].DeletionTimestamp != nil {
			continue
		}
		f, has := faultOf(s, &pods[i])
		if !has {
			continue
		}
		if !found || cmp.Or(cmp.Compare(f.reason, worst.reason), cmp.Compare(f.message, worst.message)) < 0 {
			worst, found = f, true
		}
	}
	return worst.within(s.timeout), found
}

func faultOf(s subject, pod *corev1.Pod) (finding, bool) {
	if pod.Status.Reason == "Evicted" {
		return bad(fault, v1alpha1.ReasonEvicted, fmt.Sprintf("%s was put out of a node that ran short of resources: set %s.resources.requests to what it needs", s.title, s.field)), true
	}
	if f, found := unschedulable(s, pod); found {
		return f, true
	}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range statuses {
			if f, found := containerFault(s, pod, &statuses[i]); found {
				return f, true
			}
		}
	}
	return none, false
}

// containerFault says why a container does not run. One that has ended before counts as ending again and again until
// its pod is ready, so that the message does not change with every restart.
func containerFault(s subject, pod *corev1.Pod, c *corev1.ContainerStatus) (finding, bool) {
	if w := c.State.Waiting; w != nil {
		switch w.Reason {
		case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
			return imageFault(s, pod, c), true
		case "CreateContainerConfigError", "CreateContainerError":
			return configFault(s, w.Message), true
		}
	}
	if ended := cmp.Or(c.State.Terminated, c.LastTerminationState.Terminated); ended != nil && (ended.ExitCode != 0 || c.RestartCount > 0) {
		return endFault(s, pod, c, ended), true
	}
	return none, false
}

func imageFault(s subject, pod *corev1.Pod, c *corev1.ContainerStatus) finding {
	image := c.Image
	if spec := containerOf(pod, c.Name); spec != nil {
		image = spec.Image
	}
	remedy := "check the operator's own image, which it runs, and that this namespace may pull it"
	if s.image != "" {
		remedy = "check " + s.image
	}
	return bad(fault, v1alpha1.ReasonImagePullFailed, fmt.Sprintf("the image %s of %s cannot be pulled: %s", image, s.title, remedy))
}

var (
	missingSecret = regexp.MustCompile(`secret "([^"]+)" not found`)
	missingKey    = regexp.MustCompile(`couldn't find key (\S+) in Secret (?:[^/\s]+/)?(\S+)`)
)

// configFault says what of a container's configuration is missing.
func configFault(s subject, message string) finding {
	if m := missingSecret.FindStringSubmatch(message); m != nil {
		return bad(fault, v1alpha1.ReasonSecretNotFound, fmt.Sprintf("%s needs Secret %q, which does not exist: create it, or correct the reference under %s", s.title, m[1], s.field))
	}
	if m := missingKey.FindStringSubmatch(message); m != nil {
		return bad(fault, v1alpha1.ReasonSecretKeyNotFound, fmt.Sprintf("%s needs the key %q, which Secret %q lacks: add it, or correct the reference under %s", s.title, m[1], m[2], s.field))
	}
	return bad(fault, v1alpha1.ReasonCreateContainerConfigError, fmt.Sprintf("the container of %s cannot be made: %s; check %s", s.title, clean(message), s.field))
}

func endFault(s subject, pod *corev1.Pod, c *corev1.ContainerStatus, ended *corev1.ContainerStateTerminated) finding {
	if ended.Reason == "OOMKilled" {
		return memoryFault(s, pod, c)
	}
	lasted := ended.FinishedAt.Sub(ended.StartedAt.Time)
	if s.timeout > 0 && ended.ExitCode > 128 && lasted >= s.timeout { // the kubelet has killed what did not become ready
		return bad(fault, v1alpha1.ReasonStartupTimedOut, s.tooSlow())
	}
	return bad(fault, v1alpha1.ReasonCrashLoopBackOff, fmt.Sprintf("%s ends again and again, last with exit code %d: its log says why (%s --previous)", s.title, ended.ExitCode, s.logs()))
}

func memoryFault(s subject, pod *corev1.Pod, c *corev1.ContainerStatus) finding {
	limit := ""
	if spec := containerOf(pod, c.Name); spec != nil {
		if q, limited := spec.Resources.Limits[corev1.ResourceMemory]; limited {
			limit = " of " + q.String()
		}
	}
	remedy := "give the node more memory"
	if s.memory != "" {
		remedy = "raise " + s.memory
	}
	return bad(fault, v1alpha1.ReasonOutOfMemory, fmt.Sprintf("%s was killed at its memory limit%s: %s", s.title, limit, remedy))
}

// tooSlow says that a model has not started in time.
func (s subject) tooSlow() string {
	return fmt.Sprintf("%s has not started within %s: its log says how far it is (%s); if it only needs longer, raise %s.startupTimeout", s.title, short(s.timeout), s.logs(), s.field)
}

func containerOf(pod *corev1.Pod, name string) *corev1.Container {
	for _, list := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i]
			}
		}
	}
	return nil
}
