package desired

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// userOfCluster leaves the user and the groups of processes to the cluster.
const userOfCluster v1alpha1.PodUser = "Cluster"

// componentNames are the components as the spec names them.
var componentNames = map[v1alpha1.PodComponent]string{
	"Embedding":  naming.ComponentEmbedding,
	"Reranking":  naming.ComponentReranking,
	"LLM":        naming.ComponentLLM,
	"StandIn":    naming.ComponentStandIn,
	"Weaviate":   naming.ComponentWeaviate,
	"Extraction": naming.ComponentExtraction,
	"Gateway":    naming.ComponentGateway,
	"Ingest":     naming.ComponentIngest,
}

// adaptation is what a component's pods get beyond what the operator gives them: from the operator's
// installation, then from spec.pods, then from the component's own entry there.
func (b builder) adaptation(component string) (all v1alpha1.Pod, schedules []*v1alpha1.Scheduling) {
	for _, pods := range []*v1alpha1.Pods{b.operator.Pods, b.p.Spec.Pods} {
		if pods == nil {
			continue
		}
		schedules = append(schedules, pods.Scheduling)
		all = merge(all, pods.Pod)
		for _, own := range pods.Components {
			if componentNames[own.Component] == component {
				all = merge(all, own.Pod)
			}
		}
	}
	return all, schedules
}

// merge adds to the maps and lists of a pod, and replaces its single values.
func merge(p, more v1alpha1.Pod) v1alpha1.Pod {
	p.Labels = union(p.Labels, more.Labels)
	p.Annotations = union(p.Annotations, more.Annotations)
	p.Env = slices.DeleteFunc(slices.Clone(p.Env), func(v v1alpha1.EnvVar) bool { return names(more.Env, v.Name) })
	p.Env = append(p.Env, more.Env...)
	p.ImagePullSecrets = append(slices.Clone(p.ImagePullSecrets), more.ImagePullSecrets...)
	for _, single := range []struct{ value, by *v1alpha1.ObjectName }{
		{&p.ServiceAccountName, &more.ServiceAccountName},
		{&p.PriorityClassName, &more.PriorityClassName},
		{&p.SchedulerName, &more.SchedulerName},
	} {
		if *single.by != "" {
			*single.value = *single.by
		}
	}
	if more.Affinity != nil {
		p.Affinity = more.Affinity
	}
	if more.User != "" {
		p.User = more.User
	}
	return p
}

func union[V any](m, more map[string]V) map[string]V {
	all := maps.Clone(m)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, more)
	return all
}

func names(vars []v1alpha1.EnvVar, name string) bool {
	return slices.ContainsFunc(vars, func(v v1alpha1.EnvVar) bool { return v.Name == name })
}

// adapt gives a pod and its main container what the cluster asks for. What the operator sets itself stays.
func (b builder) adapt(x pod, template *corev1ac.PodTemplateSpecApplyConfiguration) {
	p, schedules := b.adaptation(x.component)
	for key, value := range p.Labels {
		if _, taken := template.Labels[key]; !taken {
			template.WithLabels(map[string]string{key: string(value)})
		}
	}
	for key, value := range p.Annotations {
		if _, taken := template.Annotations[key]; !taken {
			template.WithAnnotations(map[string]string{key: string(value)})
		}
	}
	for _, s := range schedules {
		schedule(template.Spec, s, x.selector)
	}
	addVariables(&template.Spec.Containers[0],
		slices.Concat(p.Env, b.proxyVariables(x.component), b.telemetryVariables(x.component, p.Env)))
	b.trust(x.component, template)
	addPullSecrets(template.Spec, p.ImagePullSecrets)
	adaptSpec(template.Spec, p)
}

// addVariables adds variables to a container, unless it has one of the name.
func addVariables(container *corev1ac.ContainerApplyConfiguration, vars []v1alpha1.EnvVar) {
	for _, variable := range vars {
		has := func(e corev1ac.EnvVarApplyConfiguration) bool { return *e.Name == variable.Name }
		if !slices.ContainsFunc(container.Env, has) {
			container.WithEnv(variables([]v1alpha1.EnvVar{variable})...)
		}
	}
}

func adaptSpec(spec *corev1ac.PodSpecApplyConfiguration, p v1alpha1.Pod) {
	if p.ServiceAccountName != "" {
		spec.WithServiceAccountName(string(p.ServiceAccountName))
	}
	if p.PriorityClassName != "" {
		spec.WithPriorityClassName(string(p.PriorityClassName))
	}
	if p.SchedulerName != "" {
		spec.WithSchedulerName(string(p.SchedulerName))
	}
	if p.Affinity != nil {
		affinity := corev1ac.Affinity()
		_ = json.Unmarshal(p.Affinity.Raw, affinity) // validate has decoded it
		spec.WithAffinity(affinity)
	}
	if p.User == userOfCluster {
		security := spec.SecurityContext
		security.RunAsUser, security.RunAsGroup, security.FSGroup, security.FSGroupChangePolicy = nil, nil, nil, nil
	}
}

// addPullSecrets adds Secrets for registries to a pod, each once.
func addPullSecrets(spec *corev1ac.PodSpecApplyConfiguration, secrets []v1alpha1.ObjectName) {
	for _, secret := range secrets {
		has := func(s corev1ac.LocalObjectReferenceApplyConfiguration) bool { return *s.Name == string(secret) }
		if !slices.ContainsFunc(spec.ImagePullSecrets, has) {
			spec.WithImagePullSecrets(corev1ac.LocalObjectReference().WithName(string(secret)))
		}
	}
}

// ValidatePods finds what the API server would refuse in the pods that the installation adapts. The field
// names them in errors.
func ValidatePods(field string, pods *v1alpha1.Pods) error {
	var v validator
	v.pods(field, pods)
	for i, own := range pods.Components { // the API server checks those of a spec
		if componentNames[own.Component] == "" {
			v.add(fmt.Sprintf("%s.components[%d].component", field, i), "%q is not a component: use one of %s", own.Component,
				componentList())
		}
	}
	return v.join()
}

func componentList() string {
	var list []string
	for name := range componentNames {
		list = append(list, string(name))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (v *validator) pods(field string, pods *v1alpha1.Pods) {
	if pods == nil {
		return
	}
	v.scheduling(field+".scheduling", pods.Scheduling)
	v.pod(field, pods.Pod)
	for i, own := range pods.Components {
		v.pod(fmt.Sprintf("%s.components[%d]", field, i), own.Pod)
	}
}

func (v *validator) pod(field string, p v1alpha1.Pod) {
	for _, key := range slices.Sorted(maps.Keys(p.Labels)) {
		value := string(p.Labels[key])
		if wrong := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(wrong) > 0 {
			v.add(field+".labels", "%s=%s is not a valid label: %s", key, value, wrong[0])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.Annotations)) {
		if wrong := validation.IsQualifiedName(strings.ToLower(key)); len(wrong) > 0 {
			v.add(field+".annotations", "%s is not a valid key: %s", key, wrong[0])
		}
	}
	if p.Affinity != nil {
		decoder := json.NewDecoder(bytes.NewReader(p.Affinity.Raw))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(new(corev1.Affinity)); err != nil {
			v.add(field+".affinity", "is not an affinity as in a Pod: %s", strings.TrimPrefix(err.Error(), "json: "))
		}
	}
}
