package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// recorder is an embedder that records the sizes of its requests.
type recorder struct {
	mu    sync.Mutex
	sizes []int
	texts []string
	fail  func(texts []string) error
}

func (r *recorder) Passages(_ context.Context, texts []string) ([]model.Embedded, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sizes = append(r.sizes, len(texts))
	if r.fail != nil {
		if err := r.fail(texts); err != nil {
			return nil, err
		}
	}
	r.texts = append(r.texts, texts...)
	vectors := make([]model.Embedded, len(texts))
	for i := range vectors {
		vectors[i].Vector = []float32{float32(len(texts[i]))}
	}
	return vectors, nil
}

// embedAll runs the embedding stage over documents of so many missing chunks. Its clock stands still while there
// is something to do, so that no request goes unfilled on a slow machine.
func embedAll(t *testing.T, r *recorder, requests int, missing ...int) (documents []*document) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		stage := newStage(t, r, requests)
		extracted := make(chan *document, len(missing))
		finished := make(chan *document, len(missing))
		for i, n := range missing {
			documents = append(documents, newMissing(i, n))
			extracted <- documents[i]
		}
		close(extracted)
		if err := stage.embed(t.Context(), extracted, finished); err != nil {
			t.Fatal(err)
		}
		close(finished)
		seen := map[*document]int{}
		for d := range finished {
			seen[d]++
		}
		for i, d := range documents {
			if seen[d] != 1 {
				t.Errorf("document %d came out %d times", i, seen[d])
			}
		}
	})
	return documents
}

func newStage(t *testing.T, e Embedder, requests int) *run {
	t.Helper()
	o, err := Options{Embedder: e, Requests: requests}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	return &run{Options: o, tally: newTally(o, metrics{})}
}

// newMissing is a document of 2n chunks, of which the index knows every other.
func newMissing(id, n int) *document {
	d := &document{job: job{id: fmt.Sprint(id)}, pending: n}
	for c := range 2 * n {
		d.chunks = append(d.chunks, index.Vectored{Chunk: index.Chunk{Text: fmt.Sprintf("%d/%d", id, c)}})
		if c%2 == 1 {
			d.missing = append(d.missing, c)
		}
	}
	return d
}

func TestSmallDocumentsShareRequests(t *testing.T) {
	tests := map[string]struct {
		missing []int
		want    []int
	}{
		"many documents of one chunk":        {slices.Repeat([]int{1}, 70), []int{6, 32, 32}},
		"one document of many chunks":        {[]int{100}, []int{4, 32, 32, 32}},
		"a document over two requests":       {[]int{30, 10, 24}, []int{32, 32}},
		"documents that need no request":     {[]int{0, 0}, nil},
		"such among those that need one":     {[]int{0, 3, 0, 4, 0}, []int{7}},
		"a document that fills one exactly":  {[]int{32}, []int{32}},
		"one chunk is not held back forever": {[]int{1}, []int{1}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := &recorder{}
			documents := embedAll(t, r, 3, tt.missing...)
			slices.Sort(r.sizes)
			if diff := cmp.Diff(tt.want, r.sizes); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			for _, d := range documents {
				for c := range d.chunks {
					want := c%2 == 1
					if got := d.chunks[c].Vector != nil; got != want {
						t.Errorf("document %s chunk %d has a vector: %v, want %v", d.id, c, got, want)
					}
				}
			}
		})
	}
}

func TestRefusedTextFailsOnlyItsDocument(t *testing.T) {
	r := &recorder{fail: func(texts []string) error {
		if slices.Contains(texts, "\n3/1") {
			return &model.Error{Failure: config.ModelRejected}
		}
		return nil
	}}
	for i, d := range embedAll(t, r, 1, 5, 5, 5, 400, 5) {
		if got, want := d.failed(), i == 3; got != want {
			t.Errorf("document %d failed: %v, want %v", i, got, want)
		}
	}
	// The rest of a document that has failed is not embedded for nothing, but for the request under way and the
	// one that was full by then.
	if len(r.texts) > 2*batchSize+5 {
		t.Errorf("%d texts were embedded, most of them for a document that had failed", len(r.texts))
	}
}

