package ingest

import (
	"context"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// remembered is a generation as it was.
type remembered struct {
	rows   []index.Row
	chunks []index.Chunk
}

func (m remembered) Documents(_ context.Context, after string, limit int) (page []index.Row, err error) {
	for _, row := range m.rows {
		if row.Document > after && len(page) < limit {
			page = append(page, row)
		}
	}
	return page, nil
}

func (m remembered) Known(_ context.Context, document string) (map[string]bool, error) {
	known := map[string]bool{}
	for _, c := range m.chunks {
		if c.Document == document {
			known[c.ID] = true
		}
	}
	return known, nil
}

func (m remembered) Chunks(_ context.Context, ids []string) (chunks []index.Chunk, err error) {
	for _, c := range m.chunks {
		if slices.Contains(ids, c.ID) {
			chunks = append(chunks, c)
		}
	}
	return chunks, nil
}

// The next generation of another model has the live one's texts, places, metadata and failures, though its sources are
// gone; then the next run finds what has changed there.
func TestTextsComeFromTheLiveGeneration(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "# A title\n\nA first text of some length, which is cut. A second one follows it, and a third.")
	w.write("b.md", "another text")
	w.write("b.md.metadata.json", limitedTo(`["hr"]`))
	w.write("broken.pdf", "")
	w.mustRun()
	live := remembered{w.rows(), w.chunks()}
	docs := w.docs()
	if err := os.Rename(docs, docs+".gone"); err != nil {
		t.Fatal(err)
	}
	w.config.Generation.Embedding.Dimensions = 128
	w.options.Texts, w.searcher = live, sound
	report := w.mustRun()
	if report.Added != 2 || report.Failed != 1 || report.Embedded != len(live.chunks) || report.Bytes != 0 {
		t.Errorf("the run reports %+v", report)
	}
	if diff := cmp.Diff(live.rows, w.rows()); diff != "" {
		t.Errorf("ledger (-live +next):\n%s", diff)
	}
	if diff := cmp.Diff(live.chunks, w.chunks()); diff != "" {
		t.Errorf("chunks (-live +next):\n%s", diff)
	}
	if report := w.mustRun(); report.Unchanged != 2 || report.Embedded != 0 {
		t.Errorf("another run of the same reports %+v", report)
	}

	if err := os.Rename(docs+".gone", docs); err != nil {
		t.Fatal(err)
	}
	w.options.Texts = nil
	w.write("b.md", "yet another text")
	if report := w.mustRun(); report.Unchanged != 1 || report.Changed != 1 || report.Embedded != 1 {
		t.Errorf("the next run reports %+v", report)
	}
}

func TestTextsThatAreNotWholeAreNotTaken(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "A first text of some length, which is cut. A second one follows it, and a third.")
	w.mustRun()
	live := remembered{w.rows(), w.chunks()[1:]}
	w.config.Generation.Embedding.Dimensions = 128
	w.options.Texts = live
	if _, err := w.run(); err == nil {
		t.Error("a generation was built from a document that lacks a chunk")
	}
}
