package derive

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
	"github.com/ragpipeline/ragpipeline/test/golden"
)

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

func TestGoldenConfigs(t *testing.T) {
	for name, c := range map[string]struct {
		pipeline *v1alpha1.RAGPipeline
		place    DataPlane
	}{
		"stand-ins-on-a-machine": {derivetest.Pipeline(derivetest.WithStandIns), machine},
		"stand-ins-in-a-cluster": {derivetest.Pipeline(derivetest.WithStandIns), cluster},
		"endpoints-on-a-machine": {derivetest.Pipeline(derivetest.WithEndpoints), machine},
		"nims-in-a-cluster":      {derivetest.Pipeline(derivetest.WithNIMs), cluster},
		"embedding-alone":        {derivetest.Pipeline(), machine},
	} {
		t.Run(name, func(t *testing.T) {
			both := configs(t, c.pipeline, c.place)
			if err := both.Gateway.Validate(); err != nil {
				t.Errorf("the gateway would refuse it: %v", err)
			}
			got := indented(t, both)
			golden.Check(t, filepath.Join("testdata", name+".json"), string(got))
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
	c := configs(t, derivetest.Pipeline(derivetest.WithEndpoints), machine)
	if diff := cmp.Diff(c.Ingest.Generation, c.Gateway.Generation); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(c.Ingest.Embedding, c.Gateway.Models.Embedding); diff != "" {
		t.Error(diff)
	}
}

func TestAGenerationIsTheModelsNameWhereverItIsServed(t *testing.T) {
	hosted := derivetest.Pipeline(func(s *v1alpha1.RAGPipelineSpec) {
		s.Models.Embedding.Model = derivetest.Endpoint(v1alpha1.Endpoint{URL: "https://example.com/v1", Model: "example/embed"})
	})
	own := derivetest.Pipeline(func(s *v1alpha1.RAGPipelineSpec) {
		s.Models.Embedding.Model = derivetest.NIM("example/embed")
	})
	if Generation(hosted).Fingerprint() != Generation(own).Fingerprint() {
		t.Error("moving a model into the cluster rebuilds the index")
	}
	if Generation(hosted).Fingerprint() == Generation(derivetest.Pipeline()).Fingerprint() {
		t.Error("another model has the same generation")
	}
}

func TestLimitsAndFailuresThatAreAllowed(t *testing.T) {
	for name, c := range map[string]struct {
		spec   v1alpha1.Ingest
		limits config.Limits
		failed *config.Share
	}{
		"nothing is said": {v1alpha1.Ingest{}, config.Limits{}, nil},
		"chunks":          {v1alpha1.Ingest{Limits: v1alpha1.IngestLimits{Chunks: 300}}, config.Limits{Chunks: 300}, nil},
		"a number":        {v1alpha1.Ingest{MaxFailed: new(intstr.FromInt32(0))}, config.Limits{}, &config.Share{}},
		"a per cent":      {v1alpha1.Ingest{MaxFailed: new(intstr.FromString("5%"))}, config.Limits{}, &config.Share{Number: 5, Percent: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got := configs(t, derivetest.Pipeline(func(s *v1alpha1.RAGPipelineSpec) { s.Ingest = c.spec }), machine).Ingest
			if diff := cmp.Diff(c.limits, got.Limits) + cmp.Diff(c.failed, got.MaxFailed); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestConfigurationErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*v1alpha1.RAGPipelineSpec)
		want   []string
	}{
		"a nim without a cluster": {func(s *v1alpha1.RAGPipelineSpec) { s.Models.Embedding.Model = derivetest.NIM("a/b") },
			[]string{"spec.models.embedding: a nim model needs a cluster", "endpoint", "standIn", "apply the manifest"}},
		"every nim without a cluster": {derivetest.WithNIMs,
			[]string{"spec.models.embedding: ", "spec.models.reranking: ", "spec.models.llm: "}},
		"a word as a per cent": {func(s *v1alpha1.RAGPipelineSpec) { s.Ingest.MaxFailed = new(intstr.FromString("few")) },
			[]string{"spec.ingest.maxFailed: must be a number of documents"}},
		"globs that a pod would refuse": {func(s *v1alpha1.RAGPipelineSpec) {
			s.Documents[0].Include = []v1alpha1.Glob{"ok/**", "[a", "/docs/**"}
			s.Documents[0].Exclude = []v1alpha1.Glob{"{a,b", "./x", "a//b"}
		}, []string{
			`spec.documents[0].include[1]: "[a" is not a valid glob`, "spec.documents[0].include[2]: ",
			"spec.documents[0].exclude[0]: ", "spec.documents[0].exclude[1]: ", "spec.documents[0].exclude[2]: ",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, ingestErr := Ingest(derivetest.Pipeline(c.change), machine)
			_, gatewayErr := Gateway(derivetest.Pipeline(c.change), machine)
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

func TestExtraction(t *testing.T) {
	cluster := DataPlane{TikaURL: "http://papers-extraction:9998"}
	tika := v1alpha1.ExtractionServer{Tika: &v1alpha1.Tika{Image: "apache/tika:3"}}
	endpoint := v1alpha1.ExtractionServer{Endpoint: &v1alpha1.ExtractionEndpoint{URL: "http://docling:5001", Protocol: "Docling",
		SecretRef: &v1alpha1.SecretKey{Name: "docling", Key: "key"}}}
	cases := []struct {
		name     string
		spec     *v1alpha1.Extraction
		place    DataPlane
		want     *config.Extraction
		identity string
		refused  string
	}{
		{"none", nil, cluster, nil, "", ""},
		{"a Tika", &v1alpha1.Extraction{Server: tika, Use: "WhenNeeded"}, cluster, &config.Extraction{
			Server: config.ExtractionServer{URL: cluster.TikaURL, Protocol: config.Tika}, Use: config.WhenNeeded},
			"Tika apache/tika:3 WhenNeeded []", ""},
		{"an endpoint", &v1alpha1.Extraction{Server: endpoint, Use: "Always", Include: []v1alpha1.Glob{"a/**"}}, DataPlane{},
			&config.Extraction{Server: config.ExtractionServer{URL: "http://docling:5001", Protocol: config.Docling,
				Key: &config.SecretKey{Name: "docling", Key: "key"}}, Use: config.Always, Include: []string{"a/**"}},
			`Docling http://docling:5001 Always ["a/**"]`, ""},
		{"a Tika without a cluster", &v1alpha1.Extraction{Server: tika}, DataPlane{}, nil, "", "a tika needs a cluster"},
		{"a broken glob", &v1alpha1.Extraction{Server: tika, Include: []v1alpha1.Glob{"[a"}}, cluster, nil, "",
			"spec.extraction.include[0]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := derivetest.Pipeline(func(s *v1alpha1.RAGPipelineSpec) { s.Extraction = c.spec })
			got, err := Ingest(p, c.place)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("the error is %v, want %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Extraction); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Generation.Extraction != c.identity {
				t.Errorf("the generation has %q, want %q", got.Generation.Extraction, c.identity)
			}
		})
	}
}
