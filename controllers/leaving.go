package controllers

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
)

// mounted are the ConfigMaps that a pod has mounted. A gateway's stay while it does: pods of the present template are
// made with a config that is wanted; an older template makes none once its rollout is over, and until then its pods
// exist.
func mounted(pod *corev1.Pod) (names []string) {
	for _, v := range pod.Spec.Volumes {
		if v.ConfigMap != nil {
			names = append(names, v.ConfigMap.Name)
		}
		if v.Projected == nil {
			continue
		}
		for _, source := range v.Projected.Sources {
			if source.ConfigMap != nil {
				names = append(names, source.ConfigMap.Name)
			}
		}
	}
	return names
}

// keepModels adds the models' objects while a gateway's pod answers by another config than the wanted one: it asks the
// models that its own config names. They go when the rollout is over.
func (s *scene) keepModels(keep map[string]bool, wanted []desired.Child) {
	if !s.gatewayRolls(wanted) {
		return
	}
	for name, d := range s.deployments {
		if slices.Contains(modelComponents, d.Labels[desired.LabelComponent]) {
			keep[name] = true
		}
	}
}

var modelComponents = []string{config.StageEmbedding, config.StageReranking, config.StageLLM, desired.ComponentStandIn}

// gatewayRolls says whether a gateway's pod is there that none of the wanted children configures. What else a pod has
// mounted, such as a mesh's certificates, says nothing.
func (s *scene) gatewayRolls(wanted []desired.Child) bool {
	ours := desired.Names{Pipeline: s.pipeline.Name}.Gateway() + "-"
	names := map[string]bool{}
	for _, child := range wanted {
		if kind, name := child.Object.GetKind(), child.Object.GetName(); kind != nil && name != nil && *kind == kindConfigMap {
			names[*name] = true
		}
	}
	return slices.ContainsFunc(s.podsOf(desired.ComponentGateway), func(pod corev1.Pod) bool {
		return slices.ContainsFunc(mounted(&pod), func(name string) bool {
			return strings.HasPrefix(name, ours) && !names[name]
		})
	})
}
