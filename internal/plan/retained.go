package plan

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Retained returns the names of the objects that must stay although they are not among the wanted
// children: Jobs that the plan keeps, whatever a gateway's pod has mounted, and the models that
// such a pod asks. The pods of a Deployment's present template find all they need among the
// children; those of an older template are replaced, and until then they exist.
func (s *State) Retained(p Plan, wanted []desired.Child) map[string]bool {
	retained := map[string]bool{}
	for _, d := range p.tasks {
		if d.keep != "" {
			retained[d.keep] = true
		}
	}
	// The last run of the live generation tells for which value of the sync annotation it was.
	if live := p.Facts.Live; live != nil && live.Fingerprint() != s.wanted().Fingerprint() {
		if last := s.lastRun(live.Fingerprint()); last != nil && finished(last) != "" {
			retained[last.Name] = true
		}
	}
	for _, pod := range s.podsOf(naming.ComponentGateway) {
		configMaps, secrets := mounted(&pod)
		for _, name := range append(configMaps, secrets...) {
			retained[name] = true
		}
	}
	if s.gatewayRolls(wanted) {
		for name, d := range s.Deployments {
			if slices.Contains(modelComponents, d.Labels[naming.LabelComponent]) {
				retained[name] = true
			}
		}
	}
	return retained
}

// modelComponents are the components whose Deployments a gateway asks.
var modelComponents = []string{
	naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentLLM, naming.ComponentStandIn,
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

// gatewayRolls reports whether a gateway's pod answers by a config that is not among the wanted
// children: it asks the models that its own config names. Other ConfigMaps that a pod has mounted,
// such as documents or a mesh's certificates, do not count, whatever their names.
func (s *State) gatewayRolls(wanted []desired.Child) bool {
	names := map[string]bool{}
	for _, child := range wanted {
		if ptr.Deref(child.Object.GetKind(), "") == derive.KindConfigMap {
			names[ptr.Deref(child.Object.GetName(), "")] = true
		}
	}
	return slices.ContainsFunc(s.podsOf(naming.ComponentGateway), func(pod corev1.Pod) bool {
		return slices.ContainsFunc(pod.Spec.Volumes, func(v corev1.Volume) bool {
			return v.Name == desired.ConfigVolume && v.ConfigMap != nil && !names[v.ConfigMap.Name]
		})
	})
}
