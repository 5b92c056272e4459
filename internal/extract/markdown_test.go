package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

var manyFields = func() string {
	var b strings.Builder
	for i := range document.MaxMatterFields + 1 {
		fmt.Fprintf(&b, "f%d: x\n", i)
	}
	return b.String()
}()

func TestFrontMatter(t *testing.T) {
	for _, tt := range []struct {
		name, data, title, text string
		metadata                config.Metadata
	}{
		{
			"YAML", "---\ntitle: Badge readers\nauthor: Beatrix Holm\ntags: [a, b]\nreview:\n  due: 2026-01-31\n  by: null\n---\n\nText.", "Badge readers",
			"author: Beatrix Holm\ntags: a, b\nreview.due: 2026-01-31\n\nText.",
			config.Metadata{"author": config.Text("Beatrix Holm"), "tags": config.List("a", "b"), "review.due": config.Text("2026-01-31")},
		},
		{
			"YAML that ends in dots", "---\nowner: X\n...\nText.", "", "owner: X\n\nText.", config.Metadata{"owner": config.Text("X")},
		},
		{
			"TOML", "+++\ntitle = \"T\"\nweight = 3\n[params]\nowner = 'X'\nlist = [1, 2]\n+++\nText.", "T",
			"weight: 3\nparams.owner: X\nparams.list: 1, 2\n\nText.",
			config.Metadata{"weight": config.Number(3), "params.owner": config.Text("X"), "params.list": config.List("1", "2")},
		},
		{
			"a title with a colon", "---\ntitle: Pumps: a guide\nowner: X\n---\nText.", "Pumps: a guide", "owner: X\n\nText.",
			config.Metadata{"owner": config.Text("X")},
		},
		{
			"tables of TOML", "+++\n[[parts]]\nname = 'a'\n[parts.size]\nmm = 3\n[[parts]]\nname = 'b'\n+++\nText.", "",
			"parts.name: a\nparts.size.mm: 3\nparts.name: b\n\nText.",
			config.Metadata{"parts.name": config.Text("a"), "parts.size.mm": config.Number(3)},
		},
		{
			"JSON", "{\n  \"title\": \"T\",\n  \"owner\": \"X\"\n}\n\nText.", "T", "owner: X\n\nText.",
			config.Metadata{"owner": config.Text("X")},
		},
		{"an object that is the text", "{\n\"a\": 1\n} is JSON.", "", "{\n\"a\": 1\n} is JSON.", nil},
		{
			"more fields than are kept", "---\n" + manyFields + "---\nText.", "",
			"---\n" + manyFields + "---\nText.", nil,
		},
		{"empty", "---\n---\nText.", "", "Text.", nil},
		{"text between two rules", "---\nThe code is 4471.\n\nSecond.\n\n---\n\nText.", "", "---\nThe code is 4471.\n\nSecond.\n\n---\n\nText.", nil},
		{"a list between two rules", "---\n- one\n- two\n---\nText.", "", "---\n- one\n- two\n---\nText.", nil},
		{"text with a colon between two rules", "---\nNote: call 4471.\n---\nText.", "", "Note: call 4471.\n\nText.", config.Metadata{"Note": config.Text("call 4471.")}},
		{"prose with a colon in it", "---\nTwo rules apply: one.\nAnd another.\n---\nText.", "", "---\nTwo rules apply: one.\nAnd another.\n---\nText.", nil},
		{"no end", "---\na: b\n\nText.", "", "---\na: b\n\nText.", nil},
		{"not TOML", "+++\nplain text\n+++\nText.", "", "+++\nplain text\n+++\nText.", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := extract(t, "a.md", tt.data)
			if textOfFirst(d) != tt.text || d.Title != tt.title {
				t.Errorf("title %q, text %q, want %q, %q", d.Title, textOfFirst(d), tt.title, tt.text)
			}
			if diff := cmp.Diff(tt.metadata, d.Metadata); diff != "" {
				t.Errorf("metadata (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTablesInMarkdown(t *testing.T) {
	const table = "| Part | `Net` price |\n|:---|---:|\n| a | 1 |\n| b \\| c | 2 |"
	for _, tt := range []struct {
		name, data string
		want       Table
	}{
		{"with text around", "é\n\n" + table + "\n\nend", Table{Start: 3, Header: "| Part | `Net` price |\n|:---|---:|", Columns: []string{"Part", "Net price"}}},
		{"a caption right above", "Prices of June\n" + table, Table{Caption: "Prices of June", Header: "| Part | `Net` price |\n|:---|---:|", Columns: []string{"Part", "Net price"}}},
		{"a caption as a paragraph", "**Table 3:** prices\n\n" + table, Table{Caption: "**Table 3:** prices", Header: "| Part | `Net` price |\n|:---|---:|", Columns: []string{"Part", "Net price"}}},
		{"without outer bars", "Part | Net\n--- | ---\na | 1\nb | 2", Table{Header: "Part | Net\n--- | ---", Columns: []string{"Part", "Net"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page := extract(t, "a.md", tt.data).Pages[0]
			if len(page.Tables) != 1 {
				t.Fatalf("%d tables", len(page.Tables))
			}
			got, text := page.Tables[0], []rune(page.Text)
			for i, row := range got.Rows {
				if first := strings.TrimLeft(string(text[row:]), "| "); !strings.HasPrefix(first, string("ab"[i])) {
					t.Errorf("row %d is %q", i, first)
				}
			}
			if end := string(text[:got.End]); !strings.HasSuffix(end, "2 |") && !strings.HasSuffix(end, "2") {
				t.Errorf("it ends after %q", end)
			}
			got.Rows, got.End = nil, 0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	for _, data := range []string{"a | b\n\n---|---\nc | d", "```\n| a | b |\n|---|---|\n| c | d |\n```", "| a | b |\n|---|\n| c | d |", "| a |\n| b |", "a | b\n---|---"} {
		if page := extract(t, "a.md", data).Pages[0]; len(page.Tables) != 0 {
			t.Errorf("%q holds the tables %+v", data, page.Tables)
		}
	}
}

func TestTablesOfHTMLInMarkdownAreItsOwn(t *testing.T) {
	const table = "<table>\n<thead><tr><th rowspan=\"2\">Pump</th><th colspan=\"2\">Flow</th></tr><tr><th>min</th><th>max</th></tr></thead>\n" +
		"<tr><td>Anna</td><td>1</td><td>10<sup>6</sup></td></tr>\n</table>"
	d := extract(t, "a.md", "# Pumps\n\n"+table+"\n\nAfter.\n\n```\n"+table+"\n```\n")
	const own = "| Pump | Flow min | Flow max |\n|---|---|---|\n| Anna | 1 | 10⁶ |"
	if want := "# Pumps\n\n" + own + "\n\nAfter.\n\n```\n" + table + "\n```"; collapsed(textOfFirst(d)) != want {
		t.Errorf("got %q, want %q", textOfFirst(d), want)
	}
	if tables := d.Pages[0].Tables; len(tables) != 1 || strings.Join(tables[0].Columns, ", ") != "Pump, Flow min, Flow max" {
		t.Errorf("tables %+v", tables)
	}
}

// collapsed is a text with one blank line where there are more.
func collapsed(text string) string {
	for strings.Contains(text, "\n\n\n") {
		text = strings.ReplaceAll(text, "\n\n\n", "\n\n")
	}
	return text
}

// Entities and comments are read as they are shown. Code, and what would become markup, stays as it is.
func TestMarkdownAsItIsShown(t *testing.T) {
	for md, want := range map[string]string{
		"5&nbsp;&micro;m of R&amp;D, 20&#8239;&#x20ac;": "5 µm of R&D, 20 €",
		"a<!-- b\nc -->d\n\n<!-- e\n\nf -->\n\ng":       "ad\n\n\n\ng",
		"`&amp; <!-- a -->` &lt;b&gt; \\&copy;":         "`&amp; <!-- a -->` &lt;b&gt; \\&copy;",
		"```\n&amp; <!-- a -->\n```\n\n    &amp;":       "```\n&amp; <!-- a -->\n```\n\n    &amp;",
		"> &auml;\n> - &ouml; <!-- a":                   "> ä\n> - ö <!-- a",
		"<pre>&amp;</pre>":                              "<pre>&amp;</pre>",
		"<!-- nothing else -->":                         "<!-- nothing else -->",
		"``a ` &amp;`` &amp; `":                         "``a ` &amp;`` & `",
	} {
		d, err := shared.Extract(t.Context(), "a.md", []byte(md))
		if err != nil || textOfFirst(d) != want {
			t.Errorf("%q: got %q, %v", md, textOfFirst(d), err)
		}
	}
	hostile := strings.Repeat("<!-- &a ` ", 1<<17)
	if d, err := shared.Extract(t.Context(), "a.md", []byte(hostile+"``` &amp; <!-- x -->")); err != nil {
		t.Errorf("got %.100q, %v", textOfFirst(d), err)
	}
}

func TestHeadingsOfMarkdownInOtherForms(t *testing.T) {
	d, err := shared.Extract(t.Context(), "a.md", []byte("<h1 align=\"center\">\n <img src=x> Pumps &amp; <b>cranes</b>\n</h1>\n\n"+
		"Text.\n\n## Install {#install .short}\n\n<h2>a</h2> b\n\n<h2>a</h2>\n<p>b</p>\n<h2>c</h2>\n\n- <h3>in a list</h3>\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Heading{{Offset: 0, Level: 1, Text: "Pumps & cranes"}, {Offset: 69, Level: 2, Text: "Install"}}
	if diff := cmp.Diff(want, d.Pages[0].Headings); diff != "" || d.Title != "Pumps & cranes" {
		t.Errorf("title %q: %s", d.Title, diff)
	}
}
