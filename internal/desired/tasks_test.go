package desired

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
)

func TestTasksAreNamedByWhatTheyDo(t *testing.T) {
	p := derivetest.Pipeline()
	c, err := IngestConfig(p, Facts{})
	if err != nil {
		t.Fatal(err)
	}
	task := Task{Kind: Ingestion, Config: c}
	sources := []SourceVersion{{Source: "papers", UID: "1", ResourceVersion: "2"}}
	names := map[string]string{}
	for what, other := range map[string]Task{
		"the run":           task,
		"a retry":           {Kind: Ingestion, Config: c, Retry: 1},
		"a new document":    {Kind: Ingestion, Config: c, Trigger: Trigger{Sources: sources}},
		"a wish":            {Kind: Ingestion, Config: c, Trigger: Trigger{Sync: "now"}},
		"a lost index":      {Kind: Ingestion, Config: c, Trigger: Trigger{Rebuilds: 1}},
		"a tick":            {Kind: Ingestion, Config: c, Trigger: Trigger{Ticks: 1}},
		"another keep":      {Kind: Ingestion, Config: config.Ingest{Keep: []string{"x"}}},
		"another run still": {Kind: Ingestion, Config: config.Ingest{}},
		"another kind":      {Kind: TaskKind{Component: "backup"}, Config: c},
	} {
		name := other.Name(p)
		if taken, is := names[name]; is {
			t.Errorf("%s has the name of %s", what, taken)
		}
		names[name] = what
	}
	if (Task{Kind: Ingestion, Config: c}).Name(p) != task.Name(p) {
		t.Error("the same task has two names")
	}
}

// An operator of another version must find the Job that one before it made, or it makes a second.
// When this test fails, the JSON of what is hashed has changed.
func TestTheNameOfATaskIsTheSameInEveryVersion(t *testing.T) {
	c := config.Ingest{
		Version:  1,
		Pipeline: config.Pipeline{Namespace: "rag", Name: "papers"},
		Generation: config.Generation{
			Embedding: config.EmbeddingSpace{
				Model: "example/embed", Dimensions: 512, QueryPrefix: "query: ", PassagePrefix: "passage: ",
			},
			Chunking: config.Chunking{Size: 800, Overlap: 200, Unit: config.Characters},
			Analyser: "1", EmbeddedText: "1", Extraction: "2",
		},
		Sources: []config.Source{{
			Name: "papers", Include: []string{"**/*.pdf"}, Exclude: []string{"old/**"},
			Metadata:  config.Metadata{"team": config.Text("vision"), "area": config.Text("cv")},
			Directory: &config.Directory{Path: "/sources/papers"},
		}},
		Embedding: config.Model{
			URL: "http://papers-stand-in:8000/v1", Name: "example/embed",
			Key: &config.SecretKey{Name: "hosted", Key: "api-key"},
		},
		Index: config.Index{Weaviate: &config.WeaviateIndex{
			URL: "http://papers-weaviate:8080", GRPCURL: "http://papers-weaviate:50051", Prefix: "rag_papers",
		}},
		Keep: []string{"0a1b2c3d", "4e5f6a7b"},
	}
	trigger := Trigger{
		Sources:  []SourceVersion{{Source: "papers", UID: "6f1c1a3e", ResourceVersion: "7"}, {Source: "talks", UID: "8a"}},
		Sync:     "now",
		Rebuilds: 2,
	}
	const (
		configHash  = "fa73a8849da277082e5d2f3f6008fc436387acdd14a130389c37dc74b8829579"
		triggerHash = "fa0220f1530a2a070346d29cd6a5e15d938eece0ed6bf0230e338fc4043714ae"
	)
	p := derivetest.Pipeline()
	facts := Facts{Tasks: []Task{{Kind: Ingestion, Config: c, Trigger: trigger, Retry: 3}}}
	for _, o := range objects(t, all(t, p, facts)) {
		if o.kind() != "Job" {
			continue
		}
		annotations := o.at("metadata", "annotations").(map[string]any)
		for what, pair := range map[string][2]any{
			"name":    {o.name(), "papers-ingest-61181cc0"},
			"config":  {annotations["ragpipeline.io/config"], configHash},
			"trigger": {annotations["ragpipeline.io/trigger"], triggerHash},
			"retry":   {annotations["ragpipeline.io/retry"], "3"},
			"lost":    {annotations["ragpipeline.io/lost"], "2"},
		} {
			if pair[0] != pair[1] {
				t.Errorf("the Job's %s is %v, want %v", what, pair[0], pair[1])
			}
		}
		return
	}
	t.Error("there is no Job")
}

func TestWordsOfTheSyncAnnotationReachTheRunThatItAskedFor(t *testing.T) {
	for value, want := range map[string][]string{
		"confirm-prune":              {"--confirm-prune"},
		"retry-failed":               {"--retry-failed"},
		"retry-failed,confirm-prune": {"--confirm-prune", "--retry-failed"},
		"confirm-prune 1795795200":   {"--confirm-prune"},
		"2026-11-27,confirm-prune":   {"--confirm-prune"},
		"confirm-prune-2":            {"--confirm-prune"},
		"do-not-confirm-prune":       nil,
		"confirm-pruning":            nil,
		"1795795200":                 nil,
		"Confirm-Prune":              nil,
	} {
		task := Task{Trigger: Trigger{Sync: value}, Asked: true}
		if diff := cmp.Diff(want, task.flags()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", value, diff)
		}
		task.Asked = false
		if flags := task.flags(); len(flags) > 0 {
			t.Errorf("%q reaches a later run as %q", value, flags)
		}
	}
}
