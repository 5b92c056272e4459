package controllers

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// A spec that no longer has an LLM must not take it from the gateway that still asks it.
func TestModelsStayWhileAGatewayOfAnotherConfigAnswers(t *testing.T) {
	wanted := []desired.Child{{Object: corev1ac.ConfigMap("papers-gateway-new", "rag")}, {Object: corev1ac.Service("papers-gateway", "rag")}}
	for name, c := range map[string]struct {
		mounts []string
		phase  corev1.PodPhase
		want   bool
	}{
		"it is the wanted one": {mounts: []string{"papers-gateway-new", "istio-ca-root-cert"}},
		"there is none":        {},
		"one is the old one":   {mounts: []string{"papers-gateway-new", "papers-gateway-old"}, want: true},
		"the old one is over":  {mounts: []string{"papers-gateway-old"}, phase: corev1.PodFailed},
	} {
		t.Run(name, func(t *testing.T) {
			s := standing()
			s.deployments["papers-llm"] = &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Labels: naming.Labels(s.pipeline, naming.ComponentLLM)}}
			s.deployments["papers-gateway"] = &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Labels: naming.Labels(s.pipeline, naming.ComponentGateway)}}
			for _, configMap := range c.mounts {
				s.pods = append(s.pods, gatewayPod(s, configMap, c.phase))
			}
			keep := map[string]bool{}
			s.keepModels(keep, wanted)
			if keep["papers-llm"] != c.want || keep["papers-gateway"] {
				t.Errorf("kept are %v, want the LLM among them: %t", keep, c.want)
			}
		})
	}
}

// Callers' keys go from one Secret to another while pods of the old template still look into theirs.
func TestWhatAGatewaysPodHasMountedStaysWhileItDoes(t *testing.T) {
	s := standing()
	pod := gatewayPod(s, "papers-gateway-old", corev1.PodRunning)
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "keys", VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: "papers-gateway-key"},
	}})
	s.pods = []corev1.Pod{pod}
	want := map[string]bool{"papers-ingest-last": true, "papers-gateway-old": true, "papers-gateway-key": true}
	if diff := cmp.Diff(want, s.staysFor(plan{keep: []string{"papers-ingest-last"}}, nil)); diff != "" {
		t.Errorf("while it runs (-want +got):\n%s", diff)
	}
	s.pods[0].Status.Phase = corev1.PodFailed
	if stays := s.staysFor(plan{}, nil); len(stays) > 0 {
		t.Errorf("when it is over, %v stays", stays)
	}
}

func gatewayPod(s *scene, configMap string, phase corev1.PodPhase) corev1.Pod {
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: naming.Labels(s.pipeline, naming.ComponentGateway)}}
	pod.Status.Phase = phase
	pod.Spec.Volumes = []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{
		ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: configMap}},
	}}}
	return pod
}
