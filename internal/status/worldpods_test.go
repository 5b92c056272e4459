package status

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// down takes a workload's only replica down, with the pods that explain why.
func down(component string, pods ...corev1.Pod) func(*world) {
	return func(w *world) {
		w.component(component, func(c *Component) { c.Ready, c.Pods = 0, pods })
	}
}

func pod(changes ...func(*corev1.Pod)) corev1.Pod {
	p := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "papers-x-7d9f8-q2x4z"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "nvcr.io/nim/nvidia/embed:2.2.2",
			Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("1"), "memory": resource.MustParse("2Gi")}}}}},
		Status: corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{Name: "main", Image: "nvcr.io/nim/nvidia/embed:2.2.2"}}},
	}
	for _, change := range changes {
		change(&p)
	}
	return p
}

func running(restarts int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Phase = corev1.PodRunning
		p.Status.ContainerStatuses[0].RestartCount = restarts
		p.Status.ContainerStatuses[0].State.Running = new(corev1.ContainerStateRunning)
	}
}

func waits(reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
}

// ended adds the end of a container that has run for so long.
func ended(reason string, code int32, lasted time.Duration) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].RestartCount++
		p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
			Reason: reason, ExitCode: code, StartedAt: metav1.NewTime(noon.Add(-lasted)), FinishedAt: metav1.NewTime(noon)}
	}
}

func unscheduled(message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = nil
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: message}}
	}
}

func evicted() corev1.Pod {
	return pod(func(p *corev1.Pod) {
		p.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "The node was low on resource: memory. Threshold quantity: 100Mi, available: 93412Ki."}
	})
}

func podsOf(pods ...corev1.Pod) []corev1.Pod { return pods }

// rolling makes a workload serve while a change to it is being rolled out.
func rolling(component string, pods ...corev1.Pod) func(*world) {
	return func(w *world) {
		w.component(component, func(c *Component) { c.Current, c.Pods = false, pods })
	}
}

// withoutKey has a ConfigMap lack the certificates of the authorities that the gateway should trust.
func withoutKey(w *world) {
	w.o.Missing = append(w.o.Missing, Missing{Kind: "ConfigMap", Name: "authorities", Key: "ca.crt",
		Field: "spec.network.caBundle", Component: naming.ComponentGateway})
}

// replicas makes so many of a component's ready, without a fault.
func replicas(component string, ready, of int32) func(*world) {
	return func(w *world) { w.component(component, func(c *Component) { c.Ready, c.Replicas = ready, of }) }
}

func nextEmbedding(pods ...corev1.Pod) func(*world) {
	return func(w *world) {
		c := starting(30 * time.Minute)
		c.Pods = pods
		w.o.NextEmbedding = &c
	}
}

var untrusted = stageFails(config.StageLLM, config.ModelUnreachable, `llm model "big" cannot be reached; check its url and that it runs: its certificate is not trusted: certificate signed by unknown authority`, 0)

const untrustedStore = `index: count documents in Weaviate at https://papers-weaviate.rag.svc:8443: the index cannot be reached: rpc error: code = Unavailable desc = connection error: desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate signed by unknown authority"`

func authorities(w *world) {
	w.p.Spec.Network = &v1alpha1.Network{CABundle: &v1alpha1.CABundle{Name: "authorities", Key: "ca.crt"}}
}

// wrongCertificate has the gateway end over the Secret of gateway.tls.
func wrongCertificate(w *world) {
	w.p.Spec.Gateway.TLS = &v1alpha1.GatewayTLS{SecretName: "gateway-tls"}
	w.o.Gateways = nil
	p := pod(waits("CrashLoopBackOff", "back-off 5m0s"), ended("Error", 2, time.Second))
	p.Status.ContainerStatuses[0].LastTerminationState.Terminated.Message = "certificate in /tls: open /tls/tls.key: " +
		"no such file or directory; tls.crt must hold the certificate, and tls.key its key"
	down(naming.ComponentGateway, p)(w)
}
