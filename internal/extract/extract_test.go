package extract

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/markup"
	"github.com/ragpipeline/ragpipeline/internal/extract/office"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

func extract(t *testing.T, name, data string) *Document {
	t.Helper()
	d, err := shared.Extract(t.Context(), name, []byte(data))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

func textOfFirst(d *Document) string { return d.Pages[0].Text }

func TestKindIsDecidedByContent(t *testing.T) {
	zipped := zipOf(t, map[string]string{"readme.txt": "no Office document"})
	for _, c := range []struct {
		name, file, data string
		want             document.Kind
		reason           config.Reason
	}{
		{name: "a PDF named as text", file: "a.txt", data: "%PDF-1.7\n", want: document.PDF},
		{name: "a PDF with junk before its header, named so", file: "a.pdf", data: "HTTP/1.1 200 OK\r\n\r\n%PDF-1.7\n", want: document.PDF},
		{name: "text that speaks of the PDF header", file: "a.txt", data: "A file begins with %PDF-1.7", want: document.Text},
		{name: "text named as PDF", file: "a.pdf", data: "only words", want: document.Text},
		{name: "a page without a name", file: "page", data: "<!DOCTYPE html><title>x</title>", want: document.HTML},
		{name: "a page after a comment", file: "a.txt", data: "<!-- saved --> <html lang=en>", want: document.HTML},
		{name: "text named as a page", file: "a.html", data: "no tags at all", want: document.Text},
		{name: "a fragment named as a page", file: "a.htm", data: "<p>some words", want: document.HTML},
		{name: "text that only looks like a page's tag", file: "a", data: "<htmlish>", want: document.Text},
		{name: "Markdown", file: "A.MD", data: "# x", want: document.Markdown},
		{name: "JSON", file: "a.json", data: " [1]", want: document.JSON},
		{name: "text named as JSON", file: "a.json", data: "plain words", want: document.Text},
		{name: "a table", file: "a.tsv", data: "a\tb", want: document.CSV},
		{name: "no known extension", file: "LICENSE", data: "words", want: document.Text},
		{name: "an image", file: "a.txt", data: "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", reason: config.Unsupported},
		{name: "a program", file: "a.md", data: "\x7fELF\x02\x01\x01\x00\x00", reason: config.Unsupported},
		{name: "another zip archive", file: "a.docx", data: string(zipped), reason: config.Unsupported},
		{name: "a zip archive cut off", file: "a.docx", data: string(zipped[:len(zipped)/2]), reason: config.Malformed},
		{name: "rich text", file: "a.doc", data: `{\rtf1 words}`, reason: config.Unsupported},
		{name: "an old Word document", file: "a.docx", data: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", reason: config.Unsupported},
		{name: "an encrypted Word document", file: "a.docx", data: "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1.." + string(office.UTF16LE("EncryptedPackage")), reason: config.Encrypted},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := kindOf(t.Context(), c.file, []byte(c.data))
			reason, _ := config.ReasonOf(err)
			if got != c.want || reason != c.reason {
				t.Errorf("got %q, %v; want %q, %q", got, err, c.want, c.reason)
			}
		})
	}
}

