package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

func TestAnIncompleteGenerationIsNotRecordedAsComplete(t *testing.T) {
	tests := map[string]struct {
		prepare func(w *world)
		want    error
	}{
		"an empty directory":         {func(*world) {}, ErrNoDocuments},
		"globs that admit nothing":   {func(w *world) { w.write("a.md", "x"); w.config.Sources[0].Include = []string{"*.pdf"} }, ErrNoDocuments},
		"nothing but failures":       {func(w *world) { w.write("a.md", ""); w.write("b.md", "") }, ErrAllDocumentsFailed},
		"a source that is not there": {func(w *world) { w.write("a.md", "x"); os.Remove(w.add("gone")) }, ErrIncomplete},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tt.prepare(w)
			if _, err := w.run(); !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
			if stats := w.stats(); !stats.Completed.IsZero() {
				t.Errorf("stats %+v: want them incomplete", stats)
			}
		})
	}
}

func TestTextsThatTheModelRefuses(t *testing.T) {
	w := newWorld(t)
	for i := range 50 {
		w.write(fmt.Sprintf("%02d.md", i), fmt.Sprintf("Text %d.", i))
	}
	w.write("refused.md", "The model does not like the word poison.")
	w.server.fault = func(texts []string) (int, string) {
		if slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, "poison") }) {
			return http.StatusUnprocessableEntity, "no such words here"
		}
		return 0, ""
	}
	report := w.mustRun()
	if report.Indexed != 50 || report.Reasons[config.EmbeddingRefused] != 1 {
		t.Errorf("report:\n%s", report)
	}
	if got := w.states()["docs/refused.md"]; got != string(config.EmbeddingRefused) {
		t.Errorf("ledger says %s", got)
	}
	w.server.fault = nil // such a failure may pass
	if report := w.mustRun(); report.Added != 1 || report.Failed != 0 {
		t.Errorf("report of the next run:\n%s", report)
	}
}

func TestModelThatRefusesEveryTextStopsTheRun(t *testing.T) {
	w := newWorld(t)
	for i := range 100 {
		w.write(fmt.Sprintf("%02d.md", i), fmt.Sprintf("Text %d.", i))
	}
	var requests atomic.Int32
	w.server.fault = func([]string) (int, string) {
		requests.Add(1)
		return http.StatusBadRequest, "dimensions is not supported"
	}
	report, err := w.run()
	var refusal *model.Error
	if !errors.As(err, &refusal) || !strings.Contains(err.Error(), "no text at all") {
		t.Errorf("got error %v, want the model's", err)
	}
	if report.Failed != 0 || len(w.rows()) != 0 {
		t.Errorf("%d documents were made to suffer for it", report.Failed)
	}
}

func TestModelThatGoesDownStopsTheRunAndKeepsWhatIsDone(t *testing.T) {
	w := newWorld(t)
	w.options.Requests = 1
	for i := range 200 {
		w.write(fmt.Sprintf("%03d.md", i), fmt.Sprintf("Text %d.", i))
	}
	var requests atomic.Int32
	w.server.fault = func([]string) (int, string) {
		if requests.Add(1) > 3 {
			return http.StatusGone, "end of life"
		}
		return 0, ""
	}
	report, err := w.run()
	var down *model.Error
	if !errors.As(err, &down) || down.Failure != config.ModelRetired {
		t.Fatalf("got error %v, want the model's", err)
	}
	done := len(w.server.embedded())
	if rows := len(w.rows()); rows != done || report.Added != done || done == 0 {
		t.Errorf("%d texts embedded, %d rows, %d added: want them equal", done, rows, report.Added)
	}
	w.server.fault = nil
	if report := w.mustRun(); report.Unchanged != done || report.Added != 200-done || len(w.server.embedded()) != 200-done {
		t.Errorf("next run: %d unchanged, %d added", report.Unchanged, report.Added)
	}
}

func TestIndexThatRefusesStopsTheRun(t *testing.T) {
	w := newWorld(t)
	for i := range 300 {
		w.write(fmt.Sprintf("%03d.md", i), fmt.Sprintf("Text %d.", i))
	}
	full := errors.New("no space left on device")
	w.wrap = func(i Index) Index {
		r := &refusing{Index: i, err: full}
		r.puts.Store(5)
		return r
	}
	report, err := w.run()
	if !errors.Is(err, full) || !strings.Contains(err.Error(), "docs/") {
		t.Errorf("got error %v, want the index's with the document", err)
	}
	if report.Added != 5 || report.Error == "" {
		t.Errorf("report: %+v", report)
	}
	w.wrap = nil
	if report := w.mustRun(); report.Unchanged != 5 || report.Added != 295 {
		t.Errorf("next run: %d unchanged, %d added", report.Unchanged, report.Added)
	}
}

// refusing fails once it has taken so many puts. Several writers call it at once.
type refusing struct {
	Index
	puts atomic.Int64
	err  error
}

func (r *refusing) Put(ctx context.Context, row index.Row, chunks []index.Vectored) error {
	if r.puts.Add(-1) < 0 {
		return r.err
	}
	return r.Index.Put(ctx, row, chunks)
}

func TestAnotherModelsVectorsStopTheRun(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "Text a.")
	w.mustRun()
	w.write("b.md", "Text b.")
	space := w.config.Generation.Embedding
	space.Dimensions = 32
	w.options.Embedder = model.NewEmbedder(w.config.Embedding, space, nil, model.Transport{})
	if _, err := w.run(); !errors.Is(err, index.ErrDimensions) {
		t.Errorf("got error %v, want ErrDimensions", err)
	}
}

func TestCancelledRunStops(t *testing.T) {
	w := newWorld(t)
	for i := range 300 {
		w.write(fmt.Sprintf("%03d.md", i), fmt.Sprintf("Text %d.", i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.options.Progress = func(p config.Progress) {
		if p.DocumentsDone == 10 {
			cancel()
		}
	}
	report, err := w.runContext(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want canceled", err)
	}
	if got := len(w.rows()); got != report.Added || got == 300 {
		t.Errorf("%d rows, %d reported", got, report.Added)
	}
	w.options.Progress = nil
	if report := w.mustRun(); report.Indexed != 300 {
		t.Errorf("next run: %+v", report)
	}
}

func TestRunRefusesUnusableOptions(t *testing.T) {
	w := newWorld(t)
	w.config.Sources = append(w.config.Sources, w.config.Sources[0])
	if _, err := w.run(); err == nil || !strings.Contains(err.Error(), `"docs"`) {
		t.Errorf("two sources of one name: got error %v", err)
	}
	if _, err := Run(t.Context(), Options{Config: w.config}); err == nil {
		t.Error("a config whose sources are missing: no error")
	}
}
