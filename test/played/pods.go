package played

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// readySince returns when a pod became ready; ready is false while it is not.
func readySince(pod *corev1.Pod) (since time.Time, ready bool) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.LastTransitionTime.Time, c.Status == corev1.ConditionTrue
		}
	}
	return since, false
}

// playPod plays the kubelet: a pod runs at once, unless its component is in trouble, and is ready when it can serve.
func (c *Cluster) playPod(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	pod := new(corev1.Pod)
	if err := c.client.Get(ctx, request.NamespacedName, pod); err != nil {
		c.reports.stop(request.NamespacedName)
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if pod.Status.Phase == corev1.PodSucceeded {
		c.reports.stop(request.NamespacedName)
		return reconcile.Result{}, nil
	}
	c.mu.Lock()
	trouble := c.trouble[pod.Labels[naming.LabelComponent]]
	c.mu.Unlock()
	if trouble != nil {
		return reconcile.Result{}, c.ail(ctx, pod, trouble)
	}
	return reconcile.Result{}, c.run(ctx, pod)
}

// ail writes what a pod suffers from.
func (c *Cluster) ail(ctx context.Context, pod *corev1.Pod, trouble func(*corev1.PodStatus)) error {
	before := pod.Status.DeepCopy()
	pod.Status.Conditions, pod.Status.ContainerStatuses = nil, nil
	trouble(&pod.Status)
	if equality.Semantic.DeepEqual(*before, pod.Status) {
		return nil
	}
	return c.client.Status().Update(ctx, pod)
}

func (c *Cluster) run(ctx context.Context, pod *corev1.Pod) error {
	certificate, err := c.certificate(ctx, pod)
	if err != nil {
		return err
	}
	address, err := c.reports.serve(ctx, pod, certificate)
	if err != nil {
		return err
	}
	// One that is not ready yet is looked at again once its index is complete.
	ready := pod.Labels[naming.LabelComponent] != naming.ComponentGateway || c.reports.of(pod).Ready
	_, was := readySince(pod)
	if pod.Status.Phase == corev1.PodRunning && pod.Status.PodIP == address && was == ready {
		return nil
	}
	setRunning(pod, address, ready)
	return c.client.Status().Update(ctx, pod)
}

// certificate is what the pod's ops port has; nil if it speaks plain HTTP.
func (c *Cluster) certificate(ctx context.Context, pod *corev1.Pod) (*tls.Certificate, error) {
	if !plan.Encrypted(pod) {
		return nil, nil
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.Name != "certificate" {
			continue
		}
		var secret corev1.Secret
		if err := c.direct.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: volume.Secret.SecretName}, &secret); err != nil {
			return nil, err
		}
		files := map[string][]byte{}
		for _, item := range volume.Secret.Items {
			files[item.Path] = secret.Data[item.Key]
		}
		pair, err := tls.X509KeyPair(files["tls.crt"], files["tls.key"])
		return &pair, err
	}
	return nil, fmt.Errorf("%s has no certificate", pod.Name)
}

// setRunning writes a status as full as a kubelet's.
func setRunning(pod *corev1.Pod, address string, ready bool) {
	now := metav1.Now()
	state := map[bool]corev1.ConditionStatus{true: corev1.ConditionTrue, false: corev1.ConditionFalse}[ready]
	pod.Status.Phase, pod.Status.PodIP, pod.Status.HostIP = corev1.PodRunning, address, "192.0.2.1"
	pod.Status.PodIPs, pod.Status.HostIPs = []corev1.PodIP{{IP: address}}, []corev1.HostIP{{IP: "192.0.2.1"}}
	if pod.Status.StartTime == nil {
		pod.Status.StartTime = &now
	}
	pod.Status.Conditions, pod.Status.ContainerStatuses = nil, nil
	for _, condition := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodReadyToStartContainers, corev1.PodInitialized} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: condition, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	for _, condition := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: condition, Status: state, LastTransitionTime: now})
	}
	for _, container := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: container.Name, Image: container.Image, ImageID: container.Image, ContainerID: "containerd://" + string(pod.UID),
			Ready: ready, Started: new(true), State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
}

// endPod leaves the summary of a run that has indexed everything.
func (c *Cluster) endPod(ctx context.Context, pod *corev1.Pod) error {
	summary := config.Summary{
		Generation: pod.Labels[naming.LabelGeneration],
		Listed:     Documents, Indexed: Documents, Added: Documents, Chunks: 3 * Documents, Embedded: 3 * Documents,
	}
	setRunning(pod, pod.Status.PodIP, false)
	pod.Status.Phase = corev1.PodSucceeded
	ended := &corev1.ContainerStateTerminated{Message: string(summary.JSON()), FinishedAt: metav1.Now()}
	pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: ended}
	return c.client.Status().Update(ctx, pod)
}
