package desired

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// resources are those of the spec, or requests of ours. We set no limit of our own: where a pod needs more than we
// thought, it should be slow on a full node rather than killed on an empty one.
func resources(spec *v1alpha1.Resources, cpu, memory string) *corev1ac.ResourceRequirementsApplyConfiguration {
	r := corev1ac.ResourceRequirements()
	if spec == nil || len(spec.Requests)+len(spec.Limits) == 0 {
		return r.WithRequests(corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(cpu),
			corev1.ResourceMemory: resource.MustParse(memory),
		})
	}
	return explicitResources(r, spec)
}

func explicitResources(r *corev1ac.ResourceRequirementsApplyConfiguration, spec *v1alpha1.Resources) *corev1ac.ResourceRequirementsApplyConfiguration {
	if len(spec.Requests) > 0 {
		r.WithRequests(resourceList(spec.Requests))
	}
	if len(spec.Limits) > 0 {
		r.WithLimits(resourceList(spec.Limits))
	}
	return r
}

func resourceList(quantities map[string]resource.Quantity) corev1.ResourceList {
	list := corev1.ResourceList{}
	for name, quantity := range quantities {
		list[corev1.ResourceName(name)] = quantity
	}
	return list
}

// schedule puts the spec's rules on a pod; it is spread among those that the selector finds.
func schedule(pod *corev1ac.PodSpecApplyConfiguration, s *v1alpha1.Scheduling, selector map[string]string) {
	if s == nil {
		return
	}
	for key, value := range s.NodeSelector {
		pod.WithNodeSelector(map[string]string{key: string(value)})
	}
	for _, t := range s.Tolerations {
		pod.WithTolerations(toleration(t))
	}
	for _, c := range s.TopologySpreadConstraints {
		pod.WithTopologySpreadConstraints(corev1ac.TopologySpreadConstraint().
			WithTopologyKey(c.TopologyKey).
			WithMaxSkew(c.MaxSkew).
			WithWhenUnsatisfiable(corev1.UnsatisfiableConstraintAction(c.WhenUnsatisfiable)).
			WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(selector)))
	}
}

func toleration(t v1alpha1.Toleration) *corev1ac.TolerationApplyConfiguration {
	tolerate := corev1ac.Toleration()
	if t.Key != "" {
		tolerate.WithKey(t.Key)
	}
	if t.Operator != "" {
		tolerate.WithOperator(corev1.TolerationOperator(t.Operator))
	}
	if t.Value != "" {
		tolerate.WithValue(string(t.Value))
	}
	if t.Effect != "" {
		tolerate.WithEffect(corev1.TaintEffect(t.Effect))
	}
	if t.TolerationSeconds != nil {
		tolerate.WithTolerationSeconds(*t.TolerationSeconds)
	}
	return tolerate
}

// env is a variable with a value; an empty one is set, and not mentioned, as the API server would have it.
func env(name, value string) *corev1ac.EnvVarApplyConfiguration {
	e := corev1ac.EnvVar().WithName(name)
	if value != "" {
		e.WithValue(value)
	}
	return e
}

func envFromSecret(name, secret, key string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).WithValueFrom(corev1ac.EnvVarSource().
		WithSecretKeyRef(corev1ac.SecretKeySelector().WithName(secret).WithKey(key)))
}

func envFromField(name, path string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).WithValueFrom(corev1ac.EnvVarSource().
		WithFieldRef(corev1ac.ObjectFieldSelector().WithFieldPath(path)))
}
