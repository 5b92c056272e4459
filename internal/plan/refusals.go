package plan

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// refusalAfter is how long a workload may lack pods before somebody looks for the cause: its controller needs a moment.
const refusalAfter = 5 * time.Second

// Lacking lists the UIDs of StatefulSets and Jobs that have fewer pods than they should. Unlike a Deployment's,
// their status does not tell whether the API server refuses the pods: the events of their controllers do.
func (s *State) Lacking(now time.Time) (uids []types.UID) {
	for _, set := range s.StatefulSets {
		if set.Status.Replicas < ptr.Deref(set.Spec.Replicas, 1) && now.Sub(set.CreationTimestamp.Time) > refusalAfter {
			uids = append(uids, set.UID)
		}
	}
	for _, job := range s.Jobs {
		if finished(job) == "" && !s.hasPods(job) && now.Sub(job.CreationTimestamp.Time) > refusalAfter {
			uids = append(uids, job.UID)
		}
	}
	slices.Sort(uids)
	return uids
}

func (s *State) hasPods(job *batchv1.Job) bool {
	return slices.ContainsFunc(s.Pods, func(pod corev1.Pod) bool {
		return pod.Labels[batchv1.JobNameLabel] == job.Name && pod.Status.Phase != corev1.PodFailed
	})
}

// replicaFailure is what the API server said of the pods that a Deployment lacks.
func replicaFailure(d *appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			return c.Message
		}
	}
	return ""
}
