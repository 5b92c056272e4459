package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// retirable remembers what it was told to delete.
type retirable struct {
	index.Store
	told []index.Retirement
}

func (r *retirable) Retire(_ context.Context, told index.Retirement) error {
	r.told = append(r.told, told)
	return nil
}

func TestRetireSparesGenerationsInUse(t *testing.T) {
	keep := []string{"0badcafe", "1badcafe"}
	for name, test := range map[string]struct {
		keep      []string
		succeeded bool
		want      []index.Retirement
	}{
		"nothing is known to be in use":        {succeeded: true},
		"what was never complete goes at once": {keep: keep, want: []index.Retirement{{Keep: keep, Incomplete: true}}},
		"all else after the run":               {keep: keep, succeeded: true, want: []index.Retirement{{Keep: keep}}},
	} {
		t.Run(name, func(t *testing.T) {
			var store retirable
			if err := Retire(t.Context(), config.Ingest{Keep: test.keep}, &store, test.succeeded); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, store.told); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// fill writes n documents into a directory.
func fill(t *testing.T, dir string, n int) {
	t.Helper()
	for i := range n {
		writeFile(t, filepath.Join(dir, fmt.Sprintf("%03d.md", i)), fmt.Sprintf("Text of document %d in %s.", i, filepath.Base(dir)))
	}
}

// empty removes the first n of them.
func empty(t *testing.T, dir string, n int) {
	t.Helper()
	for i := range n {
		if err := os.Remove(filepath.Join(dir, fmt.Sprintf("%03d.md", i))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTooManyRemovalsOfASourceAreHeldBack(t *testing.T) {
	w := newWorld(t)
	other := w.add("other")
	fill(t, w.docs(), 30)
	fill(t, other, 12)
	w.mustRun()

	empty(t, w.docs(), 30) // a mistaken bucket, say
	w.write("new.md", "A new document.")
	empty(t, other, 5)
	report := w.mustRun()
	if report.HeldBack != 30 || report.Removed != 5 || report.Added != 1 || report.Unchanged != 7 {
		t.Errorf("30 are to be held back, 5 of the other source removed, and one added: %s", report)
	}
	if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], `source "docs" no longer lists 30 of its 30 documents`) {
		t.Errorf("the warnings are %q", report.Warnings)
	}
	if report := w.mustRun(); report.HeldBack != 30 || report.Removed != 0 {
		t.Errorf("the next run holds them back as well: %s", report)
	}

	w.options.ConfirmPrune = true
	if report := w.mustRun(); report.HeldBack != 0 || report.Removed != 30 {
		t.Errorf("a confirmed run removes them: %s", report)
	}
}

func TestAnEmptySourceIsHeldBack(t *testing.T) {
	w := newWorld(t)
	fill(t, w.docs(), 11)
	w.mustRun()
	empty(t, w.docs(), 11)
	report := w.mustRun()
	if report.HeldBack != 11 || len(report.Warnings) != 1 {
		t.Errorf("the index keeps what the only source had, with one warning: %s", report)
	}
}

func TestTenDocumentsMayAlwaysVanish(t *testing.T) {
	w := newWorld(t)
	fill(t, w.docs(), 12)
	w.mustRun()
	empty(t, w.docs(), 10)
	if report := w.mustRun(); report.Removed != 10 || report.HeldBack != 0 {
		t.Errorf("ten of twelve go: %s", report)
	}
}

func TestMaxPruneOfTheConfig(t *testing.T) {
	w := newWorld(t)
	w.config.Prune.Max = &config.Share{Number: 2}
	fill(t, w.docs(), 20)
	w.mustRun()
	empty(t, w.docs(), 3)
	if report := w.mustRun(); report.Removed != 0 || report.HeldBack != 3 {
		t.Errorf("three are more than two: %s", report)
	}
	w.config.Prune.Max = &config.Share{Number: 15, Percent: true}
	if report := w.mustRun(); report.Removed != 3 {
		t.Errorf("three of twenty are no more than 15%%: %s", report)
	}
}

func TestWithoutPruneWhatVanishedStays(t *testing.T) {
	w := newWorld(t)
	w.config.Prune.Off = true
	fill(t, w.docs(), 3)
	w.mustRun()
	empty(t, w.docs(), 2)
	report := w.mustRun()
	if report.Kept != 2 || report.Removed != 0 || len(report.Warnings) != 0 {
		t.Errorf("two are kept, as the config wants: %s", report)
	}
	w.options.ConfirmPrune = true
	if report := w.mustRun(); report.Kept != 2 {
		t.Errorf("there is nothing to confirm: %s", report)
	}
}

// A user who takes a source out of the spec wants its documents gone, whatever their number.
func TestRemovingASourceIsConsent(t *testing.T) {
	w := newWorld(t)
	other := w.add("other")
	w.write("a.md", "A text.")
	fill(t, other, 20)
	w.mustRun()
	w.config.Sources = w.config.Sources[:1]
	w.config.Prune.Off = true
	if report := w.mustRun(); report.Removed != 20 || report.HeldBack+report.Kept != 0 {
		t.Errorf("all twenty go: %s", report)
	}
}

// forgetful is an index that still has something of documents, after so many times that it was asked.
type forgetful struct {
	Index
	times   int
	removed []string
}

func (f *forgetful) Left(ctx context.Context, documents []string) ([]string, error) {
	if f.times--; f.times >= 0 {
		return documents[:1], nil
	}
	return f.Index.Left(ctx, documents)
}

func (f *forgetful) Remove(ctx context.Context, documents []string) (int, error) {
	f.removed = append(f.removed, documents...)
	return f.Index.Remove(ctx, documents)
}

func TestARemovalIsProved(t *testing.T) {
	for name, c := range map[string]struct {
		times   int
		removed []string
		proved  bool
	}{
		"at once":                       {0, []string{"docs/000.md", "docs/001.md"}, true},
		"after it was repeated":         {1, []string{"docs/000.md", "docs/001.md", "docs/000.md"}, true},
		"never: the store lost a write": {2, []string{"docs/000.md", "docs/001.md", "docs/000.md"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			fill(t, w.docs(), 3)
			w.mustRun()
			before := w.stats().Completed
			empty(t, w.docs(), 2)
			var store *forgetful
			w.wrap = func(i Index) Index { store = &forgetful{Index: i, times: c.times}; return store }
			report, err := w.run()
			if diff := cmp.Diff(c.removed, store.removed); diff != "" {
				t.Errorf("removed (-want +got):\n%s", diff)
			}
			if !c.proved {
				if !errors.Is(err, index.ErrUnproved) || report.Reason != config.RemovalUnproved || w.stats().Completed != before {
					t.Errorf("a run whose removal is not proved ends with %v, %s", err, report.Reason)
				}
				return
			}
			if proof := report.Synced.Removed; err != nil || proof.Documents != 2 || proof.VerifiedAt.IsZero() {
				t.Errorf("the run ends with %v and the proof %+v", err, proof)
			}
			w.wrap = nil
			if again := w.mustRun(); again.Synced.Removed != report.Synced.Removed {
				t.Errorf("the next run forgets the proof: %+v", again.Synced.Removed)
			}
		})
	}
}

// interrupted is an index whose last process died while it removed a document.
type interrupted struct {
	Index
	begun []string
}

func (i *interrupted) Unremoved(context.Context) ([]string, error) { return i.begun, nil }

func TestABegunRemovalIsEnded(t *testing.T) {
	w := newWorld(t)
	fill(t, w.docs(), 2)
	w.mustRun()
	store := w.open()
	if _, err := store.Remove(t.Context(), []string{"docs/000.md"}); err != nil {
		t.Fatal(err)
	}
	store.Close()
	empty(t, w.docs(), 1)
	var seen *forgetful
	w.wrap = func(i Index) Index {
		seen = &forgetful{Index: &interrupted{i, []string{"docs/000.md"}}}
		return seen
	}
	report := w.mustRun()
	if diff := cmp.Diff([]string{"docs/000.md"}, seen.removed); diff != "" || report.Synced.Removed.Documents != 1 {
		t.Errorf("the removal is ended and proved: %+v; removed (-want +got):\n%s", report.Synced.Removed, diff)
	}
}
