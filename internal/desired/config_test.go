package desired

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

var update = flag.Bool("update", false, "write the golden files")

// machine and cluster are the two places that a config can be for.
var (
	machine = DataPlane{
		Index:      config.Index{Local: &config.LocalIndex{Directory: ".ragpipeline/papers"}},
		StandInURL: "http://127.0.0.1:18000/v1",
	}
	cluster = DataPlane{
		Index:            config.Index{Local: &config.LocalIndex{Directory: "/index"}},
		StandInURL:       "http://papers-stand-in:8000/v1",
		NIM:              func(stage config.Stage) string { return "http://papers-" + string(stage) + ":8000/v1" },
		SourcesDirectory: "/sources",
	}
)

// pipeline is one as the schema's defaults leave it, changed by the given functions.
func pipeline(changes ...func(*v1alpha1.RAGPipelineSpec)) *v1alpha1.RAGPipeline {
	p := &v1alpha1.RAGPipeline{
		ObjectMeta: metav1.ObjectMeta{Namespace: "rag", Name: "papers"},
		Spec: v1alpha1.RAGPipelineSpec{
			Documents:     []v1alpha1.Source{{Name: "papers", ConfigMap: &v1alpha1.ConfigMapSource{Name: "pages"}}},
			Chunking:      v1alpha1.Chunking{Size: 800, Overlap: new(int32(200)), Unit: "Characters"},
			Retrieval:     v1alpha1.Retrieval{Mode: "Hybrid", K: 45, TopN: 5, Alpha: "0.5"},
			Models:        v1alpha1.Models{Embedding: v1alpha1.EmbeddingModel{Model: standIn}},
			VectorStore:   v1alpha1.VectorStore{Weaviate: &v1alpha1.Weaviate{Replicas: 1, Storage: v1alpha1.Storage{Size: "10Gi", WhenDeleted: "Retain"}}},
			Gateway:       v1alpha1.Gateway{MaxTokens: 1024, Temperature: "0", Service: v1alpha1.GatewayService{Type: v1alpha1.ClusterIP}},
			FailurePolicy: v1alpha1.FailurePolicy{Embedding: "Fail", Reranking: "Degrade", LLM: "Fail"},
		},
	}
	for _, change := range changes {
		change(&p.Spec)
	}
	return p
}

var standIn = v1alpha1.Model{StandIn: &v1alpha1.StandIn{}}

func endpoint(e v1alpha1.Endpoint) v1alpha1.Model { return v1alpha1.Model{Endpoint: &e} }

func nim(model string) v1alpha1.Model {
	return v1alpha1.Model{NIM: &v1alpha1.NIM{
		Image: "nvcr.io/nim/" + v1alpha1.Image(model) + ":2.0.0", Model: v1alpha1.ModelName(model),
		GPU: v1alpha1.GPU{Count: new(int32(1)), ResourceName: "nvidia.com/gpu"},
	}}
}

func withStandIns(s *v1alpha1.RAGPipelineSpec) {
	s.Models.Reranking = &standIn
	s.Models.LLM = &v1alpha1.LLM{Model: standIn, ContextWindow: 8192}
}

func withEndpoints(s *v1alpha1.RAGPipelineSpec) {
	s.Documents = []v1alpha1.Source{{
		Name: "papers", Include: []v1alpha1.Glob{"**/*.pdf"}, Exclude: []v1alpha1.Glob{"drafts/**"},
		Metadata:              map[string]v1alpha1.MetadataValue{"team": "vision"},
		PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "papers", Path: "/2022"},
	}}
	s.Models = v1alpha1.Models{
		Embedding: v1alpha1.EmbeddingModel{
			Model:       endpoint(v1alpha1.Endpoint{URL: "http://127.0.0.1:11434/v1", Model: "nomic-embed-text", Protocol: "OpenAI", Probe: new(false)}),
			Dimensions:  new(int32(512)),
			QueryPrefix: "search_query: ", PassagePrefix: "search_document: ",
		},
		Reranking: new(endpoint(v1alpha1.Endpoint{
			URL: "https://ai.api.nvidia.com/v1/retrieval/example/reranking", Model: "example/rerank", Protocol: "NIM", Probe: new(true),
			SecretRef: &v1alpha1.SecretKey{Name: "nvidia", Key: "NVIDIA_API_KEY"},
		})),
		LLM: &v1alpha1.LLM{
			Model:         endpoint(v1alpha1.Endpoint{URL: "https://integrate.api.nvidia.com/v1", Model: "example/chat", Protocol: "NIM", SecretRef: &v1alpha1.SecretKey{Name: "nvidia", Key: "NVIDIA_API_KEY"}}),
			ContextWindow: 131072,
			ExtraBody:     &runtime.RawExtension{Raw: []byte(`{"chat_template_kwargs":{"enable_thinking":false}}`)},
		},
	}
	s.Retrieval = v1alpha1.Retrieval{Mode: "Keyword", K: 20, TopN: 3, Alpha: "0.25"}
	s.Gateway = v1alpha1.Gateway{Prompt: v1alpha1.Prompt{System: "Answer in French."}, MaxTokens: 512, Temperature: "0.2"}
	s.FailurePolicy = v1alpha1.FailurePolicy{Embedding: "Degrade", Reranking: "Fail", LLM: "Degrade"}
}

