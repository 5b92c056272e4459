package apply_test

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	batchv1ac "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// The children are one of each kind, as small as the server takes them.

func configMap(p *v1alpha1.RAGPipeline, name string, data map[string]string) desired.Child {
	return desired.Child{Object: corev1ac.ConfigMap(name, p.Namespace).WithLabels(naming.Labels(p, "test")).WithData(data)}
}

func secret(p *v1alpha1.RAGPipeline, name string) desired.Child {
	return desired.Child{
		Object:   corev1ac.Secret(name, p.Namespace).WithLabels(naming.Labels(p, "test")).WithType(corev1.SecretTypeOpaque),
		Once:     true,
		Generate: []string{"token"},
	}
}

func podTemplate() *corev1ac.PodTemplateSpecApplyConfiguration {
	return corev1ac.PodTemplateSpec().WithLabels(map[string]string{"app": "x"}).WithSpec(corev1ac.PodSpec().
		WithContainers(corev1ac.Container().WithName("x").WithImage("example.com/x:1").
			WithEnv(corev1ac.EnvVar().WithName("A").WithValue("1")).
			WithPorts(corev1ac.ContainerPort().WithName("http").WithContainerPort(8080))))
}

func selector() *metav1ac.LabelSelectorApplyConfiguration {
	return metav1ac.LabelSelector().WithMatchLabels(map[string]string{"app": "x"})
}

func deployment(p *v1alpha1.RAGPipeline, name string) *appsv1ac.DeploymentApplyConfiguration {
	return appsv1ac.Deployment(name, p.Namespace).WithLabels(naming.Labels(p, "test")).
		WithSpec(appsv1ac.DeploymentSpec().WithSelector(selector()).WithTemplate(podTemplate()))
}

func claim(p *v1alpha1.RAGPipeline, name string, kept bool) desired.Child {
	return desired.Child{Kept: kept, Object: corev1ac.PersistentVolumeClaim(name, p.Namespace).WithLabels(naming.Labels(p, "test")).
		WithSpec(corev1ac.PersistentVolumeClaimSpec().WithAccessModes(corev1.ReadWriteOnce).WithResources(corev1ac.VolumeResourceRequirements().
			WithRequests(corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")})))}
}

func service(p *v1alpha1.RAGPipeline, name string) desired.Child {
	return desired.Child{Object: corev1ac.Service(name, p.Namespace).WithLabels(naming.Labels(p, "test")).
		WithSpec(corev1ac.ServiceSpec().WithSelector(map[string]string{"app": "x"}).WithPorts(corev1ac.ServicePort().
			WithName("http").WithPort(80).WithTargetPort(intstr.FromString("http"))))}
}

func oneOfEach(p *v1alpha1.RAGPipeline) []desired.Child {
	labels := naming.Labels(p, "test")
	return []desired.Child{
		secret(p, p.Name+"-key"),
		{Object: corev1ac.ServiceAccount(p.Name, p.Namespace).WithLabels(labels).WithAutomountServiceAccountToken(false)},
		configMap(p, p.Name, map[string]string{"a": "1"}),
		claim(p, p.Name+"-kept", true),
		claim(p, p.Name+"-owned", false),
		service(p, p.Name),
		{Object: deployment(p, p.Name)},
		{Object: appsv1ac.StatefulSet(p.Name, p.Namespace).WithLabels(labels).WithSpec(appsv1ac.StatefulSetSpec().
			WithServiceName(p.Name).WithReplicas(3).WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithSelector(selector()).WithTemplate(podTemplate()))},
		{Object: networkingv1ac.NetworkPolicy(p.Name, p.Namespace).WithLabels(labels).WithSpec(networkingv1ac.NetworkPolicySpec().WithPodSelector(selector()))},
		{Object: policyv1ac.PodDisruptionBudget(p.Name, p.Namespace).WithLabels(labels).WithSpec(policyv1ac.PodDisruptionBudgetSpec().
			WithMaxUnavailable(intstr.FromInt32(1)).WithSelector(selector()))},
		job(p, p.Name),
	}
}

func job(p *v1alpha1.RAGPipeline, name string) desired.Child {
	template := podTemplate()
	template.Spec.WithRestartPolicy(corev1.RestartPolicyNever)
	return desired.Child{Once: true, Object: batchv1ac.Job(name, p.Namespace).WithLabels(naming.Labels(p, "test")).
		WithSpec(batchv1ac.JobSpec().WithTemplate(template))}
}