// A text for which the model fails, or returns nothing of use, fails its document alone, as long as others get vectors.
func TestTextWithoutAUsableVectorFailsOnlyItsDocument(t *testing.T) {
	r := &recorder{fail: func(texts []string) error {
		if slices.Contains(texts, "\n1/1") {
			return &model.Error{Failure: config.ModelBroken, Status: 500}
		}
		return nil
	}}
	for i, d := range embedAll(t, r, 1, 5, 5, 5) {
		if got, want := d.failed(), i == 1; got != want {
			t.Errorf("document %d failed: %v, want %v", i, got, want)
		}
	}
}

func TestStageEndsWhenNoReplyIsUsable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := &model.Error{Failure: config.ModelBroken, Message: "zeros"}
		took := false
		stage := newStage(t, &recorder{fail: func([]string) error {
			if took {
				return broken
			}
			took = true
			return nil
		}}, 1)
		extracted := make(chan *document, 2)
		extracted <- newMissing(0, batchSize)
		extracted <- newMissing(1, batchSize)
		if err := stage.embed(t.Context(), extracted, make(chan *document, 2)); !errors.Is(err, broken) {
			t.Errorf("got error %v, want the model's", err)
		}
	})
}

// A document must not wait for others to fill its request: they may be waiting for it.
func TestUnfilledRequestDoesNotWaitForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		extracted, finished := make(chan *document), make(chan *document)
		ended := make(chan error, 1)
		stage := newStage(t, &recorder{}, 1)
		go func() { ended <- stage.embed(t.Context(), extracted, finished) }()
		for i := range 3 {
			d := newMissing(i, 1)
			extracted <- d
			if got := <-finished; got != d {
				t.Errorf("document %s came out for %s", got.id, d.id)
			}
		}
		close(extracted)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestStageEndsWhenTheModelIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := &model.Error{Failure: config.ModelUnreachable}
		stage := newStage(t, &recorder{fail: func([]string) error { return down }}, 4)
		extracted := make(chan *document, 1) // never closed: nothing more comes, and the stage must still end
		extracted <- newMissing(0, 100)
		if err := stage.embed(t.Context(), extracted, make(chan *document)); !errors.Is(err, down) {
			t.Errorf("got error %v, want the model's", err)
		}
	})
}

func TestBlankChunksAreNotEmbedded(t *testing.T) {
	w := newWorld(t)
	w.config.Generation.Chunking = config.Chunking{Size: 1, Unit: config.Characters}
	w.write("a.md", "a b")
	w.mustRun()
	var texts []string
	for _, c := range w.chunks() {
		texts = append(texts, c.Text)
	}
	slices.Sort(texts)
	if diff := cmp.Diff([]string{"a", "b"}, texts); diff != "" {
		t.Errorf("chunks (-want +got):\n%s", diff)
	}
}

func TestTruncatedChunksAreCountedAndWarnedOf(t *testing.T) {
	w := newWorld(t)
	w.config.Generation.Chunking = config.Chunking{Size: 100_000, Overlap: 0, Unit: config.Characters}
	w.write("long.md", strings.Repeat("words ", 10_000)) // 15,000 of the stand-in's tokens, of which it takes 8,192
	w.write("short.md", "words")
	report := w.mustRun()
	if report.Truncated != 1 || report.Indexed != 2 {
		t.Errorf("report: %+v", report)
	}
	if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "8192") {
		t.Errorf("warnings %q: want one that names the limit", report.Warnings)
	}
	if row := w.rows()[0]; row.Truncated != 1 {
		t.Errorf("ledger: %d truncated, want 1", row.Truncated)
	}
}
