package config

import "testing"

func TestChangesNameFieldsAndValues(t *testing.T) {
	g := Generation{
		Embedding: EmbeddingSpace{Model: "embed"}, Chunking: Chunking{Size: 800, Overlap: 200, Unit: Characters},
		Analyser: "2", EmbeddedText: "2",
	}
	for _, c := range []struct {
		name   string
		change func(*Generation)
		want   string
		cause  Cause
		same   bool // vectors
	}{
		{"nothing", func(*Generation) {}, "", "", true},
		{"the model and its dimensions", func(g *Generation) { g.Embedding.Model, g.Embedding.Dimensions = "other", 512 },
			"spec.models.embedding: embed -> other; spec.models.embedding.dimensions: none -> 512", ModelChanged, false},
		{"a prefix", func(g *Generation) { g.Embedding.QueryPrefix = "query: " },
			`spec.models.embedding.queryPrefix: none -> "query: "`, ModelChanged, false},
		{"a rebuild", func(g *Generation) { g.Embedding.Rebuild = "1" },
			`annotation ragpipeline.io/rebuild: none -> "1"`, RebuildRequested, false},
		{"chunking", func(g *Generation) { g.Chunking = Chunking{Size: 400, Unit: Tokens} },
			"spec.chunking.size: 800 -> 400; spec.chunking.overlap: 200 -> 0; spec.chunking.unit: Characters -> Tokens", ChunkingChanged, false},
		{"extraction", func(g *Generation) { g.Extraction = "tika" }, "spec.extraction: none -> tika", ExtractionChanged, false},
		{"an upgrade", func(g *Generation) { g.Analyser = "3" }, "the operator's keyword analyser: 2 -> 3", OperatorUpgraded, true},
	} {
		next := g
		c.change(&next)
		changes := g.Changes(next)
		if got := Describe(changes); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if len(changes) > 0 && changes[0].Cause != c.cause {
			t.Errorf("%s: the cause is %s, want %s", c.name, changes[0].Cause, c.cause)
		}
		if got := g.SameVectors(next); got != c.same {
			t.Errorf("%s: the same vectors: %v", c.name, got)
		}
		if differs := g.Fingerprint() != next.Fingerprint(); differs != (len(changes) > 0) {
			t.Errorf("%s: another fingerprint: %v, changes: %v", c.name, differs, changes)
		}
	}
}
