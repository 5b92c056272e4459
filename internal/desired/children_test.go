package desired

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/manifest"
)

var operator = Operator{
	Image:         "registry.example/ragpipeline:1.0.0",
	WeaviateImage: "cr.weaviate.io/semitechnologies/weaviate:1.39.1",
	Namespace:     "ragpipeline-system",
	Labels:        map[string]string{"app.kubernetes.io/name": "ragpipeline", "app.kubernetes.io/component": "operator"},
}

// running are facts of a pipeline at work: the Secrets exist, and a run is wanted.
func running(t *testing.T, p *v1alpha1.RAGPipeline, f Facts) Facts {
	t.Helper()
	f.WeaviateKey = "6f1c1a3e-0000-4000-8000-000000000001"
	c, err := IngestConfig(p, f)
	if err != nil {
		t.Fatal(err)
	}
	f.Run = &Run{Config: c, Trigger: Trigger{Sources: []SourceVersion{{Source: p.Spec.Documents[0].Name, UID: "6f1c1a3e-0000-4000-8000-000000000002", ResourceVersion: "7"}}}}
	return f
}

func sample(t *testing.T, name string) *v1alpha1.RAGPipeline {
	t.Helper()
	bundle, err := manifest.Load([]string{filepath.Join("..", "..", "config", "samples", name+".yaml")})
	if err != nil {
		t.Fatal(err)
	}
	return bundle.Pipeline
}

// all are the children as they are applied: the Secrets first.
func all(t *testing.T, p *v1alpha1.RAGPipeline, f Facts) []Child {
	t.Helper()
	children, err := Children(p, operator, f)
	if err != nil {
		t.Fatal(err)
	}
	return append(Secrets(p), children...)
}

// document of a child: what is applied, and how, where that is not the usual way.
func manifestOf(t *testing.T, children []Child) string {
	t.Helper()
	var b strings.Builder
	for i, c := range children {
		if i > 0 {
			b.WriteString("---\n")
		}
		if c.Once {
			b.WriteString("# created once\n")
		}
		if c.Kept {
			b.WriteString("# outlives the pipeline\n")
		}
		if len(c.Generate) > 0 {
			b.WriteString("# random entries: " + strings.Join(c.Generate, ", ") + "\n")
		}
		text, err := yaml.Marshal(c.Object)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

func TestGoldenChildren(t *testing.T) {
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			got := manifestOf(t, all(t, c.pipeline, running(t, c.pipeline, c.facts)))
			file := filepath.Join("testdata", "children", name+".yaml")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

type childrenCase struct {
	pipeline *v1alpha1.RAGPipeline
	facts    Facts
}

// cases are the samples, and what they do not show.
func cases(t *testing.T) map[string]childrenCase {
	t.Helper()
	list := map[string]childrenCase{}
	for _, name := range []string{"quickstart", "nim", "hosted", "openai-compatible", "retrieval-only"} {
		list[name] = childrenCase{pipeline: sample(t, name)}
	}
	return list
}
