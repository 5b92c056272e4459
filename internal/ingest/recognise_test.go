package ingest

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// gives is a model that gives the fixed text this vector.
func gives(vector ...float32) func(context.Context) ([]float32, error) {
	return func(context.Context) ([]float32, error) { return vector, nil }
}

func doesNotAnswer(context.Context) ([]float32, error) {
	return nil, &model.Error{Stage: config.StageEmbedding, Failure: config.ModelUnreachable, Model: "m"}
}

func TestAModelIsRecognisedByTheVectorOfAFixedText(t *testing.T) {
	at := func(cosine float64) []float32 {
		return []float32{float32(cosine), float32(math.Sqrt(1 - cosine*cosine))}
	}
	for _, c := range []struct {
		name   string
		anchor func(context.Context) ([]float32, error)
		want   error
	}{
		{"the same vector", gives(1, 0), nil},
		{"the same, scaled", gives(7, 0), nil},
		{"noise of a server that rounds or quantises", gives(at(0.991)...), nil},
		{"another model", gives(at(0.989)...), ErrDrifted},
		{"the opposite", gives(-1, 0), ErrDrifted},
		{"vectors of another length, which the index refuses itself", gives(0, 0, 1), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.write("a.md", "The pump has a warranty of two years.")
			w.options.Anchor = gives(1, 0)
			w.mustRun()
			before := w.rows()

			w.write("b.md", "The valve has none.")
			w.options.Anchor = c.anchor
			report, err := w.run()
			if !errors.Is(err, c.want) {
				t.Fatalf("the run gave %v, want %v", err, c.want)
			}
			if c.want == nil {
				return
			}
			if report.Reason != config.ModelDrifted || len(w.server.embedded()) != 0 {
				t.Errorf("reason %q, embedded %q", report.Reason, w.server.embedded())
			}
			if diff := cmp.Diff(before, w.rows()); diff != "" {
				t.Errorf("the run wrote (-before +now):\n%s", diff)
			}
		})
	}
}

func TestARunWithoutTextsToEmbedNeedsNoModel(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "The pump has a warranty of two years.")
	w.write("b.md", "The valve has none.")
	w.options.Anchor = gives(1, 0)
	w.mustRun()
	if err := os.Remove(filepath.Join(w.docs(), "b.md")); err != nil {
		t.Fatal(err)
	}
	w.options.Anchor = doesNotAnswer
	if report := w.mustRun(); report.Removed != 1 {
		t.Errorf("removed %d documents, want 1", report.Removed)
	}
}

func TestAModelThatAnswersLateIsRecognisedBeforeTheFirstText(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "The pump has a warranty of two years.")
	other := make([]float32, 64)
	other[0] = 1
	w.options.Anchor = gives(other...)
	w.mustRun()
	before := w.rows()

	w.write("b.md", "The valve has none.")
	w.options.Anchor = doesNotAnswer
	if _, err := w.run(); !errors.Is(err, ErrDrifted) {
		t.Errorf("the run gave %v", err)
	}
	if diff := cmp.Diff([]string{model.Anchor}, w.server.embedded()); diff != "" {
		t.Errorf("embedded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, w.rows()); diff != "" {
		t.Errorf("the run wrote (-before +now):\n%s", diff)
	}
}

func TestAnEmptyGenerationTakesTheModelThatIsThere(t *testing.T) {
	w := newWorld(t)
	w.options.Anchor = gives(1, 0)
	if _, err := w.run(); !errors.Is(err, ErrNoDocuments) {
		t.Fatal(err)
	}
	w.write("a.md", "The pump has a warranty of two years.")
	w.options.Anchor = gives(0, 1)
	w.mustRun()
	w.mustRun()
}

func TestARunMeasuresTheTextsAndTheRate(t *testing.T) {
	w := newWorld(t)
	for i := range enoughToMeasure {
		w.write(string(rune('a'+i%26))+string(rune('a'+i/26))+".md", "The pump has a warranty of two years.")
	}
	w.mustRun()
	first := w.stats().Measured
	if n := first.ChunkCounts.Chunks(enoughToMeasure, w.config.Generation.Chunking, config.Chunking{Size: 800, Unit: config.Characters}); n != enoughToMeasure {
		t.Errorf("short texts give %d chunks, want %d", n, enoughToMeasure)
	}
	if first.ChunksPerSecond <= 0 {
		t.Errorf("the rate is %v", first.ChunksPerSecond)
	}
	w.write("one.md", "More.")
	w.mustRun()
	if diff := cmp.Diff(first, w.stats().Measured, cmpopts.IgnoreFields(index.Measured{}, "Synced")); diff != "" {
		t.Errorf("a run that read one document measured (-before +now):\n%s", diff)
	}
}
