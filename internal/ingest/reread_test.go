package ingest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// earlier is an extractor of an earlier version: it read Markdown as one page with a line too many in front, and did
// not read CSV.
type earlier struct{ *extract.Extractor }

func (e earlier) Extract(ctx context.Context, name string, data []byte) (*extract.Document, error) {
	if strings.HasSuffix(name, ".csv") {
		return nil, config.Failf(config.Unsupported, "tables are not read")
	}
	d, err := e.Extractor.Extract(ctx, name, data)
	if err == nil && strings.HasSuffix(name, ".md") {
		d.Readers = "common/1 markdown/0"
		d.Pages = []extract.Page{{Number: 7, Text: "A line that is not in the document, and that no later reader gives.\n\n" +
			d.Pages[0].Text}}
	}
	return d, err
}

func (e earlier) ExtractAll(ctx context.Context, all []extract.Input) iter.Seq2[*extract.Document, error] {
	return extract.OneByOne(ctx, all, e.Extract)
}

// counting knows which documents it was asked for.
type counting struct {
	Extractor
	mu    sync.Mutex
	asked []string
}

func (c *counting) ExtractAll(ctx context.Context, all []extract.Input) iter.Seq2[*extract.Document, error] {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range all {
		c.asked = append(c.asked, d.Name)
	}
	return c.Extractor.ExtractAll(ctx, all)
}

func (c *counting) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(slices.Values(c.asked))
}

func TestAfterAnUpgradeOnlyWhatOtherReadersReadIsReadAgain(t *testing.T) {
	w := newWorld(t)
	w.write("notes.md", "The first paragraph is long enough to be a chunk of its own, or nearly so.\n\n"+
		"The second paragraph is long enough to be a chunk of its own, or nearly so.")
	w.write("plain.txt", "Some text.")
	real := extract.New(extract.Options{})
	w.options.Extractor = earlier{real}
	w.mustRun()
	before := w.chunks()
	if len(before) != 4 || before[1].Page != 7 || w.rows()[0].Readers.Current() {
		t.Fatalf("the earlier index: %+v", before)
	}
	if report := w.mustRun(); report.Changed != 1 || w.server.requests != 0 {
		t.Errorf("what reads the same is embedded again: %+v, %d requests", report, w.server.requests)
	}

	counted := &counting{Extractor: real}
	w.options.Extractor = counted
	report := w.mustRun()
	want := &Report{Listed: 2, Changed: 1, Unchanged: 1, Indexed: 2, Chunks: 3, Reused: 2}
	if diff := cmp.Diff(want, report, counts); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"notes.md"}, counted.names()); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	if texts := w.server.embedded(); len(texts) > 0 {
		t.Errorf("embedded: %q", texts)
	}
	after := w.chunks()
	if len(after) != 3 || after[0].ID != before[1].ID || after[0].Page != 0 || after[0].Start != 0 {
		t.Errorf("the chunks did not keep their ids and take their new places: %+v", after)
	}
	for _, row := range w.rows() {
		if row.State != index.Indexed || !row.Readers.Current() {
			t.Errorf("row %+v", row)
		}
	}
	if w.mustRun(); len(counted.names()) != 1 {
		t.Errorf("the next run reads again: %v", counted.names())
	}
}

// A document that any earlier build failed on is tried again, and one that this build failed on is not.
func TestAFailureIsTriedAgainByOtherReaders(t *testing.T) {
	w := newWorld(t)
	w.write("good.txt", "Some text.")
	w.write("bad.csv", "part,torque\nflange,95\n")
	counted := &counting{Extractor: earlier{extract.New(extract.Options{})}}
	w.options.Extractor = counted
	w.mustRun()
	w.mustRun()
	if diff := cmp.Diff([]string{"bad.csv", "good.txt"}, counted.names()); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	row := w.rows()[0]
	store := w.open()
	row.Readers = "common/1 csv/0"
	if err := errors.Join(store.Put(t.Context(), row, nil), store.Close()); err != nil {
		t.Fatal(err)
	}
	if w.mustRun(); len(counted.names()) != 3 {
		t.Errorf("after an upgrade it is not read again: %v", counted.names())
	}
}
