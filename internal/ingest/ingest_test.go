package ingest

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// counts leaves of a report what a test can know beforehand.
var counts = cmpopts.IgnoreFields(Report{}, "ChunksPerSecond", "ChunkCounts", "Synced", "Pipeline", "Generation", "Bytes",

	"Seconds", "StageSeconds")

func TestFirstRunIndexesEverything(t *testing.T) {
	w := newWorld(t)
	w.config.Sources[0].Metadata = config.Metadata{"team": config.Text("vision")}
	w.write("a.md", "The projector was initialised in four hours.")
	w.write("deep/b.txt", strings.Repeat("Sixteen nodes with eight GPUs each took thirty hours. ", 4))
	registry := prometheus.NewRegistry()
	w.options.Registerer = registry
	var progress []config.Progress
	w.options.Progress = func(p config.Progress) { progress = append(progress, p) }

	report := w.mustRun()
	want := &Report{Listed: 2, Added: 2, Indexed: 2, Chunks: len(w.chunks()), Embedded: len(w.chunks())}
	if diff := cmp.Diff(want, report, counts); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if report.Chunks < 4 {
		t.Errorf("%d chunks are too few to mean something", report.Chunks)
	}

	rows := w.rows()
	if diff := cmp.Diff(map[string]string{"docs/a.md": "Indexed", "docs/deep/b.txt": "Indexed"}, w.states()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	if rows[1].Source != "docs" || rows[1].Title != "b.txt" || len(rows[1].Hash) != 64 || rows[1].Chunks != report.Chunks-1 {
		t.Errorf("row of b.txt: %+v", rows[1])
	}
	for _, c := range w.chunks() {
		if c.Title != filepath.Base(c.Document) || c.Source != "docs" || !c.Metadata["team"].Equal(config.Text("vision")) {
			t.Errorf("chunk %+v lacks title, source or metadata", c)
		}
	}
	if stats := w.stats(); stats.Completed.IsZero() || stats.Dimensions != 64 {
		t.Errorf("stats %+v: want them complete, with 64 dimensions", stats)
	}

	last := progress[len(progress)-1]
	if want := (config.Progress{Phase: config.PhaseDone, DocumentsDone: 2, DocumentsTotal: 2, Chunks: report.Chunks}); last != want {
		t.Errorf("progress ended with %+v, want %+v", last, want)
	}
	wantMetrics := map[string]float64{
		"ragpipeline_ingest_documents_total added":  2,
		"ragpipeline_ingest_chunks_total embedded":  float64(report.Chunks),
		"ragpipeline_ingest_chunks_total reused":    0,
		"ragpipeline_ingest_chunks_total truncated": 0,
	}
	if diff := cmp.Diff(wantMetrics, gather(t, registry)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	w.mustRun() // registers nothing twice
	if got := gather(t, registry)["ragpipeline_ingest_documents_total unchanged"]; got != 2 {
		t.Errorf("after the second run the metrics say %v unchanged, want 2", got)
	}
}

// gather returns each counter under its name and result.
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			values[f.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return values
}

func TestDocumentsThatAreReadInPartAreIndexedWithWarnings(t *testing.T) {
	w := newWorld(t)
	w.write("a.csv", "name,note\nAnn,\"x\nBob,y\n")
	w.write("b.md", "---\nowner: Ann\n---\nText.")
	for _, name := range []string{"the first run", "the next run"} {
		report := w.mustRun()
		if report.Indexed != 2 || report.Warned != 1 || report.WarningReasons[config.LinesSkipped] != 1 {
			t.Errorf("%s: report %+v", name, report)
		}
		if !strings.Contains(report.String(), "partly read  docs/a.csv  LinesSkipped: 1 (line 2") {
			t.Errorf("%s: the report says %q", name, report)
		}
		if diff := cmp.Diff(report.Losses, w.stats().Losses); diff != "" {
			t.Errorf("%s: the index (-reported +recorded):\n%s", name, diff)
		}
	}
	rows := w.rows()
	if got := rows[0].Warnings; len(got) != 1 || got[0].Reason != config.LinesSkipped || got[0].Count != 1 || len(rows[1].Warnings) != 0 {
		t.Errorf("ledger %+v", rows)
	}
	for _, c := range w.chunks() {
		if c.Document == "docs/b.md" && !c.Metadata["owner"].Equal(config.Text("Ann")) {
			t.Errorf("metadata of %s: %v", c.Document, c.Metadata)
		}
	}
}

func TestNextRunDoesOnlyWhatChanged(t *testing.T) {
	w := newWorld(t)
	for i := range 200 {
		w.write(fmt.Sprintf("%03d.md", i), fmt.Sprintf("Document %d tells of subject %d, and of little else.", i, i*i))
	}
	if report := w.mustRun(); report.Added != 200 {
		t.Fatalf("first run added %d, want 200", report.Added)
	}

	w.write("007.md", "Document 7 now tells of something else.")
	w.write("new.md", "A new document.")
	if err := os.Remove(filepath.Join(w.docs(), "100.md")); err != nil {
		t.Fatal(err)
	}
	report := w.mustRun()
	want := &Report{Listed: 200, Added: 1, Changed: 1, Unchanged: 198, Removed: 1, Indexed: 200, Chunks: 200, Embedded: 2}
	if diff := cmp.Diff(want, report, counts); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"007.md", "new.md"}, w.server.titles()); diff != "" {
		t.Errorf("embedded (-want +got):\n%s", diff)
	}
	if said := "1 added, 1 changed, 198 unchanged, 1 removed; chunks: "; !strings.Contains(report.String(), said) {
		t.Errorf("the report does not say %q:\n%s", said, report)
	}
	if _, there := w.states()["docs/100.md"]; there || len(w.chunks()) != 200 {
		t.Errorf("the deleted document is still there: %d chunks", len(w.chunks()))
	}

	if report := w.mustRun(); report.Unchanged != 200 || w.server.requests != 0 {
		t.Errorf("a run without any change: %d unchanged, %d requests", report.Unchanged, w.server.requests)
	}
}

