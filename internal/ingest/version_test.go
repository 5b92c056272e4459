package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// remote is a source whose documents have versions. It tells them in its listing, or only when it is asked for a
// document, as HTTP does.
type remote struct {
	documents map[string]revision
	lazily    bool
	down      error
	opened    []string // since the last run
	asked     int
}

type revision struct {
	version, text string
	gone          bool
}

func (r *remote) List(_ context.Context, yield func(source.Entry) bool) error {
	for _, path := range slices.Sorted(maps.Keys(r.documents)) {
		e := source.Entry{Path: path, Size: source.UnknownSize}
		if d := r.documents[path]; !r.lazily {
			e.Size, e.Version, e.Exact = int64(len(d.text)), d.version, true
		}
		if !yield(e) {
			return nil
		}
	}
	return nil
}

func (r *remote) Open(_ context.Context, e source.Entry) (io.ReadCloser, error) {
	d := r.documents[e.Path]
	r.asked++
	switch {
	case r.down != nil:
		return nil, fmt.Errorf("%w: %w", source.ErrUnavailable, r.down)
	case d.gone:
		return nil, source.ErrGone
	case r.lazily && e.Known == d.version:
		return nil, source.ErrUnchanged
	}
	r.opened = append(r.opened, e.Path)
	return described{io.NopCloser(strings.NewReader(d.text)), d.version}, nil
}

type described struct {
	io.ReadCloser
	version string
}

func (d described) Describe() source.Description {
	return source.Description{Version: d.version, Extension: ".md"}
}

// newRemoteWorld has a remote source of two documents, and no readers that would race.
func newRemoteWorld(t *testing.T, lazily bool) (*world, *remote) {
	w := newWorld(t)
	r := &remote{lazily: lazily, documents: map[string]revision{
		"a": {version: "1", text: "# Apples\n\nApples are red."},
		"b": {version: "1", text: "# Pears\n\nPears are green."},
	}}
	w.options.Sources, w.options.Workers = []source.Source{r}, 1
	return w, r
}

func TestADocumentOfAKnownVersionIsNotOpened(t *testing.T) {
	for name, lazily := range map[string]bool{"listed": false, "asked for": true} {
		t.Run(name, func(t *testing.T) {
			w, r := newRemoteWorld(t, lazily)
			for _, step := range []struct {
				name   string
				change func()
				opened []string
				want   *Report
			}{
				{"the first run", func() {}, []string{"a", "b"}, &Report{Listed: 2, Added: 2, Indexed: 2, Chunks: 2, Embedded: 2}},
				{"nothing changed", func() {}, nil, &Report{Listed: 2, Unchanged: 2, Indexed: 2, Chunks: 2}},
				{"another version of the same bytes", func() {
					r.documents["a"] = revision{version: "2", text: r.documents["a"].text}
				}, []string{"a"}, &Report{Listed: 2, Unchanged: 2, Indexed: 2, Chunks: 2}},
				{"which is known then", func() {}, nil, &Report{Listed: 2, Unchanged: 2, Indexed: 2, Chunks: 2}},
				{"another text", func() {
					r.documents["b"] = revision{version: "2", text: "# Pears\n\nPears are yellow."}
				}, []string{"b"}, &Report{Listed: 2, Unchanged: 1, Changed: 1, Indexed: 2, Chunks: 2, Embedded: 1}},
				{"other metadata of the source", func() {
					w.config.Sources[0].Metadata = config.Metadata{"team": config.Text("fruit")}
				}, []string{"a", "b"}, &Report{Listed: 2, Changed: 2, Indexed: 2, Chunks: 2, Reused: 2}},
			} {
				step.change()
				r.opened = nil
				report := w.mustRun()
				if diff := cmp.Diff(step.want, report, counts); diff != "" {
					t.Errorf("%s: report (-want +got):\n%s", step.name, diff)
				}
				if diff := cmp.Diff(step.opened, r.opened); diff != "" {
					t.Errorf("%s: opened (-want +got):\n%s", step.name, diff)
				}
			}
			if got := w.chunks()[0]; got.Title != "Apples" {
				t.Errorf("it was not read as the Markdown that the source says it is: %+v", got)
			}
		})
	}
}

// A file whose size and time are those of the ledger may have changed all the same.
func TestAFileIsReadWhateverItsVersion(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "Apples are red.")
	if read := w.mustRun().Bytes; read == 0 {
		t.Fatal("the first run read nothing")
	}
	if report := w.mustRun(); report.Bytes == 0 || report.Unchanged != 1 {
		t.Errorf("the second run: %+v", report)
	}
}

func TestADocumentThatIsGoneWhenItIsAskedForIsRemoved(t *testing.T) {
	w, r := newRemoteWorld(t, true)
	r.documents["c"] = revision{gone: true}
	if report := w.mustRun(); report.Added != 2 || report.Failed != 1 {
		t.Errorf("the first run: %+v", report)
	}
	r.documents["a"] = revision{gone: true}
	if report := w.mustRun(); report.Removed != 1 || report.Unchanged != 1 || report.Failed != 1 {
		t.Errorf("the second run: %+v", report)
	}
	want := map[string]string{"docs/b": "Indexed", "docs/c": string(config.Unreadable)}
	if diff := cmp.Diff(want, w.states()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

func TestASourceThatGivesNoDocumentIsIncomplete(t *testing.T) {
	w, r := newRemoteWorld(t, true)
	w.mustRun()
	before := w.rows()
	r.down = errors.New("connection refused")
	r.documents["a"] = revision{version: "2", text: "Apples are blue."}
	delete(r.documents, "b")
	_, err := w.run()
	if !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), `source "docs"`) ||
		!strings.Contains(err.Error(), "connection refused") {
		t.Errorf("the run gave %v", err)
	}
	if diff := cmp.Diff(before, w.rows()); diff != "" {
		t.Errorf("the ledger changed (-want +got):\n%s", diff)
	}
	r.down = nil
	if report := w.mustRun(); report.Changed != 1 || report.Removed != 1 {
		t.Errorf("the run after it: %+v", report)
	}
}

// A source that has failed for long, whichever document it was asked for, is asked for no more in that run.
func TestASourceThatFailsForLongIsGivenUp(t *testing.T) {
	w, r := newRemoteWorld(t, true)
	for i := range 5 * leastInVain {
		r.documents[fmt.Sprintf("%03d", i)] = revision{version: "1", text: fmt.Sprintf("# Plum %d\n\nPlums are blue.", i)}
	}
	w.mustRun()
	r.down, r.asked = errors.New("no route"), 0
	w.options.Outage = time.Nanosecond
	report, err := w.run()
	if !errors.Is(err, ErrIncomplete) || report.Failed != len(r.documents) || r.asked != leastInVain {
		t.Errorf("the run asked %d times: %v, %+v", r.asked, err, report)
	}
	if kept := w.stats().Documents; kept != len(r.documents) {
		t.Errorf("the index keeps %d documents of %d", kept, len(r.documents))
	}
	r.down = nil
	if report := w.mustRun(); report.Unchanged != len(r.documents) {
		t.Errorf("once it is up again: %+v", report)
	}
}
