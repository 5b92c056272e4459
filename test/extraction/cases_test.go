package extraction

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/split"
)

// readingCase is a row of testdata/cases.json: a small document, most of them after public reports of readers that
// lost or changed something, and what its chunks must hold.
type readingCase struct {
	File    string   `json:"file"`
	Must    []string `json:"must"`    // each in some chunk, whatever white space is between its words
	MustNot []string `json:"mustNot"` // none in any chunk
	// HeadingOf names the heading that a text stands below.
	HeadingOf *struct{ Text, Heading string } `json:"headingOf"`
	// EveryChunkWith is a text, and what stands in each chunk that has it.
	EveryChunkWith *struct{ Text, Also string } `json:"everyChunkWith"`
	MaxChunks      int                          `json:"maxChunks"`
	Reason         config.Reason                `json:"reason"`  // of its failure
	Warning        config.WarningReason         `json:"warning"` // among its warnings
}

func TestCases(t *testing.T) {
	b, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []readingCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	e := extract.New(extract.Options{CacheDir: extract.UserCache()})
	defer e.Close()
	for _, c := range cases {
		t.Run(c.File, func(t *testing.T) {
			file := filepath.Join("testdata", "cases", c.File)
			if name, ok := strings.CutPrefix(c.File, "pdf-"); ok {
				file = filepath.Join("..", "..", "internal", "extract", "testdata", "pdf", name)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d, err := e.Extract(t.Context(), c.File, data)
			var failure *config.DocumentError
			switch {
			case errors.As(err, &failure) && failure.Reason == c.Reason:
			case err != nil:
				t.Fatal(err)
			case c.Reason != "":
				t.Fatalf("it is read, want %s", c.Reason)
			default:
				c.check(t, d)
			}
		})
	}
}

func (c readingCase) check(t *testing.T, d *extract.Document) {
	t.Helper()
	chunks, headings := chunksOf(t, d)
	has := func(text string) func(string) bool {
		return func(chunk string) bool {
			return strings.Contains(chunk, text) || strings.Contains(flat(chunk), flat(text))
		}
	}
	for _, text := range c.Must {
		if !slices.ContainsFunc(chunks, has(text)) {
			t.Errorf("it lacks %q: %.2000q", text, chunks)
		}
	}
	for _, text := range c.MustNot {
		if slices.ContainsFunc(chunks, has(text)) {
			t.Errorf("it has %q: %.2000q", text, chunks)
		}
	}
	if h := c.HeadingOf; h != nil {
		at := slices.IndexFunc(chunks, has(h.Text))
		if at < 0 || !slices.Contains(headings[at], h.Heading) {
			t.Errorf("%q does not stand below %q: %q", h.Text, h.Heading, headings)
		}
	}
	if w := c.EveryChunkWith; w != nil {
		with := slices.DeleteFunc(slices.Clone(chunks), func(chunk string) bool { return !has(w.Text)(chunk) })
		if len(with) == 0 || !slices.ContainsFunc(with, has(w.Also)) ||
			slices.ContainsFunc(with, func(chunk string) bool { return !has(w.Also)(chunk) }) {
			t.Errorf("not every chunk with %q has %q: %.2000q", w.Text, w.Also, with)
		}
	}
	if c.MaxChunks > 0 && len(chunks) > c.MaxChunks {
		t.Errorf("it has %d chunks, want at most %d", len(chunks), c.MaxChunks)
	}
	if c.Warning != "" && !slices.ContainsFunc(d.Warnings, func(w config.Warning) bool { return w.Reason == c.Warning }) {
		t.Errorf("warnings %v, want %s", d.Warnings, c.Warning)
	}
}

func flat(s string) string { return strings.Join(strings.Fields(s), " ") }

// chunksOf are a document's chunks by the defaults of a pipeline, and the headings that each begins below.
func chunksOf(t *testing.T, d *extract.Document) (texts []string, headings [][]string) {
	t.Helper()
	splitter, err := split.New(config.Chunking{Size: 800, Overlap: 200})
	if err != nil {
		t.Fatal(err)
	}
	for i, page := range d.Pages {
		var tables []split.Table
		for _, table := range page.Tables {
			tables = append(tables, split.Table(table))
		}
		for _, chunk := range splitter.Split(page.Text, tables...) {
			texts = append(texts, chunk.Text)
			headings = append(headings, d.HeadingPath(i, chunk.Start))
		}
	}
	return texts, headings
}
