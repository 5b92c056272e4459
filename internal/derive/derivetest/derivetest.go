// Package derivetest holds pipelines for the tests of what is derived from a spec.
package derivetest

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// Pipeline returns rag/papers as the schema's defaults leave it, with stand-in models, changed by
// the given functions.
func Pipeline(changes ...func(*v1alpha1.RAGPipelineSpec)) *v1alpha1.RAGPipeline {
	p := &v1alpha1.RAGPipeline{
		ObjectMeta: metav1.ObjectMeta{Namespace: "rag", Name: "papers"},
		Spec: v1alpha1.RAGPipelineSpec{
			Documents: []v1alpha1.Source{{Name: "papers", ConfigMap: &v1alpha1.ConfigMapSource{Name: "pages"}}},
			Chunking:  v1alpha1.Chunking{Size: 800, Overlap: new(int32(200)), Unit: "Characters"},
			Retrieval: v1alpha1.Retrieval{Mode: "Hybrid", K: 45, TopN: 5, Alpha: "0.5"},
			Models:    v1alpha1.Models{Embedding: v1alpha1.EmbeddingModel{Model: StandIn}},
			VectorStore: v1alpha1.VectorStore{Weaviate: &v1alpha1.Weaviate{Replicas: 1,
				Storage: v1alpha1.Storage{Size: "10Gi", WhenDeleted: "Retain"}}},
			Gateway: v1alpha1.Gateway{MaxTokens: 1024, Temperature: "0",
				Service: v1alpha1.GatewayService{Type: v1alpha1.ClusterIP}},
			FailurePolicy: v1alpha1.FailurePolicy{Embedding: "Fail", Reranking: "Degrade", LLM: "Fail"},
		},
	}
	for _, change := range changes {
		change(&p.Spec)
	}
	return p
}

// StandIn is a stand-in model.
var StandIn = v1alpha1.Model{StandIn: &v1alpha1.StandIn{}}

// Endpoint returns a model at an endpoint.
func Endpoint(e v1alpha1.Endpoint) v1alpha1.Model { return v1alpha1.Model{Endpoint: &e} }

// NIM returns a model that the operator serves on one GPU.
func NIM(model string) v1alpha1.Model {
	return v1alpha1.Model{NIM: &v1alpha1.NIM{
		Image: "nvcr.io/nim/" + v1alpha1.Image(model) + ":2.0.0", Model: v1alpha1.ModelName(model),
		GPU: v1alpha1.GPU{Count: new(int32(1)), ResourceName: "nvidia.com/gpu"},
	}}
}

// WithStandIns adds a stand-in for reranking and one for the LLM.
func WithStandIns(s *v1alpha1.RAGPipelineSpec) {
	s.Models.Reranking = &StandIn
	s.Models.LLM = &v1alpha1.LLM{Model: StandIn, ContextWindow: 8192}
}

// WithEndpoints reads a volume, calls every model at an endpoint, and departs from each default.
func WithEndpoints(s *v1alpha1.RAGPipelineSpec) {
	s.Documents = []v1alpha1.Source{{
		Name: "papers", Include: []v1alpha1.Glob{"**/*.pdf"}, Exclude: []v1alpha1.Glob{"drafts/**"},
		Metadata: map[string]runtime.RawExtension{
			"team": {Raw: []byte(`"vision"`)},
			"year": {Raw: []byte(`2024`)},
		},
		PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "papers", Path: "/2022"},
	}}
	s.Models = v1alpha1.Models{
		Embedding: v1alpha1.EmbeddingModel{
			Model: Endpoint(v1alpha1.Endpoint{URL: "http://127.0.0.1:11434/v1", Model: "nomic-embed-text",
				Protocol: "OpenAI", Probe: new(false)}),
			Dimensions:  new(int32(512)),
			QueryPrefix: "search_query: ", PassagePrefix: "search_document: ",
		},
		Reranking: new(Endpoint(v1alpha1.Endpoint{
			URL: "https://ai.api.nvidia.com/v1/retrieval/example/reranking", Model: "example/rerank",
			Protocol: "NIM", Probe: new(true),
			SecretRef: &v1alpha1.SecretKey{Name: "nvidia", Key: "NVIDIA_API_KEY"},
		})),
		LLM: &v1alpha1.LLM{
			Model: Endpoint(v1alpha1.Endpoint{URL: "https://integrate.api.nvidia.com/v1", Model: "example/chat",
				Protocol: "NIM", SecretRef: &v1alpha1.SecretKey{Name: "nvidia", Key: "NVIDIA_API_KEY"}}),
			ContextWindow: 131072,
			ExtraBody:     &runtime.RawExtension{Raw: []byte(`{"chat_template_kwargs":{"enable_thinking":false}}`)},
		},
	}
	s.Retrieval = v1alpha1.Retrieval{Mode: "Keyword", K: 20, TopN: 3, Alpha: "0.25"}
	s.Gateway = v1alpha1.Gateway{Prompt: v1alpha1.Prompt{System: "Answer in French."}, MaxTokens: 512, Temperature: "0.2"}
	s.FailurePolicy = v1alpha1.FailurePolicy{Embedding: "Degrade", Reranking: "Fail", LLM: "Degrade"}
}

// WithNIMs makes every model a NIM.
func WithNIMs(s *v1alpha1.RAGPipelineSpec) {
	s.Models.Embedding.Model = NIM("example/embed")
	s.Models.Reranking = new(NIM("example/rerank"))
	s.Models.LLM = &v1alpha1.LLM{Model: NIM("example/chat"), ContextWindow: 8192}
}
