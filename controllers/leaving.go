package controllers

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// staysFor are the names of what must stay although nobody wants it: runs that the plan keeps, what a gateway's pod has
// mounted, and the models that one asks. Pods of the present template are made with what is wanted; an older template
// makes none once its rollout is over, and until then its pods exist.
func (s *scene) staysFor(next plan, wanted []desired.Child) map[string]bool {
	keep := map[string]bool{}
	for _, name := range next.keep {
		keep[name] = true
	}
	for _, pod := range s.podsOf(naming.ComponentGateway) {
		configMaps, secrets := mounted(&pod)
		for _, name := range append(configMaps, secrets...) {
			keep[name] = true
		}
	}
	s.keepModels(keep, wanted)
	return keep
}

// mounted are the names of the ConfigMaps and Secrets that a pod has mounted.
func mounted(pod *corev1.Pod) (configMaps, secrets []string) {
	for _, v := range pod.Spec.Volumes {
		if v.ConfigMap != nil {
			configMaps = append(configMaps, v.ConfigMap.Name)
		}
		if v.Secret != nil {
			secrets = append(secrets, v.Secret.SecretName)
		}
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			if source.ConfigMap != nil {
				configMaps = append(configMaps, source.ConfigMap.Name)
			}
			if source.Secret != nil {
				secrets = append(secrets, source.Secret.Name)
			}
		}
	}
	return configMaps, secrets
}

// keepModels adds the models' objects while a gateway's pod answers by another config than the wanted one: it asks the
// models that its own config names. They go when the rollout is over.
func (s *scene) keepModels(keep map[string]bool, wanted []desired.Child) {
	if !s.gatewayRolls(wanted) {
		return
	}
	for name, d := range s.deployments {
		if slices.Contains(modelComponents, d.Labels[naming.LabelComponent]) {
			keep[name] = true
		}
	}
}

var modelComponents = []string{naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentLLM, naming.ComponentStandIn}

// gatewayRolls says whether a gateway's pod is there that none of the wanted children configures. What else a pod has
// mounted, such as a mesh's certificates, says nothing.
func (s *scene) gatewayRolls(wanted []desired.Child) bool {
	ours := naming.For(s.pipeline).Gateway() + "-"
	names := map[string]bool{}
	for _, child := range wanted {
		if kind, name := child.Object.GetKind(), child.Object.GetName(); kind != nil && name != nil && *kind == kindConfigMap {
			names[*name] = true
		}
	}
	return slices.ContainsFunc(s.podsOf(naming.ComponentGateway), func(pod corev1.Pod) bool {
		configMaps, _ := mounted(&pod)
		return slices.ContainsFunc(configMaps, func(name string) bool {
			return strings.HasPrefix(name, ours) && !names[name]
		})
	})
}
