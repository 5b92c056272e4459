package ingest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/split"
)

func TestIDsFollowTheirText(t *testing.T) {
	id := func(namespace, name, document string, texts ...string) []string {
		of := newIDs(config.Pipeline{Namespace: namespace, Name: name}).of(document)
		var ids []string
		for _, text := range texts {
			ids = append(ids, of(text))
		}
		return ids
	}
	base := id("default", "p", "docs/a", "x", "y", "x")
	if base[0] == base[2] {
		t.Error("the second occurrence has the id of the first")
	}
	if moved := id("default", "p", "docs/a", "y", "x", "x"); moved[0] != base[1] || moved[1] != base[0] || moved[2] != base[2] {
		t.Error("ids did not follow their texts")
	}
	for _, other := range [][]string{id("default", "p", "docs/b", "x"), id("default", "q", "docs/a", "x"), id("other", "p", "docs/a", "x")} {
		if other[0] == base[0] {
			t.Error("another document or pipeline has the same id")
		}
	}
	// The ids stand in indexes: another value here would embed everything again.
	if want := "052d1f65-0abc-5f01-80fa-952a0c39c8b8"; base[0] != want {
		t.Errorf("id %s, want %s", base[0], want)
	}
}

func TestChunksStayInTheirPageAndKnowTheirHeadings(t *testing.T) {
	splitter, err := split.New(config.Chunking{Size: 20, Overlap: 0, Unit: config.Characters})
	if err != nil {
		t.Fatal(err)
	}
	r := &run{Options: Options{Splitter: splitter}, ids: newIDs(config.Pipeline{Name: "p"})}
	r.Config.Limits.Chunks = config.DefaultChunks
	d := &document{job: job{id: "docs/é.pdf", origin: &origin{name: "docs"}}}
	d.row.Title, d.row.Metadata = "Guide", config.Metadata{"k": config.Text("v")}
	text := &extract.Document{Title: "Guide", Pages: []extract.Page{
		{Number: 1, Text: "Guide\n\nfirst words\n\nInstall", Headings: []extract.Heading{
			{Offset: 0, Level: 1, Text: "Guide"}, {Offset: 20, Level: 2, Text: "Install"}}},
		{Number: 2, Text: "é more"},
	}}
	chunks, err := r.chunks(t.Context(), d, text)
	if err != nil {
		t.Fatal(err)
	}
	var got []index.Chunk
	for _, v := range chunks {
		if v.Vector != nil || v.ID == "" {
			t.Errorf("chunk %+v has a vector, or no id", v.Chunk)
		}
		v.ID = ""
		got = append(got, v.Chunk)
	}
	chunk := func(page, start, end int, heading, text string) index.Chunk {
		return index.Chunk{Document: "docs/é.pdf", Source: "docs", Title: "Guide", Heading: heading, Text: text,
			Page: page, Start: start, End: end, Metadata: config.Metadata{"k": config.Text("v")}}
	}
	want := []index.Chunk{
		chunk(1, 0, 18, "", "Guide\n\nfirst words"),
		chunk(1, 20, 27, "Install", "Install"),
		chunk(2, 0, 6, "Install", "é more"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chunks (-want +got):\n%s", diff)
	}
	if context := got[1].Embedded(); context != "é.pdf > Guide > Install\nInstall" {
		t.Errorf("embedded text %q", context)
	}
}

// The outline and extract's own HeadingPath are one rule, told for ascending places and for any.
func TestOutlineIsTheHeadingPath(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		d := &extract.Document{}
		for range 1 + random.IntN(4) {
			page := extract.Page{Slide: random.IntN(3) == 0}
			for offset := range 20 {
				if random.IntN(4) == 0 {
					page.Headings = append(page.Headings, extract.Heading{
						Offset: offset, Level: 1 + random.IntN(4), Text: fmt.Sprint(len(d.Pages), "/", offset)})
				}
			}
			d.Pages = append(d.Pages, page)
		}
		o := outline{pages: d.Pages}
		for p := range d.Pages {
			for offset := random.IntN(5); offset < 25; offset += random.IntN(6) {
				if diff := cmp.Diff(d.HeadingPath(p, offset), o.at(p, offset), cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("page %d offset %d of %+v (-HeadingPath +outline):\n%s", p, offset, d, diff)
				}
			}
		}
	}
}

func TestTitle(t *testing.T) {
	tests := map[string]struct{ title, path, want string }{
		"the document's own":            {"Annual report", "a/b.pdf", "Annual report"},
		"its file name without one":     {"", "a/b.pdf", "b.pdf"},
		"its file name for white space": {" \n", "b.pdf", "b.pdf"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := title(&extract.Document{Title: tt.title}, tt.path); got != tt.want {
				t.Errorf("title %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzClip(f *testing.F) {
	f.Add("häuser", 3)
	f.Add("\xff\xff\xff", 2)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 1 || n > 1000 {
			return
		}
		got := clip(s, n)
		if utf8.RuneCountInString(got) > n {
			t.Errorf("clip(%q, %d) = %q is longer", s, n, got)
		}
		if utf8.RuneCountInString(s) <= n && got != s {
			t.Errorf("clip(%q, %d) = %q", s, n, got)
		}
	})
}
