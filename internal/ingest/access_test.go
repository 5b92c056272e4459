package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// access is who may see each document of the ledger; the chunks must have the same.
func (w *world) access() map[string]config.Access {
	w.t.Helper()
	all := map[string]config.Access{}
	for document, metadata := range w.metadata() {
		all[document] = metadata.Access()
	}
	return all
}

func limitedTo(groups string) string { return `{"metadataAttributes": {"access": ` + groups + `}}` }

func TestASidecarNarrowsItsSourcesGroups(t *testing.T) {
	for name, tc := range map[string]struct {
		source  config.Access
		sidecar string // lists groups; empty has none
		want    config.Access
	}{
		"nothing":                     {nil, "", nil},
		"the source's":                {config.Access{"it", "hr"}, "", config.Access{"hr", "it"}},
		"the sidecar's":               {nil, `["hr"]`, config.Access{"hr"}},
		"what both have":              {config.Access{"hr", "it"}, `["hr", "everyone"]`, config.Access{"hr"}},
		"a sidecar that only widens":  {config.Access{"hr"}, `["everyone"]`, config.Access{}},
		"a sidecar that lets nobody":  {config.Access{"hr"}, `[]`, config.Access{}},
		"nobody, of an open source":   {nil, `[]`, config.Access{}},
		"a group that is there twice": {nil, `["hr", "hr"]`, config.Access{"hr"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.config.Sources[0].Access = tc.source
			w.write("a.md", "---\naccess: [everyone]\n---\nSome text.")
			if tc.sidecar != "" {
				w.write("a.md.metadata.json", limitedTo(tc.sidecar))
			}
			w.mustRun()
			if diff := cmp.Diff(map[string]config.Access{"docs/a.md": tc.want}, w.access()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAChangeOfAccessEmbedsNothing(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "Some text.")
	w.write("b.md", "Other text.")
	w.mustRun()
	for _, step := range []struct {
		name   string
		change func()
		want   config.Access
	}{
		{"by a sidecar", func() { w.write("a.md.metadata.json", limitedTo(`["hr", "it"]`)) }, config.Access{"hr", "it"}},
		{"by the source", func() { w.config.Sources[0].Access = config.Access{"it"} }, config.Access{"it"}},
		{"by the source again", func() { w.config.Sources[0].Access = config.Access{"ops"} }, config.Access{}},
		{"back", func() { w.config.Sources[0].Access = nil }, config.Access{"hr", "it"}},
		{"without the sidecar", func() { os.Remove(filepath.Join(w.docs(), "a.md.metadata.json")) }, nil},
	} {
		step.change()
		report := w.mustRun()
		if report.Embedded != 0 || w.server.requests != 0 || report.Changed == 0 {
			t.Errorf("%s: %d changed, %d chunks embedded", step.name, report.Changed, report.Embedded)
		}
		if diff := cmp.Diff(step.want, w.access()["docs/a.md"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
	}
}

// A document that fails is in the ledger, whose rows are shown to callers.
func TestAFailedDocumentIsAsHiddenAsItsText(t *testing.T) {
	w := newWorld(t)
	w.config.Sources[0].Access = config.Access{"hr", "it"}
	w.write("plain.pdf", "not a PDF")
	w.write("narrow.pdf", "not a PDF")
	w.write("narrow.pdf.metadata.json", limitedTo(`["hr"]`))
	w.write("faulty.md", "Some text.")
	w.write("faulty.md.metadata.json", limitedTo(`"`))
	for range 2 {
		_, _ = w.run() // tells that everything failed
		want := map[string]config.Access{"docs/plain.pdf": {"hr", "it"}, "docs/narrow.pdf": {"hr"}, "docs/faulty.md": {}}
		if diff := cmp.Diff(want, w.access()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// flaky is a source of one document with a sidecar, each of which may fail to open.
type flaky struct {
	access           string // is the sidecar's list
	document, beside error
	version          string
}

func (f *flaky) List(_ context.Context, yield func(source.Entry) bool) error {
	yield(source.Entry{Path: "a.md", Size: source.UnknownSize, Version: f.version,
		Sidecar: &source.Entry{Path: "a.md.metadata.json", Size: source.UnknownSize, Version: f.version}})
	return nil
}

func (f *flaky) Open(_ context.Context, e source.Entry) (io.ReadCloser, error) {
	text, err := "Some text.", f.document
	if e.Path != "a.md" {
		text, err = limitedTo(f.access), f.beside
	}
	return io.NopCloser(strings.NewReader(text)), err
}

// A version that stays in the index because the present one cannot be read is not shown to groups that may not see that.
func TestAVersionThatStaysIsShownToNoOtherGroups(t *testing.T) {
	broken, down := errors.New("input/output error"), fmt.Errorf("%w: no route", source.ErrUnavailable)
	for name, tc := range map[string]struct {
		now    flaky
		source config.Access
		stays  bool
	}{
		"the document is broken":                   {flaky{access: `["hr", "it"]`, document: broken}, nil, true},
		"and was to be shown to more":              {flaky{access: `["hr", "it", "ops"]`, document: broken}, nil, true},
		"and was to be shown to fewer":             {flaky{access: `["hr"]`, document: broken}, nil, false},
		"the sidecar is broken":                    {flaky{beside: broken}, nil, false},
		"the sidecar is gone":                      {flaky{beside: source.ErrGone}, nil, false},
		"the source is down":                       {flaky{document: down, beside: down}, nil, true},
		"the source is down and its groups fewer":  {flaky{document: down, beside: down}, config.Access{"it"}, false},
		"the document is broken, the groups fewer": {flaky{access: `["hr", "it"]`, document: broken}, config.Access{"hr"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			f := &flaky{access: `["hr", "it"]`, version: "1"}
			w.options.Sources = []source.Source{f}
			w.mustRun()
			*f, w.config.Sources[0].Access = tc.now, tc.source
			f.version = "2"
			_, _ = w.run() // may tell that everything failed
			if got := w.states()["docs/a.md"] == "Indexed"; got != tc.stays || (len(w.chunks()) > 0) != tc.stays {
				t.Errorf("the version that was read stays: %v, want %v; %v", got, tc.stays, w.states())
			}
			if !tc.stays {
				if got := w.access()["docs/a.md"]; got == nil {
					t.Error("everybody is told of the document")
				}
			}
		})
	}
}

// The row of such a document has no groups, and so everybody would be told of the document.
func TestADocumentThatAnEarlierVersionRefusedForItsAccessIsReadAgain(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "Some text.")
	w.write("a.md.metadata.json", limitedTo(`["hr"]`))
	w.mustRun()
	store := w.open()
	row, err := store.Row(t.Context(), "docs/a.md")
	if err != nil {
		t.Fatal(err)
	}
	row.State, row.Chunks, row.Metadata, row.Attempts = index.Failed, 0, nil, config.MaxAttempts
	row.Reason, row.Message = config.Unsupported, accessRefusal+": remove access, or the document"
	row.Readers = config.AllReaders()
	if err := store.Put(t.Context(), *row, nil); err != nil {
		t.Fatal(err)
	}
	store.Close()
	w.mustRun()
	if diff := cmp.Diff(map[string]config.Access{"docs/a.md": {"hr"}}, w.access()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := w.states()["docs/a.md"]; got != "Indexed" {
		t.Errorf("the document is %s", got)
	}
}

// unlistable is a source that is down, or empty.
type unlistable struct {
	source.Source
	down error
}

func (u unlistable) List(context.Context, func(source.Entry) bool) error { return u.down }

// What keeps documents that no listing has does not keep those that the source's own groups now hide from somebody.
func TestADocumentInNoListingIsShownToNoOtherGroups(t *testing.T) {
	hr, both := config.Access{"hr"}, config.Access{"hr", "it"}
	down := fmt.Errorf("%w: no route", source.ErrUnavailable)
	for name, tc := range map[string]struct {
		first, now config.Access
		source     unlistable
		prune      config.Prune
		stays      []string
	}{
		"the source is down":                       {both, both, unlistable{down: down}, config.Prune{}, []string{"docs/a.md", "docs/b.md"}},
		"and its groups are more":                  {hr, both, unlistable{down: down}, config.Prune{}, []string{"docs/a.md", "docs/b.md"}},
		"and its groups are fewer":                 {both, hr, unlistable{down: down}, config.Prune{}, []string{"docs/b.md"}},
		"and it was open":                          {nil, hr, unlistable{down: down}, config.Prune{}, []string{"docs/b.md"}},
		"nothing is pruned":                        {both, both, unlistable{}, config.Prune{Off: true}, []string{"docs/a.md", "docs/b.md"}},
		"nothing is pruned, and the groups fewer":  {both, hr, unlistable{}, config.Prune{Off: true}, []string{"docs/b.md"}},
		"too much vanished, and the groups others": {both, config.Access{"ops"}, unlistable{}, config.Prune{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.config.Sources[0].Access = tc.first
			w.write("a.md", "Some text.")
			w.write("b.md", "Other text.")
			w.write("b.md.metadata.json", limitedTo(`["hr"]`))
			w.mustRun()

			w.options.Sources = []source.Source{tc.source}
			w.config.Sources[0].Access, w.config.Prune = tc.now, tc.prune
			report, _ := w.run() // may tell that the source could not be listed
			if diff := cmp.Diff(tc.stays, slices.Sorted(maps.Keys(w.states()))); diff != "" {
				t.Errorf("the index keeps (-want +got):\n%s", diff)
			}
			if n := 2 - len(tc.stays); report.Removed != n || (n > 0) != strings.Contains(fmt.Sprint(report.Warnings), "more callers") {
				t.Errorf("the report tells of %d removed documents, want %d: %v", report.Removed, n, report.Warnings)
			}
		})
	}
}
