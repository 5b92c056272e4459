package desired

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// gatewayOf is the config of the gateway among the children, and what its pods are labelled with.
func gatewayOf(t *testing.T, p *v1alpha1.RAGPipeline, f Facts) (config.Gateway, string) {
	t.Helper()
	var c config.Gateway
	var generation string
	for _, o := range objects(t, all(t, p, f)) {
		if o.at("metadata", "labels", naming.LabelComponent) != naming.ComponentGateway {
			continue
		}
		switch o.kind() {
		case "ConfigMap":
			if err := json.Unmarshal([]byte(o.at("data", configEntry).(string)), &c); err != nil {
				t.Fatal(err)
			}
		case "Deployment":
			generation = o.podTemplate(t).Labels[naming.LabelGeneration]
		}
	}
	return c, generation
}

func deployments(t *testing.T, p *v1alpha1.RAGPipeline, f Facts) []string {
	t.Helper()
	var names []string
	for _, o := range objects(t, all(t, p, f)) {
		if o.kind() == "Deployment" {
			names = append(names, o.name())
		}
	}
	slices.Sort(names)
	return names
}

func TestTheGatewayStaysWithTheLiveGenerationUntilTheNextIsComplete(t *testing.T) {
	old := derivetest.Pipeline(derivetest.WithNIMs)
	live := NewRecord(old)
	p := derivetest.Pipeline(derivetest.WithNIMs, func(s *v1alpha1.RAGPipelineSpec) {
		s.Models.Embedding.Model = derivetest.StandIn
		s.Chunking.Size = 400
		s.Retrieval.TopN = 3
	})
	wanted := NewRecord(p)

	c, generation := gatewayOf(t, p, Facts{Live: &live})
	if diff := cmp.Diff(live.Generation, c.Generation); diff != "" {
		t.Error(diff)
	}
	if url := "http://papers-embedding-" + naming.ModelHash("example/embed") + ":8000/v1"; c.Models.Embedding.URL != url || generation != live.Fingerprint() {
		t.Errorf("its questions are embedded at %s for generation %s", c.Models.Embedding.URL, generation)
	}
	if c.Retrieval.TopN != 3 {
		t.Error("a change of retrieval waits for the generation")
	}

	c, generation = gatewayOf(t, p, Facts{Live: &wanted})
	if c.Models.Embedding.URL != "http://papers-stand-in:8000/v1" || generation != wanted.Fingerprint() {
		t.Errorf("then they are embedded at %s for generation %s", c.Models.Embedding.URL, generation)
	}
}

func TestTheSpecsOwnHomeOfAModelServesTheLiveGenerationToo(t *testing.T) {
	live := NewRecord(derivetest.Pipeline(derivetest.WithNIMs))
	p := derivetest.Pipeline(derivetest.WithNIMs, func(s *v1alpha1.RAGPipelineSpec) {
		s.Chunking.Size = 400
		s.Models.Embedding.Model = derivetest.Endpoint(v1alpha1.Endpoint{URL: "https://integrate.api.nvidia.com/v1", Model: "example/embed", Protocol: "NIM"})
	})
	c, _ := gatewayOf(t, p, Facts{Live: &live})
	if c.Models.Embedding.URL != "https://integrate.api.nvidia.com/v1" {
		t.Errorf("its questions are embedded at %s", c.Models.Embedding.URL)
	}
}

func TestAnEmbeddingModelServesAsLongAsAGenerationOfIt(t *testing.T) {
	old, chat, rerank := "papers-embedding-"+naming.ModelHash("example/embed"), "papers-llm", "papers-reranking"
	live := NewRecord(derivetest.Pipeline(derivetest.WithNIMs))
	p := derivetest.Pipeline(derivetest.WithNIMs, func(s *v1alpha1.RAGPipelineSpec) { s.Models.Embedding.Model = derivetest.NIM("example/embed-2") })
	wanted := NewRecord(p)
	next := "papers-embedding-" + naming.ModelHash("example/embed-2")
	sorted := func(names ...string) []string { slices.Sort(names); return names }
	for name, c := range map[string]struct {
		facts Facts
		want  []string
	}{
		"before the first generation":     {Facts{}, sorted(next, chat, rerank, "papers-gateway")},
		"while the next one is built":     {Facts{Live: &live}, sorted(old, next, chat, rerank, "papers-gateway")},
		"while a pod still serves it":     {Facts{Live: &wanted, Draining: []Record{live}}, sorted(old, next, chat, rerank, "papers-gateway")},
		"when no pod of the old one left": {Facts{Live: &wanted}, sorted(next, chat, rerank, "papers-gateway")},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, deployments(t, p, c.facts)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAChangeOfChunkingNeedsNoSecondModel(t *testing.T) {
	live := NewRecord(derivetest.Pipeline(derivetest.WithNIMs))
	p := derivetest.Pipeline(derivetest.WithNIMs, func(s *v1alpha1.RAGPipelineSpec) { s.Chunking.Size = 400 })
	if got := deployments(t, p, Facts{Live: &live}); len(got) != 4 {
		t.Errorf("there are %v", got)
	}
}

func TestRunsKeepEveryGenerationThatIsNeeded(t *testing.T) {
	live, left := NewRecord(derivetest.Pipeline(derivetest.WithNIMs)), NewRecord(derivetest.Pipeline(derivetest.WithStandIns))
	p := derivetest.Pipeline()
	p.Spec.Chunking.Size = 300
	c, err := IngestConfig(p, Facts{Live: &live, Draining: []Record{left, live}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{NewRecord(p).Fingerprint(), live.Fingerprint(), left.Fingerprint()}
	slices.Sort(want)
	if diff := cmp.Diff(want, c.Keep); diff != "" {
		t.Error(diff)
	}
	if c.Generation.Fingerprint() != NewRecord(p).Fingerprint() {
		t.Error("the run builds another generation than the wanted one")
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
}

func TestARecordIsReadBackAsItWasWritten(t *testing.T) {
	for _, p := range []*v1alpha1.RAGPipeline{derivetest.Pipeline(derivetest.WithEndpoints), derivetest.Pipeline(derivetest.WithNIMs), derivetest.Pipeline()} {
		record := NewRecord(p)
		var back Record
		if err := json.Unmarshal([]byte(indentedJSON(record)), &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(record, back); diff != "" {
			t.Error(diff)
		}
	}
}
