package played

import (
	"context"
	"maps"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// play starts the players. They watch, as the real controllers do, so that they leave the machine to the operator.
func (c *Cluster) play(ctx context.Context) error {
	manager, err := ctrl.NewManager(c.Config, ctrl.Options{
		Scheme:                 controllers.Scheme(),
		Cache:                  cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
	})
	if err != nil {
		return err
	}
	p := &players{Client: manager.GetClient(), reports: &c.reports}
	for object, player := range map[client.Object]reconcile.Func{
		&appsv1.Deployment{}: p.deployment, &appsv1.StatefulSet{}: p.statefulSet, &batchv1.Job{}: p.job,
	} {
		b := ctrl.NewControllerManagedBy(manager).For(object).Owns(&corev1.Pod{}).WithOptions(controller.Options{MaxConcurrentReconciles: 4})
		if err := b.Complete(player); err != nil {
			return err
		}
	}
	b := ctrl.NewControllerManagedBy(manager).For(&corev1.Pod{}).WithOptions(controller.Options{MaxConcurrentReconciles: 4})
	if err := b.Complete(reconcile.Func(p.pod)); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	c.end = func() error {
		cancel()
		return <-ended
	}
	return nil
}

// players play workload controllers and kubelets.
type players struct {
	client.Client
	reports *reports
}

func (p *players) deployment(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	d := new(appsv1.Deployment)
	if err := p.Get(ctx, request.NamespacedName, d); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	all, ready, err := p.replicas(ctx, d, "Deployment", *d.Spec.Replicas, d.Spec.Template)
	if err != nil {
		return reconcile.Result{}, err
	}
	now := appsv1.DeploymentStatus{
		ObservedGeneration: d.Generation, Replicas: all, UpdatedReplicas: all,
		ReadyReplicas: ready, AvailableReplicas: ready, UnavailableReplicas: all - ready,
	}
	if equality.Semantic.DeepEqual(d.Status, now) {
		return reconcile.Result{}, nil
	}
	d.Status = now
	return again(p.Status().Update(ctx, d))
}

func (p *players) statefulSet(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	s := new(appsv1.StatefulSet)
	if err := p.Get(ctx, request.NamespacedName, s); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	template := *s.Spec.Template.DeepCopy()
	for _, claim := range s.Spec.VolumeClaimTemplates { // the claims are not made: nothing here binds one
		source := &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-0"}
		template.Spec.Volumes = append(template.Spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: source}})
	}
	all, ready, err := p.replicas(ctx, s, "StatefulSet", *s.Spec.Replicas, template)
	if err != nil {
		return reconcile.Result{}, err
	}
	now := appsv1.StatefulSetStatus{
		ObservedGeneration: s.Generation, Replicas: all, UpdatedReplicas: all, CurrentReplicas: all, ReadyReplicas: ready, AvailableReplicas: ready,
	}
	if equality.Semantic.DeepEqual(s.Status, now) {
		return reconcile.Result{}, nil
	}
	s.Status = now
	return again(p.Status().Update(ctx, s))
}

// replicas makes the pods that a workload lacks, and counts those that there are.
func (p *players) replicas(ctx context.Context, owner client.Object, kind string, want int32, template corev1.PodTemplateSpec) (all, ready int32, err error) {
	pods, err := p.podsOf(ctx, owner)
	if err != nil {
		return 0, 0, err
	}
	for i := range want {
		name := podName(owner, template, i)
		pod := pods[name]
		if pod == nil {
			err := p.createPod(ctx, owner, metav1.NewControllerRef(owner, appsv1.SchemeGroupVersion.WithKind(kind)), template, name)
			if err != nil {
				return 0, 0, err
			}
		} else if isReady(pod) {
			ready++
		}
	}
	return int32(len(pods)), ready, nil
}

func podName(owner client.Object, template corev1.PodTemplateSpec, i int32) string {
	return owner.GetName() + "-" + config.Hash(template)[:8] + "-" + strconv.Itoa(int(i))
}

// podsOf are a workload's, by name.
func (p *players) podsOf(ctx context.Context, owner client.Object) (map[string]*corev1.Pod, error) {
	var list corev1.PodList
	if err := p.List(ctx, &list, client.InNamespace(owner.GetNamespace()), client.MatchingLabels(owner.GetLabels())); err != nil {
		return nil, err
	}
	pods := map[string]*corev1.Pod{}
	for i, pod := range list.Items {
		if metav1.IsControlledBy(&pod, owner) {
			pods[pod.Name] = &list.Items[i]
		}
	}
	return pods, nil
}

func (p *players) createPod(ctx context.Context, owner client.Object, ref *metav1.OwnerReference, template corev1.PodTemplateSpec, name string) error {
	pod := &corev1.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	pod.Namespace, pod.Name = owner.GetNamespace(), name
	pod.Labels = maps.Clone(pod.Labels)
	if ref.Kind == "Job" {
		pod.Labels[batchv1.JobNameLabel] = owner.GetName()
	}
	pod.OwnerReferences = []metav1.OwnerReference{*ref}
	return client.IgnoreAlreadyExists(p.Create(ctx, pod)) // the cache is behind
}
