package ingest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// synced is what the index has of the sources after the last run.
func (w *world) synced() config.Synced {
	w.t.Helper()
	return w.stats().Measured.Synced
}

var withoutTimes = cmpopts.IgnoreTypes(time.Time{})

func TestTheIndexKeepsTheCountsOfEachSource(t *testing.T) {
	w := newWorld(t)
	other := w.add("other")
	fill(t, w.docs(), 30)
	fill(t, other, 12)
	writeFile(t, filepath.Join(other, "empty.md"), " ")
	w.mustRun()
	want := []config.SourceSync{
		{Name: "docs", Documents: 30, Scanned: 30, Added: 30},
		{Name: "other", Documents: 12, Scanned: 13, Added: 12, Failed: 1},
	}
	if diff := cmp.Diff(want, w.synced().Sources, withoutTimes); diff != "" {
		t.Errorf("after the first run (-want +got):\n%s", diff)
	}

	empty(t, w.docs(), 20)
	empty(t, other, 3)
	writeFile(t, filepath.Join(other, "005.md"), "Another text.")
	writeFile(t, filepath.Join(other, "new.md"), "A new text.")
	report := w.mustRun()
	want = []config.SourceSync{
		{Name: "docs", Documents: 30, Scanned: 10, Unchanged: 10, HeldBack: 20},
		{Name: "other", Documents: 10, Scanned: 11, Added: 1, Changed: 1, Unchanged: 8, Failed: 1, Removed: 3},
	}
	if diff := cmp.Diff(want, w.synced().Sources, withoutTimes); diff != "" {
		t.Errorf("after the second run (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(w.synced(), report.Synced); diff != "" {
		t.Errorf("the report has others (-index +report):\n%s", diff)
	}
}

// A source that cannot be listed keeps its documents and the time of its last success, the others go on, and it heals
// by itself.
func TestASourceThatFailsStopsNoOther(t *testing.T) {
	w := newWorld(t)
	other := w.add("other")
	fill(t, w.docs(), 3)
	fill(t, other, 3)
	w.mustRun()
	before := w.synced().Sources
	if before[0].LastSuccess.IsZero() {
		t.Fatal("a success has no time")
	}

	away := w.docs() + ".away"
	if err := os.Rename(w.docs(), away); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(other, "new.md"), "A new text.")
	if _, err := w.run(); err == nil {
		t.Fatal("a run that could not list a source succeeded")
	}
	after := w.synced().Sources
	if s := after[0]; s.Documents != 3 || !strings.Contains(s.Error, "does not exist") || !s.LastSuccess.Equal(before[0].LastSuccess) {
		t.Errorf("of the source that failed the index has %+v", s)
	}
	if s := after[1]; s.Documents != 4 || s.Added != 1 || s.Error != "" {
		t.Errorf("of the other the index has %+v", s)
	}

	if err := os.Rename(away, w.docs()); err != nil {
		t.Fatal(err)
	}
	w.mustRun()
	if s := w.synced().Sources[0]; s.Error != "" || s.Documents != 3 || s.Unchanged != 3 {
		t.Errorf("once it is back the index has %+v", s)
	}

	if err := os.RemoveAll(w.docs()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(other); err != nil {
		t.Fatal(err)
	}
	if _, err := w.run(); err == nil {
		t.Fatal("a run that could list no source succeeded")
	}
	for _, s := range w.synced().Sources {
		if s.Error == "" || s.Documents == 0 {
			t.Errorf("when none can be listed the index has %+v", s)
		}
	}
}

func TestADocumentThatFailsInThreeRunsIsParked(t *testing.T) {
	w := newWorld(t)
	w.write("good.md", "A text.")
	w.write("empty.md", "   ")
	for run := range 3 {
		if report := w.mustRun(); report.Failed != 1 || report.Skipped != 0 || report.Bytes != 10 {
			t.Errorf("run %d reads it: %+v", run, report)
		}
	}
	parked := w.mustRun()
	if parked.Failed != 1 || parked.Skipped != 1 || parked.Bytes != 7 {
		t.Errorf("the fourth run does not read it: %+v", parked)
	}
	want := []config.FailedDocument{{Document: "docs/empty.md", Reason: config.Malformed, Parked: true}}
	if diff := cmp.Diff(want, parked.Failures, cmpopts.IgnoreFields(config.FailedDocument{}, "Message")); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if s := w.synced().Sources[0]; s.Failed != 1 || s.Skipped != 1 || s.Scanned != 2 {
		t.Errorf("the index has %+v", s)
	}

	w.options.RetryFailed = true
	if report := w.mustRun(); report.Skipped != 0 || report.Failures[0].Parked {
		t.Errorf("on demand it is read again: %+v", report)
	}
	w.options.RetryFailed = false
	for range 2 {
		w.mustRun()
	}
	if report := w.mustRun(); report.Skipped != 1 {
		t.Errorf("and parked again: %+v", report)
	}
	w.write("empty.md", "     ")
	if report := w.mustRun(); report.Skipped != 0 || report.Failures[0].Parked {
		t.Errorf("another version is read: %+v", report)
	}
}

func TestAFailureThatIsNotItsOwnParksNoDocument(t *testing.T) {
	w := newWorld(t)
	server := &served{down: true}
	w.options.Extractor = server
	w.write("scan.pdf", "ninety bolts")
	w.write("plain.txt", "plain words")
	for range 5 {
		if report := w.mustRun(); report.Failed != 1 || report.Skipped != 0 || report.Failures[0].Parked {
			t.Fatalf("it is parked: %+v", report)
		}
	}
	server.down = false
	if report := w.mustRun(); report.Added != 1 {
		t.Errorf("once the server is back, it is read: %+v", report)
	}
}
