package desired

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
)

func quantities(pairs ...string) map[string]resource.Quantity {
	list := map[string]resource.Quantity{}
	for i := 0; i < len(pairs); i += 2 {
		list[pairs[i]] = resource.MustParse(pairs[i+1])
	}
	return list
}

// What the API server would refuse in a child is said of the spec's field, before anything is
// applied.
func TestWhatNoChildCouldHaveIsAnErrorOfTheSpec(t *testing.T) {
	gateway := func(r v1alpha1.Resources) func(*v1alpha1.RAGPipelineSpec) {
		return func(s *v1alpha1.RAGPipelineSpec) { s.Gateway.Resources = &r }
	}
	scheduled := func(scheduling v1alpha1.Scheduling) func(*v1alpha1.RAGPipelineSpec) {
		return func(s *v1alpha1.RAGPipelineSpec) { s.Ingest.Scheduling = &scheduling }
	}
	tolerating := func(toleration v1alpha1.Toleration) func(*v1alpha1.RAGPipelineSpec) {
		return scheduled(v1alpha1.Scheduling{Tolerations: []v1alpha1.Toleration{toleration}})
	}
	withNIM := func(change func(*v1alpha1.NIM)) func(*v1alpha1.RAGPipelineSpec) {
		return func(s *v1alpha1.RAGPipelineSpec) {
			derivetest.WithNIMs(s)
			change(s.Models.LLM.NIM)
		}
	}
	adapted := func(pod v1alpha1.Pod) func(*v1alpha1.RAGPipelineSpec) {
		return func(s *v1alpha1.RAGPipelineSpec) { s.Pods = &v1alpha1.Pods{Pod: pod} }
	}
	for name, c := range map[string]struct {
		change func(*v1alpha1.RAGPipelineSpec)
		want   string // empty: no error
	}{
		"a label of pods that is not one": {adapted(v1alpha1.Pod{Labels: map[string]v1alpha1.LabelValue{"a b": "c"}}),
			"spec.pods.labels: a b=c is not a valid label"},
		"an annotation of pods that is not one": {adapted(v1alpha1.Pod{Annotations: map[string]v1alpha1.AnnotationValue{"a b": "c"}}),
			"spec.pods.annotations: a b is not a valid key"},
		"an affinity with a misspelt field": {adapted(v1alpha1.Pod{Affinity: &runtime.RawExtension{Raw: []byte(`{"nodeAfinity":{}}`)}}),
			`spec.pods.affinity: is not an affinity as in a Pod: unknown field "nodeAfinity"`},
		"a request above its limit": {gateway(v1alpha1.Resources{Requests: quantities("cpu", "2"), Limits: quantities("cpu", "1")}),
			"spec.gateway.resources.requests: cpu exceeds its limit of 1"},
		"a request at its limit":          {gateway(v1alpha1.Resources{Requests: quantities("memory", "1Gi"), Limits: quantities("memory", "1024Mi")}), ""},
		"an unknown resource":             {gateway(v1alpha1.Resources{Limits: quantities("gpu", "1")}), `spec.gateway.resources.limits: "gpu" is not a valid resource`},
		"a resource with two domains":     {gateway(v1alpha1.Resources{Limits: quantities("a/b/c", "1")}), `"a/b/c" is not a valid resource`},
		"huge pages":                      {gateway(v1alpha1.Resources{Limits: quantities("hugepages-2Mi", "4Mi", "memory", "1Gi")}), ""},
		"a negative quantity":             {gateway(v1alpha1.Resources{Requests: quantities("memory", "-1Gi")}), "memory must not be negative"},
		"half a device":                   {gateway(v1alpha1.Resources{Limits: quantities("example.com/device", "500m")}), "example.com/device must be a whole number, not 500m"},
		"a device asked for and no limit": {gateway(v1alpha1.Resources{Requests: quantities("example.com/device", "1")}), "example.com/device cannot be shared"},
		"a device":                        {gateway(v1alpha1.Resources{Limits: quantities("example.com/device", "2")}), ""},
		"resources of the store": {func(s *v1alpha1.RAGPipelineSpec) {
			s.VectorStore.Weaviate.Resources = &v1alpha1.Resources{Limits: quantities("cores", "1")}
		}, "spec.vectorStore.weaviate.resources.limits"},
		"a GPU twice": {withNIM(func(n *v1alpha1.NIM) { n.Resources = &v1alpha1.Resources{Limits: quantities("nvidia.com/gpu", "1")} }),
			"spec.models.llm.nim.resources.limits: nvidia.com/gpu belongs in gpu.count"},
		"a cache of no size":       {withNIM(func(n *v1alpha1.NIM) { n.Cache = &v1alpha1.Cache{Size: "1.5.5Gi"} }), "spec.models.llm.nim.cache.size"},
		"shared memory of no size": {withNIM(func(n *v1alpha1.NIM) { n.SharedMemory = "1.5.5Gi" }), "spec.models.llm.nim.sharedMemory"},
		"a node selector that is no label": {scheduled(v1alpha1.Scheduling{NodeSelector: map[string]v1alpha1.LabelValue{"a b": "c"}}),
			"spec.ingest.scheduling.nodeSelector: a b=c is not a valid label"},
		"a value that is no label's":   {scheduled(v1alpha1.Scheduling{NodeSelector: map[string]v1alpha1.LabelValue{"zone": "-"}}), "zone=- is not a valid label"},
		"a topology that is no label":  {scheduled(v1alpha1.Scheduling{TopologySpreadConstraints: []v1alpha1.TopologySpreadConstraint{{TopologyKey: "a b"}}}), "topologySpreadConstraints[0].topologyKey"},
		"a toleration of nothing":      {tolerating(v1alpha1.Toleration{Operator: "Equal"}), "spec.ingest.scheduling.tolerations[0]: a toleration without a key must have operator Exists"},
		"a toleration of everything":   {tolerating(v1alpha1.Toleration{Operator: "Exists"}), ""},
		"a value that need only exist": {tolerating(v1alpha1.Toleration{Key: "a", Operator: "Exists", Value: "b"}), "value: must be empty with operator Exists"},
		"seconds without an effect":    {tolerating(v1alpha1.Toleration{Key: "a", Operator: "Exists", TolerationSeconds: new(int64(1))}), "tolerationSeconds: requires effect NoExecute"},
		"a taint's key that is none":   {tolerating(v1alpha1.Toleration{Key: "a b", Operator: "Exists"}), `tolerations[0].key: "a b"`},
		"a taint's value that is none": {tolerating(v1alpha1.Toleration{Key: "a", Operator: "Equal", Value: "b c"}), `tolerations[0].value: "b c"`},
		"a Secret's entry of two dots": {withNIM(func(n *v1alpha1.NIM) { n.AuthSecretRef = &v1alpha1.SecretKey{Name: "ngc", Key: ".."} }),
			`spec.models.llm.nim.authSecretRef.key: ".." is not a valid key of a Secret`},
		"a variable from an entry of two dots": {withNIM(func(n *v1alpha1.NIM) {
			n.Env = []v1alpha1.EnvVar{{Name: "A", ValueFrom: &v1alpha1.EnvVarSource{SecretKeyRef: v1alpha1.SecretKey{Name: "a", Key: "..b"}}}}
		}), "spec.models.llm.nim.env[0].valueFrom.secretKeyRef.key"},
		"another port": {withNIM(func(n *v1alpha1.NIM) {
			n.Env = []v1alpha1.EnvVar{{Name: "A"}, {Name: "NIM_SERVER_PORT", Value: "9000"}}
		}),
			"spec.models.llm.nim.env[1]: NIM_SERVER_PORT must keep port 8000"},
		"an address at another port": {withNIM(func(n *v1alpha1.NIM) { n.Env = []v1alpha1.EnvVar{{Name: "NIM_SERVER_BIND_ADDR", Value: "0.0.0.0:80"}} }),
			"spec.models.llm.nim.env[0]: NIM_SERVER_BIND_ADDR must keep"},
		"an address of version 6": {withNIM(func(n *v1alpha1.NIM) { n.Env = []v1alpha1.EnvVar{{Name: "NIM_SERVER_BIND_ADDR", Value: "[::]:8000"}} }), ""},
		"metadata of no type": {func(s *v1alpha1.RAGPipelineSpec) {
			s.Documents[0].Metadata = map[string]runtime.RawExtension{"a": {Raw: []byte(`{"b": 1}`)}}
		}, "spec.documents[0].metadata[a]: a value must be"},
		"sources beyond what a ConfigMap holds": {func(s *v1alpha1.RAGPipelineSpec) {
			s.Documents[0].Include = []v1alpha1.Glob{v1alpha1.Glob(strings.Repeat("x", 1<<20))}
		}, "spec.documents: the config has"},
		"an extra body beyond it": {func(s *v1alpha1.RAGPipelineSpec) {
			derivetest.WithStandIns(s)
			s.Models.LLM.ExtraBody = &runtime.RawExtension{Raw: []byte(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`)}
		}, "spec.models.llm.extraBody: the gateway's config has"},
		"everything at once": {func(s *v1alpha1.RAGPipelineSpec) { derivetest.WithStandIns(s); large(s) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Children(derivetest.Pipeline(c.change), operator, Facts{})
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %s", err, c.want)
			}
			if _, ok := errors.AsType[*derive.ConfigurationError](err); !ok {
				t.Error("it is no ConfigurationError")
			}
		})
	}
}

func TestSeveralErrorsAreSaidAtOnce(t *testing.T) {
	_, err := Children(derivetest.Pipeline(func(s *v1alpha1.RAGPipelineSpec) {
		s.Gateway.Resources = &v1alpha1.Resources{Limits: quantities("gpu", "1")}
		s.Ingest.Resources = &v1alpha1.Resources{Limits: quantities("gpu", "1")}
		s.Documents[0].Include = []v1alpha1.Glob{"[a"}
	}), operator, Facts{})
	for _, field := range []string{"spec.gateway.resources", "spec.ingest.resources", "spec.documents[0].include"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %s", err, field)
		}
	}
}

func TestAnOperatorWithoutAStoresImageSaysSo(t *testing.T) {
	_, err := Children(derivetest.Pipeline(), Operator{Image: "x"}, Facts{})
	if err == nil || !strings.Contains(err.Error(), "spec.vectorStore.weaviate.image") {
		t.Errorf("got %v", err)
	}
	if _, err := Children(derivetest.Pipeline(), Operator{Image: "x"}, Facts{WeaviateImage: "y"}); err != nil {
		t.Error(err)
	}
}
