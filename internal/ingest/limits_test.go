package ingest

import (
	"errors"
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

func TestTooManyFailuresKeepANewGenerationFromBeingComplete(t *testing.T) {
	number := func(n int) *config.Share { return &config.Share{Number: n} }
	percent := func(n int) *config.Share { return &config.Share{Number: n, Percent: true} }
	for _, c := range []struct {
		name       string
		bad, good  int
		max        *config.Share
		want       error
		wantReason config.Failure
	}{
		{"no limit, and one document is indexed", 9, 1, nil, nil, ""},
		{"none may fail, and none does", 0, 3, number(0), nil, ""},
		{"none may fail, and one does", 1, 3, number(0), ErrTooManyFailed, config.TooManyFailed},
		{"as many as may", 2, 3, number(2), nil, ""},
		{"one more than may", 3, 3, number(2), ErrTooManyFailed, config.TooManyFailed},
		{"exactly the per cent that may", 1, 3, percent(25), nil, ""},
		{"a per cent is not rounded up", 1, 3, percent(24), ErrTooManyFailed, config.TooManyFailed},
		{"no per cent may", 1, 9, percent(0), ErrTooManyFailed, config.TooManyFailed},
		{"a hundred per cent may, and one document is indexed", 9, 1, percent(100), nil, ""},
		{"a hundred per cent may, and no document is indexed", 2, 0, percent(100), ErrAllDocumentsFailed, config.AllDocumentsFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.config.MaxFailed = c.max
			for i := range c.bad {
				w.write(fmt.Sprintf("bad%d.md", i), "")
			}
			for i := range c.good {
				w.write(fmt.Sprintf("good%d.md", i), "Text.")
			}
			report, err := w.run()
			if !errors.Is(err, c.want) || report.Reason != c.wantReason || w.stats().Completed.IsZero() != (c.want != nil) {
				t.Errorf("got %v and reason %q, want %v; completed %v", err, report.Reason, c.want, w.stats().Completed)
			}
		})
	}
}

func TestAHeldBackGenerationIsCompletedOnceMoreMayFail(t *testing.T) {
	w := newWorld(t)
	w.write("bad.md", "")
	w.write("good.md", "Text.")
	w.config.MaxFailed = &config.Share{Number: 5, Percent: true}
	_, err := w.run()
	const want = "too many documents failed: 1 of 2, more than spec.ingest.maxFailed (5%) allows: Malformed (1); " +
		"the first is docs/bad.md (Malformed: "
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), "; replace or exclude them, or raise maxFailed") {
		t.Fatalf("got %v, want %s...", err, want)
	}
	w.config.MaxFailed.Number = 50
	if report := w.mustRun(); report.Embedded != 0 || report.Failed != 1 || w.stats().Completed.IsZero() {
		t.Errorf("report %+v, completed %v", report, w.stats().Completed)
	}
	// What has been complete is updated in place, and stays in use with a warning.
	w.write("worse.md", "")
	w.config.MaxFailed.Number = 10
	before := w.stats().Completed
	report := w.mustRun()
	if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "2 of 3, more than spec.ingest.maxFailed (10%) allows: Malformed (2)") ||
		!strings.Contains(report.Warnings[0], "stays in use") || !w.stats().Completed.After(before) {
		t.Errorf("warnings %q, completed %v", report.Warnings, w.stats().Completed)
	}
}

func TestATextThatCannotFitIsNotSplit(t *testing.T) {
	for _, unit := range []config.Unit{config.Characters, config.Tokens} {
		r := &run{Options: Options{Splitter: nil}} // splitting would panic
		r.Config.Limits.Chunks = 10
		r.Config.Generation.Chunking = config.Chunking{Size: 100, Unit: unit}
		d := &document{job: job{origin: &origin{}}}
		text := &extract.Document{Pages: []extract.Page{{Text: strings.Repeat("x", 300_000)}}}
		if _, err := r.chunks(t.Context(), d, text); err == nil {
			t.Errorf("%s: a text of 300,000 letters passed", unit)
		}
	}
}
