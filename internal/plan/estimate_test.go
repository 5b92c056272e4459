package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestWhatABuildIsReckonedToEmbed(t *testing.T) {
	live := config.Generation{
		Embedding: config.EmbeddingSpace{Model: "embed"},
		Chunking:  config.Chunking{Size: 800, Overlap: 200, Unit: config.Characters},
		Analyser:  "2", EmbeddedText: "2",
	}
	has := Contents{Documents: 10, Chunks: 600, ChunksPerSecond: 20,
		ChunkCounts: config.NewChunkCounts()}
	for i, size := range config.SampleSizes {
		for j := range config.SampleOverlaps {
			has.ChunkCounts[i].Chunks[j] = 8_000_000 / size
		}
	}
	unknown := has
	unknown.ChunkCounts, unknown.ChunksPerSecond = nil, 0
	for _, c := range []struct {
		name   string
		change func(*config.Generation)
		has    Contents
		want   Estimate
	}{
		{"another model embeds every chunk", func(g *config.Generation) { g.Embedding.Model = "other" }, has,
			Estimate{Documents: 10, Chunks: 600, Embed: 600, Seconds: 30}},
		{"a rebuild too", func(g *config.Generation) { g.Embedding.Rebuild = "1" }, has,
			Estimate{Documents: 10, Chunks: 600, Embed: 600, Seconds: 30}},
		{"another analyser embeds none", func(g *config.Generation) { g.Analyser = "3" }, has,
			Estimate{Documents: 10, Chunks: 600}},
		{"other chunks are estimated from a sample", func(g *config.Generation) { g.Chunking.Size, g.Chunking.Overlap = 300, 50 }, has,
			Estimate{Documents: 10, Chunks: 1600, Embed: 1600, Estimated: true, Seconds: 80}},
		{"or, without them, in proportion", func(g *config.Generation) { g.Chunking.Size, g.Chunking.Overlap = 300, 50 }, unknown,
			Estimate{Documents: 10, Chunks: 1440, Embed: 1440, Estimated: true}},
	} {
		next := live
		c.change(&next)
		if diff := cmp.Diff(c.want, EstimateBuild(live, next, c.has)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
