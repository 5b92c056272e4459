package played

import (
	"context"
	"maps"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func (c *Cluster) playDeployment(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	d := new(appsv1.Deployment)
	if err := c.client.Get(ctx, request.NamespacedName, d); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	state, err := c.roll(ctx, d, appsv1.SchemeGroupVersion.WithKind("Deployment"), rollout{d.Spec.Template, *d.Spec.Replicas, d.Spec.MinReadySeconds})
	if err != nil {
		return reconcile.Result{}, err
	}
	now := appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation, Replicas: state.all, UpdatedReplicas: state.updated,
		ReadyReplicas: state.ready, AvailableReplicas: state.available, UnavailableReplicas: state.all - state.available,
	}
	if equality.Semantic.DeepEqual(d.Status, now) {
		return state.next(), nil
	}
	d.Status = now
	return state.next(), c.client.Status().Update(ctx, d)
}

func (c *Cluster) playStatefulSet(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	s := new(appsv1.StatefulSet)
	if err := c.client.Get(ctx, request.NamespacedName, s); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if err := c.takeUp(ctx, s); err != nil {
		return reconcile.Result{}, err
	}
	state, err := c.roll(ctx, s, appsv1.SchemeGroupVersion.WithKind("StatefulSet"), rollout{withClaims(s.Spec), *s.Spec.Replicas, s.Spec.MinReadySeconds})
	if err != nil {
		return reconcile.Result{}, err
	}
	now := appsv1.StatefulSetStatus{
		ObservedGeneration: s.Generation, Replicas: state.all, UpdatedReplicas: state.updated, CurrentReplicas: state.updated,
		ReadyReplicas: state.ready, AvailableReplicas: state.available,
	}
	if equality.Semantic.DeepEqual(s.Status, now) {
		return state.next(), nil
	}
	s.Status = now
	return state.next(), c.client.Status().Update(ctx, s)
}

// takeUp makes the StatefulSet the owner of pods with its labels that have none.
func (c *Cluster) takeUp(ctx context.Context, s *appsv1.StatefulSet) error {
	var list corev1.PodList
	err := c.client.List(ctx, &list, client.InNamespace(s.Namespace), client.MatchingLabels(s.Spec.Selector.MatchLabels))
	if err != nil || s.DeletionTimestamp != nil {
		return err
	}
	for i := range list.Items {
		pod := &list.Items[i]
		if metav1.GetControllerOf(pod) == nil && pod.DeletionTimestamp == nil {
			pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(s, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}
			if err := c.client.Update(ctx, pod); err != nil {
				return err
			}
		}
	}
	return nil
}

// withClaims is the template with its volumes. The claims are not made: nothing here binds one.
func withClaims(spec appsv1.StatefulSetSpec) corev1.PodTemplateSpec {
	template := *spec.Template.DeepCopy()
	for _, claim := range spec.VolumeClaimTemplates {
		template.Spec.Volumes = append(template.Spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-0"},
		}})
	}
	return template
}

// rollout is what a workload asks for.
type rollout struct {
	template        corev1.PodTemplateSpec
	replicas        int32
	minReadySeconds int32
}

// replicas count the pods of a workload; available are those that have been ready for long enough.
type replicas struct{ all, updated, ready, available int32 }

// next is when to look again: no watch signals that a pod has been ready for long enough.
func (r replicas) next() reconcile.Result {
	if r.available < r.ready {
		return reconcile.Result{RequeueAfter: beat}
	}
	return reconcile.Result{}
}

// templateHash tells pods of the present template from older ones.
const templateHash = "pod-template-hash"

