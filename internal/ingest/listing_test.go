package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// endless lists so many documents whose versions are exact, as an object store's are, and holds none of them.
type endless struct{ documents int }

func (e endless) entry(i int) source.Entry {
	return source.Entry{Path: fmt.Sprintf("%03d/%07d.txt", i/1000, i), Size: 10, Version: "1", Exact: true}
}

func (e endless) List(ctx context.Context, yield func(source.Entry) bool) error {
	for i := range e.documents {
		if !yield(e.entry(i)) {
			break
		}
	}
	return ctx.Err()
}

func (endless) Open(context.Context, source.Entry) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader([]byte("text"))), nil
}

// recorded is an index whose ledger has every document of the source, and as many more that vanished from it.
type recorded struct {
	Index
	source  endless
	removed int
}

func (r *recorded) row(i int) index.Row {
	row := index.Row{Source: "docs", State: index.Indexed, Hash: "h", Version: "1", Readers: config.AllReaders(), Chunks: 1}
	if i < r.source.documents {
		row.Document = "docs/" + r.source.entry(i).Path
	} else {
		row.Document = fmt.Sprintf("docs/gone/%07d.txt", i)
	}
	return row
}

func (r *recorded) Documents(_ context.Context, after string, limit int) (rows []index.Row, err error) {
	first := 0
	if after != "" {
		if _, err := fmt.Sscanf(after[len(after)-len("0000000.txt"):], "%07d.txt", &first); err != nil {
			return nil, err
		}
		first++
	}
	for i := first; i < 2*r.source.documents && len(rows) < limit; i++ {
		rows = append(rows, r.row(i))
	}
	return rows, nil
}

func (r *recorded) Remove(_ context.Context, documents []string) (int, error) {
	r.removed += len(documents)
	return len(documents), nil
}

func (r *recorded) Left(context.Context, []string) ([]string, error) { return nil, nil }

// BenchmarkList walks listings of other lengths beside ledgers of twice as many rows, of which half have vanished, with
// one worker and with one of eight. It reports the documents listed in a second, and the most memory that the run
// needed beyond what there was before: it is that of the names that vanished, which one removal proves together.
func BenchmarkList(b *testing.B) {
	for _, documents := range []int{10_000, 100_000} {
		for _, workers := range []int{1, 8} {
			b.Run(fmt.Sprintf("%d-documents-%d-workers", documents, workers), func(b *testing.B) {
				var peak, before runtime.MemStats
				for b.Loop() {
					w := newWorld(b)
					store := w.open()
					o, err := parts(w.config, Options{ConfirmPrune: true})
					if err != nil {
						b.Fatal(err)
					}
					index := &recorded{Index: store, source: endless{documents}}
					o.Sources, o.Index = []source.Source{index.source}, index
					if workers > 1 {
						board := &board{Store: store, marks: map[string]map[int][]byte{}}
						o.Team = &Team{Share: share(workers), Run: "run", Index: board.as(0)}
					}
					runtime.GC()
					runtime.ReadMemStats(&before)
					o.Progress = func(p config.Progress) {
						if now := new(runtime.MemStats); p.DocumentsDone%1000 == 0 {
							if runtime.ReadMemStats(now); now.HeapAlloc > peak.HeapAlloc {
								peak = *now
							}
						}
					}
					if _, err := Run(b.Context(), o); err != nil {
						b.Fatal(err)
					}
					if index.removed == 0 {
						b.Fatal("nothing was removed")
					}
					store.Close()
				}
				b.ReportMetric(float64(documents)*float64(b.N)/b.Elapsed().Seconds(), "docs/s")
				b.ReportMetric(float64(peak.HeapAlloc-before.HeapAlloc)/(1<<20), "peak-MiB")
			})
		}
	}
}

func share(workers int) index.Share { return index.Share{Worker: 0, Workers: workers} }

