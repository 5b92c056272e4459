package ingest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sync/semaphore"

	"github.com/google/go-cmp/cmp"

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

// embedAll runs the embedding stage over documents of so many missing chunks.
func embedAll(t *testing.T, r *recorder, requests int, missing ...int) []*document {
	t.Helper()
	o, err := Options{Embedder: r, Requests: requests}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	stage := &run{Options: o, tally: newTally(o, metrics{}), holding: semaphore.NewWeighted(1)}
	extracted := make(chan *document, len(missing))
	finished := make(chan *document, len(missing))
	var documents []*document
	for i, n := range missing {
		d := &document{job: job{id: fmt.Sprint(i)}, pending: n}
		// Every second chunk is known to the index.
		for c := range 2 * n {
			d.chunks = append(d.chunks, index.Vectored{Chunk: index.Chunk{Text: fmt.Sprintf("%d/%d", i, c)}})
			if c%2 == 1 {
				d.missing = append(d.missing, c)
			}
		}
		documents = append(documents, d)
		extracted <- d
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
	return documents
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
			return &model.Error{Kind: model.Rejected}
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

func TestStageEndsWhenTheModelIsDown(t *testing.T) {
	down := &model.Error{Kind: model.Unreachable}
	o, _ := Options{Embedder: &recorder{fail: func([]string) error { return down }}}.withDefaults()
	stage := &run{Options: o, tally: newTally(o, metrics{})}
	extracted := make(chan *document) // never closed: nothing more comes, and the stage must still end
	go func() {
		d := &document{pending: 100}
		for c := range 100 {
			d.chunks = append(d.chunks, index.Vectored{})
			d.missing = append(d.missing, c)
		}
		extracted <- d
	}()
	if err := stage.embed(t.Context(), extracted, make(chan *document)); err != error(down) {
		t.Errorf("got error %v, want the model's", err)
	}
}
