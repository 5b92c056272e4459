package ingest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
)

// paragraphs is a text of n chunks, at the size that testConfig sets.
func paragraphs(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "Paragraph %3d is about as long as one single chunk of these tests may be.\n\n", i)
	}
	return text.String()
}

func TestADocumentOfTooManyChunksFailsAlone(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.Chunks = 10
	w.write("few.md", paragraphs(10))
	w.write("many.md", paragraphs(11))
	report := w.mustRun()
	if diff := cmp.Diff(map[string]string{"docs/few.md": "Indexed", "docs/many.md": "TooLarge"}, w.states()); diff != "" {
		t.Error(diff)
	}
	if len(report.Failures) != 1 || !strings.Contains(report.Failures[0].Message, "more than 10 chunks") {
		t.Errorf("the failures %+v do not name the limit", report.Failures)
	}
	if report.Embedded != 10 {
		t.Errorf("%d chunks were embedded, want those of the document within the limit alone", report.Embedded)
	}
}

func TestAnotherLimitIsAppliedToUnchangedDocuments(t *testing.T) {
	w := newWorld(t)
	w.write("long.md", paragraphs(12))
	w.write("short.md", paragraphs(2))
	counted := &failing{Extractor: extract.New(extract.Options{}), name: "long.md"}
	w.options.Extractor = counted
	for _, step := range []struct {
		limit, read int // read is how often the run reads the long document
		long        string
	}{
		{limit: 10, read: 1, long: "TooLarge"},
		{limit: 10, read: 0, long: "TooLarge"},
		{limit: 11, read: 1, long: "TooLarge"},
		{limit: 12, read: 1, long: "Indexed"},
		{limit: 0, read: 0, long: "Indexed"},
		{limit: 5, read: 1, long: "TooLarge"},
	} {
		w.config.Limits.Chunks = step.limit
		before := counted.calls
		w.mustRun()
		want := map[string]string{"docs/long.md": step.long, "docs/short.md": "Indexed"}
		if diff := cmp.Diff(want, w.states()); diff != "" || counted.calls-before != step.read {
			t.Errorf("with a limit of %d, the long one was read %d times, want %d\n%s", step.limit, counted.calls-before, step.read, diff)
		}
	}
}

func TestATextThatCannotFitIsNotSplit(t *testing.T) {
	for _, unit := range []config.Unit{config.Characters, config.Tokens} {
		r := &run{Options: Options{Splitter: nil}} // splitting would panic
		r.Config.Limits.Chunks = 10
		r.Config.Generation.Chunking = config.Chunking{Size: 100, Unit: unit}
		d := &document{job: job{origin: &origin{}}}
		text := &extract.Document{Pages: []extract.Page{{Text: strings.Repeat("x", 300_000)}}}
		if _, err := r.chunks(d, text); err == nil {
			t.Errorf("%s: a text of 300,000 letters passed", unit)
		}
	}
}