func TestWhatADocumentWasIsKeptOnlyWhileItsPresentIsNotSeen(t *testing.T) {
	tests := map[string]struct {
		spoil    func(t *testing.T, path string)
		want     string
		reason   config.Reason
		searched int
	}{
		"content that turned bad replaces what was good": {
			spoil:  func(t *testing.T, path string) { writeFile(t, path, "") },
			want:   "Malformed",
			reason: config.Malformed,
		},
		"content that cannot be read leaves what was good": {
			spoil: func(t *testing.T, path string) {
				if err := errors.Join(os.Remove(path), os.Symlink("nowhere", path)); err != nil {
					t.Fatal(err)
				}
			},
			want:     "Indexed",
			reason:   config.Unreadable,
			searched: 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("good.md", "Some text.")
			w.write("turning.md", "Good text.")
			w.mustRun()
			tt.spoil(t, filepath.Join(w.docs(), "turning.md"))
			for range 2 { // and again: a failure does not become a success by itself
				report := w.mustRun()
				if report.Failed != 1 || report.Reasons[tt.reason] != 1 || report.Indexed != 1+tt.searched || report.Chunks != 1+tt.searched {
					t.Errorf("report %+v", report)
				}
			}
			if got := w.states()["docs/turning.md"]; got != tt.want {
				t.Errorf("ledger says %s, want %s", got, tt.want)
			}
			if got := len(w.chunks()); got != 1+tt.searched {
				t.Errorf("%d chunks, want %d", got, 1+tt.searched)
			}
		})
	}
}

func TestSourcesThatAreNotListedWholeLoseNothing(t *testing.T) {
	w := newWorld(t)
	other := w.add("other")
	w.write("a.md", "Text a.")
	w.write("b.md", "Text b.")
	writeFile(t, filepath.Join(other, "c.md"), "Text c.")
	writeFile(t, filepath.Join(other, "d.md"), "Text d.")
	w.mustRun()

	// One document goes from each source, and one source cannot be listed.
	if err := errors.Join(os.Remove(filepath.Join(w.docs(), "b.md")), os.Rename(other, other+".away")); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(w.docs(), "e.md"), "Text e.")
	report, err := w.run()
	if !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("got error %v, want ErrIncomplete that names the source", err)
	}
	if report.Removed != 1 || report.Added != 1 || len(report.Warnings) != 1 || report.Error == "" {
		t.Errorf("report %+v", report)
	}
	want := map[string]string{"docs/a.md": "Indexed", "docs/e.md": "Indexed", "other/c.md": "Indexed", "other/d.md": "Indexed"}
	if diff := cmp.Diff(want, w.states()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}

	// A source that is not in the config any more goes with all it had.
	w.config.Sources = w.config.Sources[:1]
	if report := w.mustRun(); report.Removed != 2 {
		t.Errorf("removed %d, want 2", report.Removed)
	}
}

func TestNothingButSourcesThatCannotBeListed(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "Text a.")
	w.mustRun()
	if err := os.RemoveAll(w.docs()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.run(); !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got error %v, want ErrIncomplete that says why", err)
	}
	if len(w.rows()) != 1 {
		t.Error("the document was lost")
	}
}

// A live generation follows its sources to nothing, and says so; it does not fail.
func TestSourcesThatBecameEmptyAreFollowed(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "Text a.")
	w.mustRun()
	complete := w.stats().Completed
	if err := os.Remove(filepath.Join(w.docs(), "a.md")); err != nil {
		t.Fatal(err)
	}
	for run, removed := range []int{1, 0} {
		report := w.mustRun()
		if report.Removed != removed || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "no documents any more") {
			t.Errorf("run %d: removed %d, warnings %q", run, report.Removed, report.Warnings)
		}
	}
	if stats := w.stats(); stats.Chunks != 0 || !stats.Completed.After(complete) {
		t.Errorf("stats %+v: want nothing in it, and complete anew", stats)
	}
}