// roll brings a workload's pods to its template, one new pod before an old one goes, and returns how far that is. A
// pod's event brings it back here.
func (c *Cluster) roll(ctx context.Context, owner client.Object, kind schema.GroupVersionKind, want rollout) (state replicas, err error) {
	pods, err := c.podsOf(ctx, owner)
	if err != nil {
		return state, err
	}
	hash := config.Hash(want.template)[:8]
	var old *corev1.Pod
	var serving int32 // pods of the present template that are available
	current := map[string]bool{}
	for i, pod := range pods {
		state.all++
		since, ready := readySince(&pod)
		if ready {
			state.ready++
		}
		available := ready && time.Since(since) >= time.Duration(want.minReadySeconds)*time.Second
		if available {
			state.available++
		}
		if pod.Labels[templateHash] != hash {
			old = &pods[i]
			continue
		}
		current[pod.Name] = true
		state.updated++
		if available {
			serving++
		}
	}
	for i := range want.replicas {
		if name := owner.GetName() + "-" + hash + "-" + strconv.Itoa(int(i)); !current[name] {
			return state, c.createPod(ctx, owner, kind, want.template, name, hash)
		}
	}
	if old != nil && serving >= want.replicas {
		return state, c.client.Delete(ctx, old)
	}
	return state, nil
}

// podsOf are the pods of a workload that nobody is deleting.
func (c *Cluster) podsOf(ctx context.Context, owner client.Object) (pods []corev1.Pod, err error) {
	var list corev1.PodList
	if err := c.client.List(ctx, &list, client.InNamespace(owner.GetNamespace()), client.MatchingLabels(owner.GetLabels())); err != nil {
		return nil, err
	}
	for _, pod := range list.Items {
		if metav1.IsControlledBy(&pod, owner) && pod.DeletionTimestamp == nil {
			pods = append(pods, pod)
		}
	}
	return pods, nil
}

func (c *Cluster) createPod(ctx context.Context, owner client.Object, kind schema.GroupVersionKind, template corev1.PodTemplateSpec, name, hash string) error {
	pod := &corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	pod.Namespace, pod.Name = owner.GetNamespace(), name
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(owner, kind)}
	pod.Labels = maps.Clone(pod.Labels)
	pod.Labels[templateHash] = hash
	if kind.Kind == "Job" {
		pod.Labels[batchv1.JobNameLabel] = owner.GetName()
	}
	return c.client.Create(ctx, pod)
}

// playJob gives a Job its pod, and ends both after a while.
func (c *Cluster) playJob(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	job := new(batchv1.Job)
	if err := c.client.Get(ctx, request.NamespacedName, job); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if job.DeletionTimestamp != nil || job.Status.CompletionTime != nil {
		return reconcile.Result{}, nil
	}
	pods, err := c.podsOf(ctx, job)
	if err != nil {
		return reconcile.Result{}, err
	}
	if len(pods) == 0 {
		hash := config.Hash(job.Spec.Template)[:8]
		return reconcile.Result{}, c.createPod(ctx, job, batchv1.SchemeGroupVersion.WithKind("Job"), job.Spec.Template, job.Name+"-"+hash, hash)
	}
	switch pod := &pods[0]; pod.Status.Phase {
	case corev1.PodRunning:
		if left := c.left(pod); left > 0 {
			return reconcile.Result{RequeueAfter: left}, nil
		}
		return reconcile.Result{}, c.endPod(ctx, pod)
	case corev1.PodSucceeded:
		return reconcile.Result{}, c.endJob(ctx, job)
	}
	return reconcile.Result{}, nil // its kubelet is at work
}

// left is how long a run still takes.
func (c *Cluster) left(pod *corev1.Pod) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held {
		return beat
	}
	return c.options.Ingesting - time.Since(pod.Status.StartTime.Time)
}

func (c *Cluster) endJob(ctx context.Context, job *batchv1.Job) error {
	now := metav1.Now()
	job.Status = batchv1.JobStatus{
		StartTime: &job.CreationTimestamp, CompletionTime: &now, Succeeded: 1,
		Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: now},
			{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: now},
		},
	}
	// First, because a Job that is complete is not looked at again.
	c.reports.complete(job, now.Time)
	if err := c.lookAgain(ctx, client.InNamespace(job.Namespace), ofIndex(job)); err != nil {
		return err
	}
	if err := c.client.Status().Update(ctx, job); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs++
	return nil
}
