package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// shelf is a source that lists given paths.
type shelf struct {
	paths []string
	err   error
}

func (s shelf) List(_ context.Context, yield func(source.Entry) bool) error {
	for _, p := range s.paths {
		if !yield(source.Entry{Path: p}) {
			return nil
		}
	}
	return s.err
}

func (s shelf) Open(context.Context, source.Entry) (io.ReadCloser, error) {
	return nil, errors.New("nothing to open")
}

// rowsOnly is a ledger whose pages are short, and which has rows written to it while it is read.
type rowsOnly struct {
	Index
	rows map[string]index.Row
	page int
}

func (r *rowsOnly) Documents(_ context.Context, after string, limit int) ([]index.Row, error) {
	var page []index.Row
	for _, d := range slices.Sorted(maps.Keys(r.rows)) {
		if d > after && len(page) < min(limit, r.page) {
			page = append(page, r.rows[d])
		}
	}
	return page, nil
}

// listAll lists the shelves against the ledger, writing a row for each document at once, as a quick run would.
func listAll(t *testing.T, ledger *rowsOnly, shelves map[string]shelf) (*run, map[string]bool, error) {
	t.Helper()
	o := Options{Index: ledger}
	for name, s := range shelves {
		o.Config.Sources = append(o.Config.Sources, config.Source{Name: name})
		o.Sources = append(o.Sources, s)
	}
	o, err := o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRun(o)
	if err != nil {
		t.Fatal(err)
	}
	jobs := make(chan job)
	before := map[string]bool{} // document -> it had a row
	done := make(chan struct{})
	go func() {
		defer close(done)
		for j := range jobs {
			before[j.id] = j.previous != nil
		}
	}()
	// The ledger is written between two listed documents, from the listing's own goroutine.
	for _, o := range r.origins {
		o.Source = writing{o.Source, func(path string) {
			ledger.rows[o.document(path)] = index.Row{Document: o.document(path), Source: o.name}
		}}
	}
	err = r.list(t.Context(), jobs)
	close(jobs)
	<-done
	return r, before, err
}

// writing calls write for a document after it was yielded.
type writing struct {
	source.Source
	write func(path string)
}

func (w writing) List(ctx context.Context, yield func(source.Entry) bool) error {
	return w.Source.List(ctx, func(e source.Entry) bool {
		more := yield(e)
		w.write(e.Path)
		return more
	})
}

func ledgerOf(page int, documents ...string) *rowsOnly {
	l := &rowsOnly{rows: map[string]index.Row{}, page: page}
	for _, d := range documents {
		name, _, _ := strings.Cut(d, "/")
		l.rows[d] = index.Row{Document: d, Source: name}
	}
	return l
}

func TestListingAgainstLedger(t *testing.T) {
	tests := map[string]struct {
		ledger  []string
		shelves map[string]shelf
		before  map[string]bool
		gone    map[string][]string
	}{
		"an empty ledger": {
			shelves: map[string]shelf{"a": {paths: []string{"1", "2", "3"}}},
			before:  map[string]bool{"a/1": false, "a/2": false, "a/3": false},
		},
		"empty sources": {
			ledger:  []string{"a/1", "a/2", "b/1"},
			shelves: map[string]shelf{"a": {}},
			gone:    map[string][]string{"a": {"a/1", "a/2"}, "b": {"b/1"}},
		},
		"new, kept and gone": {
			ledger:  []string{"a/2", "a/3", "a/5"},
			shelves: map[string]shelf{"a": {paths: []string{"1", "3", "4"}}},
			before:  map[string]bool{"a/1": false, "a/3": true, "a/4": false},
			gone:    map[string][]string{"a": {"a/2", "a/5"}},
		},
		"names that sort otherwise than their documents": {
			ledger:  []string{"a-b/1", "a/1"},
			shelves: map[string]shelf{"a": {paths: []string{"1"}}, "a-b": {paths: []string{"1"}}},
			before:  map[string]bool{"a/1": true, "a-b/1": true},
		},
	}
	for name, tt := range tests {
		for page := 1; page <= 4; page++ {
			t.Run(fmt.Sprintf("%s, pages of %d", name, page), func(t *testing.T) {
				r, before, err := listAll(t, ledgerOf(page, tt.ledger...), tt.shelves)
				if err != nil {
					t.Fatal(err)
				}
				if len(before) > 0 || len(tt.before) > 0 {
					if diff := cmp.Diff(tt.before, before); diff != "" {
						t.Errorf("listed, and whether in the ledger (-want +got):\n%s", diff)
					}
				}
				if len(r.gone) > 0 || len(tt.gone) > 0 {
					if diff := cmp.Diff(tt.gone, r.gone); diff != "" {
						t.Errorf("gone (-want +got):\n%s", diff)
					}
				}
			})
		}
	}
}

// Whatever the sets: what is gone is the ledger less the listing, also while rows are being written.
func TestListingAgainstLedgerAtRandom(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 500 {
		var listed, ledger []string
		want := []string{}
		before := map[string]bool{}
		for i := range random.IntN(40) {
			path := fmt.Sprintf("%02d", i)
			inList, inLedger := random.IntN(2) == 0, random.IntN(2) == 0
			if inList {
				listed = append(listed, path)
				before["a/"+path] = inLedger
			}
			if inLedger {
				ledger = append(ledger, "a/"+path)
			}
			if inLedger && !inList {
				want = append(want, "a/"+path)
			}
		}
		r, got, err := listAll(t, ledgerOf(1+random.IntN(5), ledger...), map[string]shelf{"a": {paths: listed}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, append([]string{}, r.gone["a"]...)); diff != "" {
			t.Fatalf("round %d, listed %v, ledger %v: gone (-want +got):\n%s", round, listed, ledger, diff)
		}
		if diff := cmp.Diff(before, got); diff != "" {
			t.Fatalf("round %d: listed (-want +got):\n%s", round, diff)
		}
	}
}

func TestListingOutOfOrderIsRefused(t *testing.T) {
	for name, paths := range map[string][]string{"backwards": {"b", "a"}, "twice": {"a", "a"}} {
		if _, _, err := listAll(t, ledgerOf(3, "a/a", "a/b"), map[string]shelf{"a": {paths: paths}}); err == nil || !strings.Contains(err.Error(), "order") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

// A retained generation's model may be retired before it. Then what is deleted is still deleted there.
func TestUpkeepRemovesWhatIsGoneWithoutTheEmbeddingModel(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"a.md", "b.md", "c.md"} {
		w.write(name, "a text of "+name)
	}
	w.mustRun()
	w.write("a.md", "another text of a.md")
	if err := os.Remove(filepath.Join(w.docs(), "b.md")); err != nil {
		t.Fatal(err)
	}
	w.server.fault = func([]string) (int, string) { return http.StatusGone, "the model is retired" }
	for _, upkeep := range []bool{false, true} {
		w.config.Upkeep = upkeep
		report, err := w.run()
		if model.FailureOf(err) != config.ModelRetired || report.Reason != config.ModelRetired {
			t.Fatalf("upkeep %t: the run gave %v", upkeep, err)
		}
		want := map[string]string{"docs/a.md": "Indexed", "docs/b.md": "Indexed", "docs/c.md": "Indexed"}
		if upkeep {
			delete(want, "docs/b.md")
		}
		if diff := cmp.Diff(want, w.states()); diff != "" {
			t.Errorf("upkeep %t (-want +got):\n%s", upkeep, diff)
		}
	}
}