func withNIMs(s *v1alpha1.RAGPipelineSpec) {
	s.Models.Embedding.Model = nim("example/embed")
	s.Models.Reranking = new(nim("example/rerank"))
	s.Models.LLM = &v1alpha1.LLM{Model: nim("example/chat"), ContextWindow: 8192}
}

func TestGoldenConfigs(t *testing.T) {
	for name, c := range map[string]struct {
		pipeline *v1alpha1.RAGPipeline
		place    DataPlane
	}{
		"stand-ins-on-a-machine": {pipeline(withStandIns), machine},
		"stand-ins-in-a-cluster": {pipeline(withStandIns), cluster},
		"endpoints-on-a-machine": {pipeline(withEndpoints), machine},
		"nims-in-a-cluster":      {pipeline(withNIMs), cluster},
		"embedding-alone":        {pipeline(), machine},
	} {
		t.Run(name, func(t *testing.T) {
			both := configs(t, c.pipeline, c.place)
			if err := both.Gateway.Validate(); err != nil {
				t.Errorf("the gateway would refuse it: %v", err)
			}
			got := indented(t, both)
			file := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

type both struct {
	Ingest  config.Ingest
	Gateway config.Gateway
}

func configs(t *testing.T, p *v1alpha1.RAGPipeline, d DataPlane) both {
	t.Helper()
	ingest, err := Ingest(p, d)
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := Gateway(p, d)
	if err != nil {
		t.Fatal(err)
	}
	return both{ingest, gateway}
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func TestIngestionAndGatewayAgreeOnTheGeneration(t *testing.T) {
	c := configs(t, pipeline(withEndpoints), machine)
	if diff := cmp.Diff(c.Ingest.Generation, c.Gateway.Generation); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(c.Ingest.Embedding, c.Gateway.Models.Embedding); diff != "" {
		t.Error(diff)
	}
}

func TestAGenerationIsTheModelsNameWhereverItIsServed(t *testing.T) {
	hosted := pipeline(func(s *v1alpha1.RAGPipelineSpec) {
		s.Models.Embedding.Model = endpoint(v1alpha1.Endpoint{URL: "https://integrate.api.nvidia.com/v1", Model: "example/embed"})
	})
	own := pipeline(func(s *v1alpha1.RAGPipelineSpec) { s.Models.Embedding.Model = nim("example/embed") })
	if Generation(hosted).Fingerprint() != Generation(own).Fingerprint() {
		t.Error("moving a model into the cluster rebuilds the index")
	}
	if Generation(hosted).Fingerprint() == Generation(pipeline()).Fingerprint() {
		t.Error("another model has the same generation")
	}
}

func TestConfigurationErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*v1alpha1.RAGPipelineSpec)
		want   []string
	}{
		"a nim without a cluster": {func(s *v1alpha1.RAGPipelineSpec) { s.Models.Embedding.Model = nim("a/b") },
			[]string{"spec.models.embedding: a nim model needs a cluster", "endpoint", "standIn", "apply the manifest"}},
		"every nim without a cluster": {withNIMs, []string{"spec.models.embedding: ", "spec.models.reranking: ", "spec.models.llm: "}},
		"globs that a pod would refuse": {func(s *v1alpha1.RAGPipelineSpec) {
			s.Documents[0].Include = []v1alpha1.Glob{"ok/**", "[a", "/docs/**"}
			s.Documents[0].Exclude = []v1alpha1.Glob{"{a,b", "./x", "a//b"}
		}, []string{
			`spec.documents[0].include[1]: "[a" is not a valid glob`, "spec.documents[0].include[2]: ",
			"spec.documents[0].exclude[0]: ", "spec.documents[0].exclude[1]: ", "spec.documents[0].exclude[2]: ",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, ingestErr := Ingest(pipeline(c.change), machine)
			_, gatewayErr := Gateway(pipeline(c.change), machine)
			err := ingestErr
			if gatewayErr != nil {
				err = gatewayErr
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error\n%v\ndoes not hold\n%s", err, want)
				}
			}
		})
	}
}
