package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// sound is a store as it is.
func sound(s index.Searcher) index.Searcher { return s }

// lossy is a store whose searches fail in a way of their own.
type lossy struct {
	index.Searcher
	vector, keyword bool // report whether the retriever finds nothing
}

func (l lossy) Vector(ctx context.Context, v []float32, limit int, f *index.Filter) ([]index.Hit, error) {
	if l.vector {
		return nil, nil
	}
	return l.Searcher.Vector(ctx, v, limit, f)
}

func (l lossy) Keyword(ctx context.Context, text string, limit int, f *index.Filter) ([]index.Hit, error) {
	if l.keyword {
		return nil, nil
	}
	return l.Searcher.Keyword(ctx, text, limit, f)
}

// miscounted is an index that holds another number of chunks than its ledger says.
type miscounted struct{ Index }

func (m miscounted) Stats(ctx context.Context) (index.Stats, error) {
	stats, err := m.Index.Stats(ctx)
	stats.Chunks++
	return stats, err
}

// monotone is a model that gives every text the same vector.
type monotone struct{}

func (monotone) Passages(_ context.Context, texts []string) ([]model.Embedded, error) {
	vectors := make([]model.Embedded, len(texts))
	for i := range vectors {
		vectors[i].Vector = append([]float32{1}, make([]float32, 31)...)
	}
	return vectors, nil
}

func TestANewGenerationIsVerifiedBeforeItIsComplete(t *testing.T) {
	distinct := func(w *world) {
		for i := range 30 {
			w.write(fmt.Sprintf("%d.md", i), fmt.Sprintf("Valve %d of plant Kestrel opens at %d bar. It is checked in week %d.", i, 100+i, i%50))
		}
	}
	for name, c := range map[string]struct {
		documents func(*world)
		change    func(*world)
		want      string // of the error; empty for none
	}{
		"a sound one passes": {documents: distinct},
		"copies pass": {documents: func(w *world) {
			for i := range 300 {
				w.write(fmt.Sprintf("%d.md", i), "This page is intentionally left blank. It has no other text.")
			}
		}},
		"forms that differ in a number pass": {documents: func(w *world) {
			for i := range 300 {
				w.write(fmt.Sprintf("%d.md", i), fmt.Sprintf("Invoice of the Kestrel company, to be paid within thirty days. Number %d.", i))
			}
		}},
		"a store that finds nothing by vector does not": {documents: distinct, want: "a search by vector finds nothing, for each of 10 chunks",
			change: func(w *world) {
				w.searcher = func(s index.Searcher) index.Searcher { return lossy{s, true, false} }
			}},
		"keywords alone may miss": {documents: distinct, change: func(w *world) {
			w.searcher = func(s index.Searcher) index.Searcher { return lossy{s, false, true} }
		}},
		"a store that lost chunks does not": {documents: distinct, want: "its ledger has",
			change: func(w *world) { w.wrap = func(i Index) Index { return miscounted{i} } }},
		"a model that tells no texts apart does not": {documents: distinct, want: "different texts the same vector",
			change: func(w *world) {
				w.config.Generation.Embedding.Dimensions = 32
				w.options.Embedder = monotone{}
			}},
		"vectors of another length than the spec's do not": {documents: distinct, want: "32 dimensions, not 64",
			change: func(w *world) { w.options.Embedder = monotone{} }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.searcher = sound
			c.documents(w)
			if c.change != nil {
				c.change(w)
			}
			report, err := w.run()
			if c.want == "" {
				if err != nil || w.stats().Completed.IsZero() {
					t.Fatalf("it is not complete: %v", err)
				}
				return
			}
			if !errors.Is(err, ErrVerification) || report.Reason != config.VerificationFailed || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want an error with %q", err, c.want)
			}
			if !w.stats().Completed.IsZero() {
				t.Error("it is complete")
			}
		})
	}
}

// What was complete once serves, and is not asked for more.
func TestALiveGenerationIsNotVerifiedAgain(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "a text")
	w.mustRun()
	w.searcher = func(s index.Searcher) index.Searcher { return lossy{s, true, true} }
	w.mustRun()
}

func TestTheFirstSentence(t *testing.T) {
	for text, want := range map[string]string{
		"":       "",
		"no end": "no end",
		"Short. But this one is long enough to say something. And more.":           "Short. But this one is long enough to say something.",
		"It turns 3.14 times a minute, as version 1.2.3 of the manual says! More.": "It turns 3.14 times a minute, as version 1.2.3 of the manual says!",
	} {
		if got := firstSentence(text); got != want {
			t.Errorf("firstSentence(%q) is %q, want %q", text, got, want)
		}
	}
}