func TestChangedDocumentEmbedsOnlyItsChangedChunks(t *testing.T) {
	w := newWorld(t)
	paragraph := func(i int) string {
		return fmt.Sprintf("Paragraph %d is long enough to be a chunk of its own, or nearly so.", i)
	}
	var text []string
	for i := range 10 {
		text = append(text, paragraph(i))
	}
	w.write("a.md", strings.Join(text, "\n\n"))
	w.mustRun()
	before := w.chunks()

	w.write("a.md", strings.Join(slices.Insert(text, 0, "An inserted paragraph moves all the others, and changes none of them."), "\n\n"))
	report := w.mustRun()
	if report.Embedded != 1 || report.Reused != 10 || len(w.server.embedded()) != 1 {
		t.Errorf("embedded %d (the server saw %d), reused %d, want 1 and 10", report.Embedded, len(w.server.embedded()), report.Reused)
	}
	after := w.chunks()
	if len(after) != 11 || after[1].ID != before[0].ID || after[1].Start == before[0].Start {
		t.Error("the moved chunks did not keep their ids and take their new positions")
	}
}

func TestRepeatedTextsAreChunksOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "The same words.\n\n"+strings.Repeat("x", 79)+"\n\nThe same words.")
	w.mustRun()
	if chunks := w.chunks(); len(chunks) != 3 || chunks[0].Text != chunks[2].Text || chunks[0].ID == chunks[2].ID {
		t.Errorf("chunks %+v", chunks)
	}
}

func TestMetadataAloneReembedsNothing(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "Some text.")
	w.mustRun()
	w.config.Sources[0].Metadata = config.Metadata{"team": config.Text("vision")}
	report := w.mustRun()
	if report.Changed != 1 || report.Reused != 1 || w.server.requests != 0 {
		t.Errorf("%d changed, %d reused, %d requests, want 1, 1, 0", report.Changed, report.Reused, w.server.requests)
	}
	if got := w.chunks()[0].Metadata["team"]; !got.Equal(config.Text("vision")) {
		t.Errorf("the chunk's metadata is %q", got)
	}
}

