//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// becomes waits until a generation is live that is none of others, and every retained one is up to date.
func (p *pipeline) becomes(others ...string) (generation string) {
	p.t.Helper()
	p.until(readyWithin, "another generation is live", func(object *v1alpha1.RAGPipeline) error {
		index := object.Status.Index
		for _, other := range others {
			if index.Generation == other {
				return errors.New(other + " is")
			}
		}
		for _, r := range index.Retained {
			if r.LastSyncTime == nil || r.Problem != "" {
				return fmt.Errorf("%s is not up to date: %s", r.Generation, r.Problem)
			}
		}
		generation = index.Generation
		return isSettled(object)
	})
	return generation
}

func TestGenerationsChangeUnderLoadAndGoBack(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	embedder := n.host("embedder")
	documents := map[string]string{"turbine.md": "# Turbine\n\nThe turbine of plant Kestrel turns 1234 times a minute.\n"}
	for i := range 60 {
		documents[fmt.Sprintf("valve-%d.md", i)] = fmt.Sprintf("# Valve %d\n\nValve V%d of plant Kestrel opens at %d bar. "+
			"It was checked in week %d by the crew of shift %d, who found it tight.\n", i, i, 100+i, i%50, i%7)
	}
	object := standIns("generations", n.documentsOf(documents))
	object.Spec.Models.Embedding.Model = embedder.endpoint(config.StandInEmbedding)
	p := n.pipeline(object)
	prober := p.probe(howFast)
	runs := p.watchRuns()
	p.settled(readyWithin)
	begun, first := time.Now(), p.get().Status.Index.Generation
	dimensions := func(d int32) func(*v1alpha1.RAGPipelineSpec) {
		return func(s *v1alpha1.RAGPipelineSpec) { s.Models.Embedding.Dimensions = &d }
	}

	t.Log("the chunk size")
	p.rechunk(60)
	second := p.becomes(first)

	t.Log("the embedding model's dimensions")
	p.edit(dimensions(128))
	third := p.becomes(first, second)

	t.Log("both, while documents change")
	p.rechunk(90)
	p.edit(dimensions(256))
	changed := time.Now().Truncate(time.Second)
	p.document("turbine.md", "# Turbine\n\nThe turbine of plant Kestrel turns 5678 times a minute.\n")
	p.document("valve-7.md", "")
	p.becomes(first, second, third)
	p.answers(howFast, "5678")

	p.until(readyWithin, "the retained generations have today's documents", func(object *v1alpha1.RAGPipeline) error {
		for _, r := range object.Status.Index.Retained {
			if r.LastSyncTime == nil || !r.LastSyncTime.After(changed) {
				return fmt.Errorf("%s was last synced at %v", r.Generation, r.LastSyncTime)
			}
		}
		return nil
	})

	t.Log("back, and nothing is embedded")
	embedded, asked := len(embedder.passages()), time.Now()
	p.edit(func(s *v1alpha1.RAGPipelineSpec) {
		overlap := int32(60 / 8)
		s.Chunking.Size, s.Chunking.Overlap = 60, &overlap
		dimensions(128)(s)
	})
	p.until(time.Minute, "the third generation is live again", func(object *v1alpha1.RAGPipeline) error {
		if now := object.Status.Index.Generation; now != third {
			return errors.New(now + " is")
		}
		return nil
	})
	t.Logf("switched back after %s", time.Since(asked).Round(time.Second))
	p.becomes(first, second)
	p.answers(howFast, "5678")
	if now := len(embedder.passages()); now != embedded {
		t.Errorf("%d passages were embedded to go back", now-embedded)
	}
	eventually(t, saidWithin, "the deleted document is in no generation", func(ctx context.Context) error {
		all, err := p.documents(ctx)
		if err == nil && (len(all) != 60 || all["docs/valve-7.md"] != 0) {
			err = fmt.Errorf("there are %d documents", len(all))
		}
		return err
	})

	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Index.Retain.Duration = 0 })
	p.oneGenerationIsLeft()
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, begun)
	runs.wereOneAtATime(t)
}
