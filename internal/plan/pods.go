package plan

import (
	"slices"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Reporting returns the pods that can be asked for a report: those of gateways and tasks whose
// containers run at an address and that are not about to end.
func (s *State) Reporting() []corev1.Pod {
	return slices.DeleteFunc(slices.Clone(s.Pods), func(pod corev1.Pod) bool {
		reports := pod.Labels[naming.LabelComponent] == naming.ComponentGateway || pod.Labels[batchv1.JobNameLabel] != ""
		return !reports || pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning || pod.Status.PodIP == ""
	})
}

// Report is what a pod answered.
type Report struct {
	config.OpsStatus
	// Fault is why it could not be read; empty if it could.
	Fault string
}

// AddReport takes what a pod of Reporting answered. The fault of several is the same one on every pass.
func (s *State) AddReport(pod *corev1.Pod, report Report, now time.Time) {
	job, isTask := pod.Labels[batchv1.JobNameLabel]
	switch {
	case isTask && report.Fault == "":
		if s.Tasks == nil {
			s.Tasks = map[string][]config.OpsStatus{}
		}
		s.Tasks[job] = append(s.Tasks[job], report.OpsStatus)
	case isTask:
	case report.Fault == "":
		report.Ready = report.Ready && reachable(pod, now)
		s.Gateways = append(s.Gateways, report.OpsStatus)
	case ready(pod):
		if s.Unreadable == "" || report.Fault < s.Unreadable {
			s.Unreadable = report.Fault
		}
	}
}

// AllRunning reports whether a component has pods and none of them is pending: then they have their
// volumes.
func (s *State) AllRunning(component string) bool {
	pods := s.podsOf(component)
	pending := func(pod corev1.Pod) bool { return pod.Status.Phase != corev1.PodRunning }
	return len(pods) > 0 && !slices.ContainsFunc(pods, pending)
}

// Settled reports whether nobody needs to look for what is referred to any more: a StorageClass once the volumes are
// there, and an IngressClass once it was found. To look costs a request in each pass.
func (s *State) Settled(ref desired.Reference) bool {
	switch ref.Kind {
	case derive.KindStorageClass:
		return s.AllRunning(ref.Component)
	case derive.KindIngressClass:
		c := meta.FindStatusCondition(s.Pipeline.Status.Conditions, v1alpha1.ConditionRouteReady)
		return c != nil && c.Status == metav1.ConditionTrue && c.ObservedGeneration == s.Pipeline.Generation
	}
	return false
}

// podsOf are the pods of a component that have not ended, by creation.
func (s *State) podsOf(component string) []corev1.Pod {
	return slices.DeleteFunc(slices.Clone(s.Pods), func(pod corev1.Pod) bool {
		return pod.Labels[naming.LabelComponent] != component ||
			pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	})
}

// readyPods counts the pods of a component that are ready and not about to end.
func (s *State) readyPods(component string) (count int32) {
	for _, pod := range s.podsOf(component) {
		if pod.DeletionTimestamp == nil && ready(&pod) {
			count++
		}
	}
	return count
}

// unready are the pods of a component with the labels of the selector that do not serve and are not
// about to end.
func (s *State) unready(component string, selector map[string]string) []corev1.Pod {
	return slices.DeleteFunc(s.podsOf(component), func(pod corev1.Pod) bool {
		return pod.DeletionTimestamp != nil || ready(&pod) || !matches(pod.Labels, selector)
	})
}

// faulty are the unready pods, and those that a kubelet has evicted since a pod last became ready: their successors may
// wait for a node, and do not tell why.
func (s *State) faulty(component string, selector map[string]string) []corev1.Pod {
	var last time.Time
	for _, pod := range s.podsOf(component) {
		if since := readySince(&pod); since != nil && matches(pod.Labels, selector) && since.After(last) {
			last = *since
		}
	}
	pods := s.unready(component, selector)
	for _, pod := range s.Pods {
		if pod.Labels[naming.LabelComponent] == component && matches(pod.Labels, selector) && !evicted(&pod).Before(last) &&
			pod.Status.Phase == corev1.PodFailed && pod.Status.Reason == evictedReason {
			pods = append(pods, pod)
		}
	}
	return pods
}

// evictedReason is the reason that a kubelet gives for the failure of a pod that it evicted.
const evictedReason = "Evicted"

// evicted is when a pod was; if it does not tell, when it was made.
func evicted(pod *corev1.Pod) time.Time {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	return pod.CreationTimestamp.Time
}

func matches(labels, selector map[string]string) bool {
	for key, value := range selector {
		if labels[key] != value {
			return false
		}
	}
	return true
}

// failedPods are those of a Job that ended badly: out of memory, evicted.
func (s *State) failedPods(job *batchv1.Job) []corev1.Pod {
	return slices.DeleteFunc(slices.Clone(s.Pods), func(pod corev1.Pod) bool {
		return pod.Labels[batchv1.JobNameLabel] != job.Name || pod.Status.Phase != corev1.PodFailed
	})
}

func ready(pod *corev1.Pod) bool { return readySince(pod) != nil }

// readySince is when the pod became ready; nil while it is not.
func readySince(pod *corev1.Pod) *time.Time {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return &c.LastTransitionTime.Time
		}
	}
	return nil
}

// reachable reports whether every node sends a Service's requests to the pod. Nodes learn of a pod a
// moment after it has become ready.
func reachable(pod *corev1.Pod, now time.Time) bool {
	since := readySince(pod)
	return since != nil && now.Sub(*since) >= desired.GatewayMinReady*time.Second
}

// outdated reports whether a Job was made for an earlier spec. Its pods cannot change.
func (s *State) outdated(job *batchv1.Job) bool {
	generation, err := strconv.ParseInt(job.Annotations[naming.AnnotationSpec], 10, 64)
	return err == nil && generation < s.Pipeline.Generation
}

// begun reports whether a pod of the Job has run anything. A pod that the API server refuses, that fits no node
// or whose image cannot be pulled has not.
func (s *State) begun(job *batchv1.Job) bool {
	return slices.ContainsFunc(s.Pods, func(pod corev1.Pod) bool {
		ran := func(c corev1.ContainerStatus) bool {
			return c.State.Running != nil || c.State.Terminated != nil || c.LastTerminationState.Terminated != nil
		}
		return pod.Labels[batchv1.JobNameLabel] == job.Name && (pod.Status.Phase != corev1.PodPending ||
			slices.ContainsFunc(pod.Status.InitContainerStatuses, ran) ||
			slices.ContainsFunc(pod.Status.ContainerStatuses, ran))
	})
}