func TestTextOfAnyCommonEncoding(t *testing.T) {
	const want = "Größe: 5 µm\nnächste Zeile"
	utf16Of := func(s string, bigEndian bool) string {
		var b strings.Builder
		for _, u := range utf16.Encode([]rune(s)) {
			if bigEndian {
				b.WriteString(string([]byte{byte(u >> 8), byte(u)}))
			} else {
				b.WriteString(string([]byte{byte(u), byte(u >> 8)}))
			}
		}
		return b.String()
	}
	for _, c := range []struct{ name, data string }{
		{"UTF-8", want},
		{"UTF-8 with a byte order mark", "\ufeff" + want},
		{"UTF-8 with CRLF", strings.ReplaceAll(want, "\n", "\r\n")},
		{"line ends of old Macs", strings.ReplaceAll(want, "\n", "\r")},
		{"UTF-16 little endian with a mark", "\xff\xfe" + utf16Of(want, false)},
		{"UTF-16 big endian with a mark", "\xfe\xff" + utf16Of(want, true)},
		{"UTF-16 little endian", utf16Of(want, false)},
		{"UTF-16 big endian", utf16Of(want, true)},
		{"windows-1252", "Gr\xf6\xdfe: 5 \xb5m\nn\xe4chste Zeile"},
		{"control characters and blanks", "\n\x01Größe: 5 µm \t\nnächste\x7f Zeile\u0085 \n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := textOfFirst(extract(t, "a.txt", c.data)); got != want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestDamagedUTF8KeepsTheRest(t *testing.T) {
	got := textOfFirst(extract(t, "a.txt", "größer als größer und noch größer, aber \xff kaputt"))
	if want := "größer als größer und noch größer, aber \ufffd kaputt"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestNothingToIndex(t *testing.T) {
	for name, data := range map[string]string{
		"a.txt": " \n\t\n", "a.md": "---\ntitle: x\n---\n", "a.html": "<html><body></body></html>", "a.csv": ",\n,\n", "a.json": `{"a": null}`,
	} {
		_, err := shared.Extract(t.Context(), name, []byte(data))
		wantReason(t, err, config.Malformed, "hold")
	}
}

func TestTooMuchTextIsRefusedInEveryFormat(t *testing.T) {
	e := New(Options{MaxText: 100})
	defer e.Close()
	long := strings.Repeat("more words than that ", 20)
	for name, data := range map[string][]byte{
		"a.txt":  []byte(long),
		"a.md":   []byte("# x\n" + long),
		"a.html": []byte("<html><body><p>" + long),
		"a.csv":  []byte("a,b\n" + long + "," + long),
		"a.json": []byte(`{"a": "` + long + `"}`),
		"a.docx": docxOf(t, "<w:p><w:r><w:t>"+long+"</w:t></w:r></w:p>"),
		"a.pptx": pptxOf(t, "<p:sp><a:p><a:r><a:t>"+long+"</a:t></a:r></a:p></p:sp>"),
	} {
		_, err := e.Extract(t.Context(), name, data)
		wantReason(t, err, config.TooLarge, "100 bytes")
	}
}

func TestCancelledExtraction(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, data := range map[string][]byte{
		"a.txt": []byte("x"), "a.html": []byte("<p>x"), "a.csv": []byte("a\nb"), "a.json": []byte(`{"a":1}`), "a.docx": docxOf(t, ""), "a.pdf": []byte("%PDF-1.7"),
	} {
		if _, err := shared.Extract(ctx, name, data); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestMarkdown(t *testing.T) {
	d := extract(t, "a.md", "---\ntitle: \"How it works\"\ntags: [a]\n---\n\n# Überblick\n\ntext\n\nSecond\n------\n\n```\n# no heading\n```\n\n> # quoted\n\n### The `code` and [link](http://x) *here*\nend\n")
	if d.Title != "How it works" {
		t.Errorf("title %q", d.Title)
	}
	if !strings.HasPrefix(textOfFirst(d), "tags: a\n\n# Überblick\n") {
		t.Errorf("front matter is not cut: %q", textOfFirst(d))
	}
	want := []Heading{
		{Offset: 9, Level: 1, Text: "Überblick"},
		{Offset: 28, Level: 2, Text: "Second"},
		{Offset: 77, Level: 3, Text: "The code and link here"},
	}
	if diff := cmp.Diff(want, d.Pages[0].Headings); diff != "" {
		t.Error(diff)
	}
	for _, h := range d.Pages[0].Headings {
		if line, _, _ := strings.Cut(string([]rune(textOfFirst(d))[h.Offset:]), "\n"); !strings.Contains(line, strings.Fields(h.Text)[0]) {
			t.Errorf("heading %q points to %q", h.Text, line)
		}
	}
	if d := extract(t, "b.md", "intro\n\n# First\n\n# Second\n"); d.Title != "First" {
		t.Errorf("without front matter the title is %q, not the first heading", d.Title)
	}
	if d := extract(t, "c.md", "---\nan open rule, no front matter"); !strings.HasPrefix(textOfFirst(d), "---") {
		t.Errorf("text after a rule is lost: %q", textOfFirst(d))
	}
}

func TestMarkdownHeadingKeepsWhatIsNoMarkup(t *testing.T) {
	for md, want := range map[string]string{
		"1. Introduction":        "1. Introduction",
		"2) The *second*":        "2) The second",
		"- a dash":               "- a dash",
		"AT&T":                   "AT&T",
		"`code` and **bold**":    "code and bold",
		"[a link](http://x) end": "a link end",
		"<b>tags</b>":            "tags",
		"<http://x.y>":           "http://x.y",
		"***":                    "***",
	} {
		if got := markup.InlineText(md); got != want {
			t.Errorf("%q becomes %q, want %q", md, got, want)
		}
	}
}

func TestHTML(t *testing.T) {
	article := strings.Repeat("<p>A paragraph of the article, long enough to be read, with commas, and words.</p>", 10)
	d := extract(t, "a.html", `<!DOCTYPE html><html><head><title>The title</title><style>p{}</style></head><body>
<nav><a href="/">Home</a> <a href="/x">Elsewhere</a></nav>
<main><article><h1>Main</h1>`+article+`<h2>Figures</h2>`+article+`<table><tr><th>GPU</th><th>Hours</th></tr><tr><td>A100</td><td>5100</td></tr></table></article></main>
<footer>Imprint</footer><script>alert(1)</script></body></html>`)
	if d.Title != "The title" {
		t.Errorf("title %q", d.Title)
	}
	for _, gone := range []string{"Elsewhere", "Imprint", "alert", "p{}"} {
		if strings.Contains(textOfFirst(d), gone) {
			t.Errorf("the text holds %q", gone)
		}
	}
	if !strings.Contains(textOfFirst(d), "| A100 | 5100") {
		t.Errorf("the table's row is not on one line: %q", textOfFirst(d))
	}
	headings := d.Pages[0].Headings
	if len(headings) == 0 || headings[len(headings)-1].Text != "Figures" {
		t.Errorf("headings %+v", headings)
	}
}

func TestHTMLWithoutAnArticleKeepsItsBody(t *testing.T) {
	d := extract(t, "a.html", "<html><body><h1>Contact</h1><ul><li>Phone 123</li><li>Mail</li></ul></body></html>")
	if !strings.Contains(textOfFirst(d), "Phone 123") || d.Title != "Contact" {
		t.Errorf("title %q, text %q", d.Title, textOfFirst(d))
	}
}

func TestHTMLCharsets(t *testing.T) {
	for name, data := range map[string]string{
		"declared":         "<html><head><meta charset=\"iso-8859-2\"></head><body><p>\xb1\xe6</p></body></html>",
		"UTF-8 undeclared": "<html><body><p>ąć</p></body></html>",
		"UTF-16 by mark":   "\xff\xfe" + string(office.UTF16LE("<html><body><p>ąć</p></body></html>")),
	} {
		if got := textOfFirst(extract(t, "a.html", data)); got != "ąć" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func TestHTMLNestedTooDeep(t *testing.T) {
	for name, deep := range map[string]string{
		"divs":                   strings.Repeat("<div>", 100_000) + "x" + strings.Repeat("</div>", 100_000) + "<h2>y</h2>",
		"quotations":             strings.Repeat("<blockquote>", 5_000) + "x" + strings.Repeat("</blockquote>", 5_000) + "<h2>y</h2>",
		"lists":                  strings.Repeat("<ul><li>", 5_000) + "x" + strings.Repeat("</li></ul>", 5_000) + "<h2>y</h2>",
		"divs around paragraphs": strings.Repeat("<div><p>.</p>", 1_000) + "x" + strings.Repeat("</div>", 1_000) + "<h2>y</h2>",
		"tables":                 strings.Repeat("<table><tr><td>", 2_000) + "x" + strings.Repeat("</td></tr></table>", 2_000) + "<h2>y</h2>",
		"600 spans":              "<p>" + strings.Repeat("<span>", 600) + "x" + strings.Repeat("</span>", 600) + "</p><h2>y</h2>",
	} {
		text := textOfFirst(extract(t, "a.html", "<html><body>"+deep))
		if !strings.Contains(text, "x") || !strings.HasSuffix(text, "y") || len(text) > 5000 {
			t.Errorf("%s: got %d bytes: %.100q", name, len(text), text)
		}
	}
}

func TestAPanicInAReaderFailsTheDocumentOnly(t *testing.T) {
	e := &Extractor{options: Options{MaxText: 1 << 20}} // no PDFium: using it panics
	_, err := e.Extract(t.Context(), "a.pdf", []byte("%PDF-1.7"))
	wantReason(t, err, config.Malformed, "PDF cannot be read")
}

func TestHeadingPath(t *testing.T) {
	d := &Document{Pages: []Page{
		{Headings: []Heading{{Offset: 0, Level: 1, Text: "A"}, {Offset: 10, Level: 2, Text: "A.1"}, {Offset: 20, Level: 4, Text: "A.1.x"}, {Offset: 30, Level: 2, Text: "A.2"}}},
		{},
		{Headings: []Heading{{Offset: 5, Level: 3, Text: "A.2.1"}, {Offset: 9, Level: 1, Text: "B"}}},
	}}
	for _, c := range []struct {
		name         string
		page, offset int
		want         []string
	}{
		{"at a heading", 0, 0, []string{"A"}},
		{"below two levels", 0, 29, []string{"A", "A.1", "A.1.x"}},
		{"a heading ends those of its level and below", 0, 30, []string{"A", "A.2"}},
		{"on the next page", 1, 0, []string{"A", "A.2"}},
		{"before the first heading of a page", 2, 4, []string{"A", "A.2"}},
		{"a lower one on a later page", 2, 5, []string{"A", "A.2", "A.2.1"}},
		{"a new chapter", 2, 100, []string{"B"}},
		{"no such page", 3, 0, nil},
		{"before the first page", -1, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, d.HeadingPath(c.page, c.offset)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestADocumentNamesTheReadersThatTookPart(t *testing.T) {
	page := "<html><body><p>Some text.</p></body></html>"
	mail := mailOf("mixed", encoded("Content-Type: text/html", page),
		encoded("Content-Type: text/csv; name=a.csv\r\nContent-Disposition: attachment", "part,torque\nflange,95\n"))
	for name, c := range map[string]struct {
		data    string
		formats []string
	}{
		"a.txt":  {"Some text.", []string{"text"}},
		"a.html": {page, []string{"html"}},
		"b.txt":  {page, []string{"html"}},
		"a.eml":  {mail, []string{"csv", "html", "mail"}},
		"a.pdf":  {string(pdftest.Document{Pages: []pdftest.Page{{Columns: []string{"Some text."}}}}.Bytes()), []string{"pdf"}},
	} {
		if got, want := extract(t, name, c.data).Readers, config.ReadersOf(c.formats...); got != want {
			t.Errorf("%s was read by %q, want %q", name, got, want)
		}
	}
	for kind, format := range document.FormatOf {
		if !strings.Contains(string(config.ReadersOf(format)), format+"/") {
			t.Errorf("the reader of the %s has no version", kind)
		}
	}
}
