package ingest

import (
	"context"
	"iter"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
)

// served plays an extractor with a server that may be down: a document "scan" needs the server whole, and of "mixed"
// one of two pages does.
type served struct{ down bool }

func (s *served) Extract(_ context.Context, name string, data []byte) (*extract.Document, error) {
	d := &extract.Document{Pages: []extract.Page{{Number: 1, Text: string(data)}}, Readers: config.AllReaders()}
	switch {
	case strings.HasPrefix(name, "scan") && s.down:
		return nil, config.Failf(config.ServerFailed, "the extraction server is down")
	case strings.HasPrefix(name, "mixed") && s.down:
		d.Pages = append(d.Pages, extract.Page{Number: 2})
		d.Warnings.Add(config.PagesWaiting, 1, "page 2")
	case strings.HasPrefix(name, "mixed"):
		d.Pages = append(d.Pages, extract.Page{Number: 2, Text: "the signed page"})
	}
	return d, nil
}

func (s *served) ExtractAll(ctx context.Context, all []extract.Input) iter.Seq2[*extract.Document, error] {
	return extract.OneByOne(ctx, all, s.Extract)
}

func TestWhatAnExtractionServerFailedToReadHealsInTheNextRun(t *testing.T) {
	w := newWorld(t)
	server := &served{down: true}
	w.options.Extractor = server
	w.write("scan.pdf", "ninety bolts")
	w.write("mixed.pdf", "the cover page")
	w.write("plain.txt", "plain words")

	report := w.mustRun()
	want := map[string]string{"docs/mixed.pdf": "Indexed", "docs/plain.txt": "Indexed", "docs/scan.pdf": "ServerFailed"}
	if diff := cmp.Diff(want, w.states()); diff != "" {
		t.Errorf("while the server is down (-want +got):\n%s", diff)
	}
	if report.Failed != 1 || report.WarningReasons[config.PagesWaiting] != 1 {
		t.Errorf("the report is %+v", report)
	}

	server.down = false
	report = w.mustRun()
	want["docs/scan.pdf"] = "Indexed"
	if diff := cmp.Diff(want, w.states()); diff != "" {
		t.Errorf("with the server back (-want +got):\n%s", diff)
	}
	if got := w.server.embedded(); len(got) != 2 { // the scan and the signed page, and nothing twice
		t.Errorf("embedded were %q", got)
	}
	if report.Unchanged != 1 || report.Warned != 0 {
		t.Errorf("the report is %+v", report)
	}
	if report = w.mustRun(); report.Unchanged != 3 {
		t.Errorf("a third run found %d of 3 documents unchanged", report.Unchanged)
	}
}

func TestTheIndexKeepsADocumentWhoseNewVersionTheServerCannotReadYet(t *testing.T) {
	w := newWorld(t)
	server := &served{}
	w.options.Extractor = server
	w.write("scan.pdf", "ninety bolts")
	w.write("plain.txt", "plain words")
	w.mustRun()

	server.down = true
	w.write("scan.pdf", "eighty bolts")
	if report := w.mustRun(); report.Failed != 1 || report.Indexed != 2 {
		t.Errorf("while the server is down: %+v", report)
	}
	server.down = false
	w.mustRun()
	for _, c := range w.chunks() {
		if c.Document == "docs/scan.pdf" && c.Text != "eighty bolts" {
			t.Errorf("the index holds %q", c.Text)
		}
	}
}
