package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// A spec that no longer has an LLM must not take it from the gateway that still asks it.
func TestModelsStayWhileAGatewayOfAnotherConfigAnswers(t *testing.T) {
	wanted := []desired.Child{
		{Object: corev1ac.ConfigMap("papers-gateway-new", "rag")},
		{Object: corev1ac.Service("papers-gateway", "rag")},
	}
	for name, c := range map[string]struct {
		mounts []string
		phase  corev1.PodPhase
		want   bool
	}{
		"it is the wanted one": {mounts: []string{"papers-gateway-new"}},
		"there is none":        {},
		"one is the old one":   {mounts: []string{"papers-gateway-new", "papers-gateway-old"}, want: true},
		"the old one is over":  {mounts: []string{"papers-gateway-old"}, phase: corev1.PodFailed},
	} {
		t.Run(name, func(t *testing.T) {
			s := standing()
			for _, component := range []string{naming.ComponentLLM, naming.ComponentGateway} {
				labels := naming.Labels(s.Pipeline, component)
				s.Deployments["papers-"+component] = &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Labels: labels}}
			}
			for _, configMap := range c.mounts {
				s.Pods = append(s.Pods, gatewayPod(s, configMap, c.phase))
			}
			retained := s.Retained(Plan{}, wanted)
			if retained["papers-llm"] != c.want || retained["papers-gateway"] {
				t.Errorf("retained are %v, want the LLM among them: %t", retained, c.want)
			}
		})
	}
}

// Callers' keys go from one Secret to another while pods of the old template still look into
// theirs.
func TestWhatAGatewaysPodHasMountedStaysWhileItDoes(t *testing.T) {
	s := standing()
	pod := gatewayPod(s, "papers-gateway-old", corev1.PodRunning)
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "keys", VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: "papers-gateway-key"},
	}})
	s.Pods = []corev1.Pod{pod}
	want := map[string]bool{
		"papers-ingest-last": true, "papers-gateway-old": true, "papers-gateway-key": true,
		documentsOfTest: true, "istio-ca-root-cert": true,
	}
	next := Plan{tasks: map[string]decision{naming.ComponentIngest: {keep: "papers-ingest-last"}}}
	if diff := cmp.Diff(want, s.Retained(next, nil)); diff != "" {
		t.Errorf("while it runs (-want +got):\n%s", diff)
	}
	s.Pods[0].Status.Phase = corev1.PodFailed
	if retained := s.Retained(Plan{}, nil); len(retained) > 0 {
		t.Errorf("when it is over, %v is retained", retained)
	}
}

// documentsOfTest is a ConfigMap of documents, whose name begins as those of gateways' configs do.
const documentsOfTest = "papers-gateway-manual"

// gatewayPod is one that has mounted a config, documents, and what a mesh adds.
func gatewayPod(s *State, configMap string, phase corev1.PodPhase) corev1.Pod {
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Labels: naming.Labels(s.Pipeline, naming.ComponentGateway)}}
	pod.Status.Phase = phase
	for volume, name := range map[string]string{
		desired.ConfigVolume: configMap, "source-own": documentsOfTest, "mesh": "istio-ca-root-cert",
	} {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: volume, VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}},
		}})
	}
	return pod
}
