package desired

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// adapted are the pod templates of a pipeline with NIMs, a store and a run, by component.
func adapted(t *testing.T, o Operator, spec *v1alpha1.Pods) map[string]corev1.PodTemplateSpec {
	t.Helper()
	p := derivetest.Pipeline(derivetest.WithNIMs, func(s *v1alpha1.RAGPipelineSpec) {
		s.Models.LLM.Model = derivetest.StandIn
		s.Extraction = &v1alpha1.Extraction{Server: v1alpha1.ExtractionServer{Tika: &v1alpha1.Tika{Image: "tika"}}}
		s.Pods = spec
	})
	children, err := Children(p, o, running(t, p, Facts{}))
	if err != nil {
		t.Fatal(err)
	}
	pods := map[string]corev1.PodTemplateSpec{}
	for _, child := range objects(t, children) {
		if template := child.podTemplate(t); template != nil {
			pods[template.Labels[naming.LabelComponent]] = *template
		}
	}
	if len(pods) != 7 {
		t.Fatalf("%d kinds of pods", len(pods))
	}
	return pods
}

func TestEveryPodGetsWhatTheClusterAsksFor(t *testing.T) {
	affinity := runtime.RawExtension{Raw: []byte(`{"podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[]}}`)}
	installed := operator
	installed.Pods = &v1alpha1.Pods{Pod: v1alpha1.Pod{
		Labels: map[string]v1alpha1.LabelValue{"team": "platform", "zone": "a"}, ImagePullSecrets: []v1alpha1.ObjectName{"mirror"},
		PriorityClassName: "low",
	}}
	for component, pod := range adapted(t, installed, &v1alpha1.Pods{
		Pod: v1alpha1.Pod{
			Labels:           map[string]v1alpha1.LabelValue{"team": "search", naming.LabelPipeline: "other"},
			Annotations:      map[string]v1alpha1.AnnotationValue{"note": "ours"},
			Env:              []v1alpha1.EnvVar{{Name: "HTTPS_PROXY", Value: "http://proxy:3128"}, {Name: "NIM_SERVER_PORT", Value: "1"}},
			ImagePullSecrets: []v1alpha1.ObjectName{"registry", "mirror"},
			SchedulerName:    "volcano", ServiceAccountName: "mine", Affinity: &affinity, User: userOfCluster,
		},
		Scheduling: &v1alpha1.Scheduling{NodeSelector: map[string]v1alpha1.LabelValue{"pool": "rag"}},
	}) {
		spec, security := pod.Spec, pod.Spec.SecurityContext
		env := map[string]string{}
		for _, v := range spec.Containers[0].Env {
			env[v.Name] = v.Value
		}
		for rule, holds := range map[string]bool{
			"labels of both":                  pod.Labels["team"] == "search" && pod.Labels["zone"] == "a",
			"the pipeline's own label":        pod.Labels[naming.LabelPipeline] == "papers",
			"annotations":                     pod.Annotations["note"] == "ours",
			"environment":                     env["HTTPS_PROXY"] == "http://proxy:3128",
			"the operator's own environment":  len(spec.Containers[0].Env) == len(env) && (env["NIM_CACHE_PATH"] == "" || env["NIM_SERVER_PORT"] == "8000"),
			"each pull secret once":           slices.Equal(spec.ImagePullSecrets[:2], []corev1.LocalObjectReference{{Name: "mirror"}, {Name: "registry"}}),
			"the installation's class":        spec.PriorityClassName == "low",
			"scheduler and account":           spec.SchedulerName == "volcano" && spec.ServiceAccountName == "mine",
			"affinity":                        spec.Affinity != nil && spec.Affinity.PodAntiAffinity != nil,
			"nodes":                           spec.NodeSelector["pool"] == "rag",
			"the cluster's choice of a user":  security.RunAsUser == nil && security.RunAsGroup == nil && security.FSGroup == nil,
			"restrictions that do not depend": *security.RunAsNonRoot && security.SeccompProfile != nil,
		} {
			if !holds {
				t.Errorf("%s lacks %s", component, rule)
			}
		}
	}
}

func TestAComponentsOwnEntryAddsToThatOfAllPods(t *testing.T) {
	pods := adapted(t, operator, &v1alpha1.Pods{
		Pod: v1alpha1.Pod{
			Labels: map[string]v1alpha1.LabelValue{"team": "search"}, PriorityClassName: "low",
			Env: []v1alpha1.EnvVar{{Name: "A", Value: "all"}, {Name: "B", Value: "all"}},
		},
		Components: []v1alpha1.ComponentPods{{Component: "Gateway", Pod: v1alpha1.Pod{
			Labels: map[string]v1alpha1.LabelValue{"tier": "front"}, PriorityClassName: "high",
			Env: []v1alpha1.EnvVar{{Name: "B", Value: "own"}},
		}}},
	})
	type got struct{ Team, Tier, Class, A, B string }
	want := map[string]got{}
	have := map[string]got{}
	for component, pod := range pods {
		want[component] = got{Team: "search", Class: "low", A: "all", B: "all"}
		g := got{Team: pod.Labels["team"], Tier: pod.Labels["tier"], Class: pod.Spec.PriorityClassName}
		for _, v := range pod.Spec.Containers[0].Env {
			switch v.Name {
			case "A":
				g.A = v.Value
			case "B":
				g.B = v.Value
			}
		}
		have[component] = g
	}
	want[naming.ComponentGateway] = got{Team: "search", Tier: "front", Class: "high", A: "all", B: "own"}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
