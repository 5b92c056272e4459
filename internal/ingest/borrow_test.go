package ingest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

func anotherAnalyser(g *config.Generation) { g.Analyser += "+" }

// built is a world of two documents in a complete generation.
func built(t *testing.T) *world {
	w := newWorld(t)
	w.write("a.md", "The first paragraph is long enough to be a chunk of its own, or nearly so.\n\n"+
		"The second paragraph is long enough to be a chunk of its own, or nearly so.")
	w.write("b.md", "A short one.")
	if report := w.mustRun(); report.Chunks != 3 {
		t.Fatalf("the first generation: %+v", report)
	}
	return w
}

func TestAnotherAnalyserReusesTheVectors(t *testing.T) {
	w := built(t)
	question := "a.md\nThe second paragraph is long enough to be a chunk of its own, or nearly so."
	before := w.nearest(question)
	anotherAnalyser(&w.config.Generation)
	report := w.mustRun()
	want := &Report{Listed: 2, Added: 2, Indexed: 2, Chunks: 3, Reused: 3}
	if diff := cmp.Diff(want, report, counts); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if texts := w.server.embedded(); len(texts) != 1 {
		t.Errorf("embedded %q, want one text, to learn whether the model is still the same", texts)
	}
	if said := "2 added; chunks: 3 reused"; !strings.Contains(report.String(), said) {
		t.Errorf("the report does not say %q:\n%s", said, report)
	}
	if got := report.Summary(); got.Reused != 3 || got.Embedded != 0 {
		t.Errorf("summary: %+v", got)
	}
	after := w.nearest(question)
	if diff := cmp.Diff(before[0].ID, after[0].ID); diff != "" || after[0].Score < 0.999 || len(after) != 3 {
		t.Errorf("nearest: %+v, then %+v", before, after)
	}
}

func TestOtherChunksOfANextGenerationAreEmbedded(t *testing.T) {
	w := built(t)
	w.write("c.md", "A new document.")
	w.config.Generation.Chunking = config.Chunking{Size: 40, Unit: config.Characters}
	report := w.mustRun()
	if report.Reused != 1 || report.Embedded != report.Chunks-1 || len(w.server.embedded()) != report.Embedded+1 {
		t.Errorf("report %+v, want the short document's chunk reused; the server saw %q", report, w.server.embedded())
	}
}

func TestVectorsOfAnotherModelAreNotReused(t *testing.T) {
	for name, change := range map[string]func(*config.Generation){
		"model":      func(g *config.Generation) { g.Embedding.Model = "another/model" },
		"dimensions": func(g *config.Generation) { g.Embedding.Dimensions = 32 },
		"prefix":     func(g *config.Generation) { g.Embedding.PassagePrefix = "passage: " },
	} {
		t.Run(name, func(t *testing.T) {
			w := built(t)
			change(&w.config.Generation)
			if report := w.mustRun(); report.Embedded != 3 || report.Reused != 0 {
				t.Errorf("report %+v", report)
			}
		})
	}
}

// constant is a model that gives every text the same vector.
type constant int

func (dimensions constant) Passages(_ context.Context, texts []string) ([]model.Embedded, error) {
	all := make([]model.Embedded, len(texts))
	for i := range all {
		all[i].Vector = slices.Repeat([]float32{1}, int(dimensions))
	}
	return all, nil
}

// An endpoint may serve another model under the same name.
func TestVectorsThatTheModelNoLongerGivesAreNotReused(t *testing.T) {
	for _, dimensions := range []constant{64, 32} {
		w := built(t)
		anotherAnalyser(&w.config.Generation)
		w.options.Embedder = dimensions
		report := w.mustRun()
		if report.Embedded != 3 || report.Reused != 0 || len(report.Warnings) != 1 ||
			!strings.Contains(report.Warnings[0], "no longer gives the vectors") {
			t.Errorf("%d dimensions: report %+v", dimensions, report)
		}
	}
}

func TestALargeDocumentsBorrowedVectorsAreStaged(t *testing.T) {
	w := newWorld(t)
	var text strings.Builder
	for i := range 4500 {
		fmt.Fprintf(&text, "Paragraph %d of the large document is about as long as a chunk may be.\n\n", i)
	}
	w.write("large.md", text.String())
	w.mustRun()
	s := &stager{}
	w.wrap = func(i Index) Index { s.Index = i; return s }
	anotherAnalyser(&w.config.Generation)
	report := w.mustRun()
	if report.Reused != 4500 || report.Embedded != 0 || s.staged.Load() != 4500 || s.put.Load() != 0 {
		t.Errorf("report %+v; %d staged, %d put with their vectors", report, s.staged.Load(), s.put.Load())
	}
}

func TestBorrowedVectorsThatAreTruncatedStayCounted(t *testing.T) {
	w := newWorld(t)
	w.config.Generation.Chunking = config.Chunking{Size: 100_000, Overlap: 0, Unit: config.Characters}
	w.write("long.md", strings.Repeat("words ", 10_000))
	w.write("short.md", "words")
	w.mustRun()
	anotherAnalyser(&w.config.Generation)
	w.mustRun()
	if rows := w.rows(); rows[0].Truncated != 1 || rows[1].Truncated != 0 {
		t.Errorf("ledger: %d and %d truncated, want 1 and 0", rows[0].Truncated, rows[1].Truncated)
	}
}