func TestFailingDocumentsFailAlone(t *testing.T) {
	w := newWorld(t)
	w.write("good.md", "Some text.")
	w.write("empty.md", "")
	if err := os.Symlink("/etc/hostname", filepath.Join(w.docs(), "link.md")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(w.docs(), "bomb.docx"), zipBomb(t), 0o600); err != nil {
		t.Fatal(err)
	}
	huge, err := os.Create(filepath.Join(w.docs(), "huge.md"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(huge.Truncate(500<<20), huge.Close()); err != nil {
		t.Fatal(err)
	}
	report := w.mustRun()
	if report.Indexed != 1 || report.Failed != 4 || len(report.Failures) != 4 {
		t.Errorf("%d indexed, %d failed, want 1 and 4", report.Indexed, report.Failed)
	}
	want := map[string]string{
		"docs/good.md": "Indexed", "docs/empty.md": "Malformed", "docs/link.md": "Unreadable", "docs/huge.md": "TooLarge", "docs/bomb.docx": "TooLarge",
	}
	if diff := cmp.Diff(want, w.states()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	for _, f := range report.Failures {
		if f.Message == "" || !strings.Contains(report.String(), f.Document) {
			t.Errorf("failure %+v has no message, or is not in the report:\n%s", f, report)
		}
	}
}

// zipBomb is a Word document of some tens of kilobytes whose text has 80 MB.
func zipBomb(t *testing.T) []byte {
	t.Helper()
	const (
		types = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/word/document.xml" ` +
			`ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`
		head = `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>`
		tail = `</w:t></w:r></w:p></w:body></w:document>`
	)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, part := range []struct {
		name    string
		content io.Reader
	}{
		{"[Content_Types].xml", strings.NewReader(types)},
		{"word/document.xml", io.MultiReader(strings.NewReader(head), strings.NewReader(strings.Repeat("word ", 16<<20)), strings.NewReader(tail))},
	} {
		w, err := z.Create(part.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, part.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFailuresAreTriedAgainOnlyWhenTheyMayPass(t *testing.T) {
	for _, reason := range []config.Reason{
		config.NoTextLayer, config.Encrypted, config.Malformed, config.TooLarge, config.TimedOut, config.Unsupported,
	} {
		t.Run(string(reason), func(t *testing.T) {
			w := newWorld(t)
			w.write("good.md", "Some text.")
			w.write("bad.md", "Other text.")
			extractor := &failing{Extractor: extract.New(extract.Options{}), name: "bad.md", err: config.Failf(reason, "said so")}
			w.options.Extractor = extractor
			w.mustRun()
			report := w.mustRun()
			if report.Failed != 1 || report.Reasons[reason] != 1 || report.Unchanged != 1 {
				t.Errorf("second report: %+v", report)
			}
			want := 1
			if mayPass(reason) {
				want = 2
			}
			if extractor.calls != want {
				t.Errorf("extracted %d times in two runs, want %d", extractor.calls, want)
			}
			extractor.err = nil
			w.write("bad.md", "Mended text.")
			if report := w.mustRun(); report.Failed != 0 || report.Added != 1 {
				t.Errorf("after mending: %+v", report)
			}
		})
	}
}

// failing fails for one document.
type failing struct {
	*extract.Extractor
	name  string
	err   error
	calls int
}

func (f *failing) Extract(ctx context.Context, name string, data []byte) (*extract.Document, error) {
	if name == f.name {
		f.calls++
		if f.err != nil {
			return nil, f.err
		}
	}
	return f.Extractor.Extract(ctx, name, data)
}

func (f *failing) ExtractAll(ctx context.Context, all []extract.Input) iter.Seq2[*extract.Document, error] {
	return extract.OneByOne(ctx, all, f.Extract)
}

// stager counts what is staged, and the vectors that are put with their document.
type stager struct {
	Index
	staged, put atomic.Int64
}

func (s *stager) Stage(ctx context.Context, document string, chunks []index.Vectored) error {
	s.staged.Add(int64(len(chunks)))
	return s.Index.Stage(ctx, document, chunks)
}

func (s *stager) Put(ctx context.Context, row index.Row, chunks []index.Vectored) error {
	for _, c := range chunks {
		if c.Vector != nil {
			s.put.Add(1)
		}
	}
	return s.Index.Put(ctx, row, chunks)
}

// A large document's vectors do not wait in memory for its last.
func TestALargeDocumentIsStaged(t *testing.T) {
	w := newWorld(t)
	var text strings.Builder
	for i := range 4500 {
		fmt.Fprintf(&text, "Paragraph %d of the large document is about as long as a chunk may be.\n\n", i)
	}
	w.write("large.md", text.String())
	w.write("small.md", "A small one.")
	s := &stager{}
	w.wrap = func(i Index) Index { s.Index = i; return s }

	// A text that the model refuses fails the document, and what was staged of it goes.
	w.server.fault = func(texts []string) (int, string) {
		if slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(t, "Paragraph 4000 ") }) {
			return http.StatusBadRequest, "not this one"
		}
		return 0, ""
	}
	if report := w.mustRun(); report.Failed != 1 || report.Indexed != 1 || s.staged.Load() == 0 {
		t.Errorf("with a refused text: %d staged, report %+v", s.staged.Load(), report)
	}
	w.server.fault = nil
	s.staged.Store(0)
	s.put.Store(0)
	report := w.mustRun()
	if report.Chunks != 4501 || s.staged.Load() != 4500 || s.put.Load() != 0 {
		t.Errorf("%d chunks, %d staged, %d put with their vectors: want only the large document's staged",
			report.Chunks, s.staged.Load(), s.put.Load())
	}
	if hits := w.nearest("large.md\nParagraph 4321 of the large document is about as long as a chunk may be."); len(hits) != 1000 || hits[0].Score < 0.99 {
		t.Errorf("%d hits, the best %+v: want the very text", len(hits), hits[0])
	}
}
