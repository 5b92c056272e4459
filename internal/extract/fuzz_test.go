package extract

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/mail"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// fuzz feeds an extractor under a name of its kind: whatever the bytes, the outcome is a document as promised or
// a named failure of the document.
func fuzz(f *testing.F, name string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := shared.Extract(t.Context(), name, data)
		if err != nil {
			if _, ok := config.ReasonOf(err); !ok {
				t.Fatalf("the failure has no reason: %v", err)
			}
			if len(err.Error()) > 1000 || !utf8.ValidString(err.Error()) {
				t.Errorf("the message has %d bytes: %q", len(err.Error()), err)
			}
			return
		}
		checkDocument(t, d)
	})
}

// checkDocument holds a document to what Document promises.
func checkDocument(t *testing.T, d *Document) {
	t.Helper()
	texts := 0
	checkLine(t, d.Title)
	for i, p := range d.Pages {
		texts += len(p.Text)
		if p.Number != 0 && p.Number != i+1 {
			t.Errorf("page %d has the number %d", i, p.Number)
		}
		checkText(t, p.Text)
		last, length := 0, utf8.RuneCountInString(p.Text)
		for _, h := range p.Headings {
			if h.Offset < last || h.Offset > length || h.Level < 1 || h.Text == "" {
				t.Errorf("heading %+v after offset %d in a text of %d", h, last, length)
			}
			checkLine(t, h.Text)
			last = h.Offset
		}
		d.HeadingPath(i, last)
		checkTables(t, p)
	}
	if texts == 0 {
		t.Error("a document without text is no failure")
	}
}

// checkTables holds a page's tables to their order: each begins where the one before has ended, with its caption or
// its header, and its rows ascend within it.
func checkTables(t *testing.T, p Page) {
	t.Helper()
	last, text := 0, []rune(p.Text)
	for _, table := range p.Tables {
		if table.Start < last || table.End > len(text) || len(table.Rows) == 0 {
			t.Fatalf("table %+v after offset %d in a text of %d", table, last, len(text))
		}
		head := []rune(cmp.Or(table.Caption, table.Header))
		if rest := text[table.Start:]; len(rest) < len(head) || !slices.Equal(rest[:len(head)], head) {
			t.Errorf("table %+v does not begin with its head", table)
		}
		last = table.Start
		for i, row := range table.Rows {
			if row < last || row >= table.End || i > 0 && row == last {
				t.Errorf("row %d of table %+v begins at %d", i, table, row)
			}
			last = row
		}
		last = table.End
	}
}

func checkText(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("invalid UTF-8: %q", s)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }); i >= 0 {
		t.Errorf("control character %q", s[i:])
	}
	if s != plain.Normalise(s) {
		t.Errorf("normalising again changes %q into %q", s, plain.Normalise(s))
	}
}

func checkLine(t *testing.T, s string) {
	t.Helper()
	checkText(t, s)
	if strings.Contains(s, "\n") || utf8.RuneCountInString(s) > 200 {
		t.Errorf("not a bounded line: %q", s)
	}
}

func FuzzText(f *testing.F) {
	fuzz(f, "a.txt", "words\r\nand lines\x00", "\xff\xfea\x00b\x00", "\xfe\xff\x00a", "Gr\xf6\xdfe", "\ufeff \ufeff\n x", "a\u2028b\x85", "\x1b$B7@\x1b(B", "\x82\xb1\x82\xea", "\xe4\xff\xfe\x00\x00")
}

func FuzzTables(f *testing.F) {
	addHostile(f, ".txt")
	fuzz(f, "a.txt", "A\n=\n\n+-+-+\n|a|b|\n+-+ |\n|c| |\n+-+-+\n", " a | b\n---+---\n 1 |\n", "a  b\n-- --\n1  2", "|a|b|\n|-|-|\n|1|\n", "A  B\n1  2\n3  4\n", "1. A\n\nb\n\nAAAA\n\nx")
}

func FuzzReStructuredText(f *testing.F) {
	fuzz(f, "a.rst", "=\nA\n=\n\n.. list-table:: c\n   :header-rows: 9\n\n   * - a\n     - b\n   *\n", ".. csv-table::\n  :delim: tab\n\n  a\tb\n", "== ==\na  b\n== ==\n   c\n== ==\n")
}

func FuzzAsciiDoc(f *testing.F) {
	addHostile(f, ".adoc")
	fuzz(f, "a.adoc", "= A\n.t\n[cols=\"3*,1\",options=header]\n|===\n|a 2.3+^.>s|b\n3*|c\n|===\n", ",===\n\"a,b\n,===\n", "|===\n|===\n")
}

func FuzzOrg(f *testing.F) {
	fuzz(f, "a.org", "* TODO a :b:\n#+CAPTION: c\n#+NAME: d\n|a|b|\n|-+-|\n#+begin_src\n* x\n#+END_SRC\n", "#+TITLE:\n**\n")
}

func FuzzMediaWiki(f *testing.F) {
	fuzz(f, "a.wiki", "== T ==\n'''a''' [[b|c]]<ref>d</ref> {{e|f=1|2}}\n{|\n|+ g\n! h !! i\n|-\n| colspan=2 | j\nk\n|}\n", "[[a\n\n{{b")
}

func FuzzLaTeX(f *testing.F) {
	fuzz(f, "a.tex", `\title{T}\newcommand{\m}{x}\begin{document}\maketitle\section{S}\m $a_{b}^2$ \(\frac12\) \verb|a| \'\i`,
		`\begin{table}\begin{tabular}{l}a & \begin{tabular}{c}b\\c\end{tabular}\\ \hline \end{tabular}\caption{C}\end{table}`,
		"\\begin{itemize}\\item[a] b % c\n\\end{itemize}\\SI{5}{\\metre}")
}

func FuzzSubtitles(f *testing.F) {
	fuzz(f, "a.vtt", "WEBVTT\n\nNOTE x\n\n1\n00:01.000 --> 00:03.000\n<v A>b</v>\n\nc\n")
}

func FuzzYAML(f *testing.F) {
	fuzz(f, "a.yaml", "a:\n  b: |\n    c:\n  - d:\n---\n\"e\":\n", " a:\nb: &x\n")
}

func FuzzXML(f *testing.F) {
	addHostile(f, ".xml")
	fuzz(f, "a.xml", "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a x='1'><!--d--><e>&b;&nbsp;&z;</e><e/>f", "<topic><title>t</title><p>a<sup>2</sup><xref href='http://a'>b</xref></p><dl><dlentry><dt>a</dt><dd>b</dd></dlentry></dl></topic>",
		"<book><info><title>x</title></info><para>y</para><table><title>z</title><tgroup cols='2'><colspec colname='a'/><tbody><row><entry morerows='9' namest='a' nameend='a'/></row></tbody></tgroup></table></book>",
		"<rss><channel><item><title/><description>&lt;p&gt;a&lt;table&gt;</description></item></channel></rss>", "<plist><dict><key>a</key><true/></dict></plist>", "<svg><text>a", "<a></b></a>")
}

func FuzzMarkdown(f *testing.F) {
	addHostile(f, ".md")
	fuzz(f, "a.md", "---\ntitle: x\n---\n# A\n\nB\n===\n\n## [l](u) `c`\n", "- # a\n> # b\n", "+++\n+++\n#\n#  \n",
		"# \u200b\n\t# x\n```\n# y", strings.Repeat("> ", 300)+"x")
}

func FuzzHTML(f *testing.F) {
	addHostile(f, ".html")
	fuzz(f, "a.html", "<!doctype html><title>t</title><h1>a</h1><p>b<table><tr><td>c<td>d</table>", "<meta charset=utf-16><p>x", "<html><body><pre>\n a\n</pre><ul><li>x<ol><li>y", "<svg><math><template><p>", "<h1>a<br>b</h1>",
		"<table><tr><td colspan=100000000 rowspan=9>x</table>", "<table><tr><td rowspan=3>a<td><table><tr><td>b</table><tr><td><ul><li>c</ul></table>",
		"<table><caption>c</caption><tr><th>a|b<th>c | d<tr><td>1</table><dl><dt>a<dd>b<dd>c</dl>", "<math><mfrac><mn>1<mn>2</mfrac><msup><mi>x", "10<sup>6</sup> <input type=checkbox checked>",
		"<div style='display:none'>x</div><p hidden id=a>y<a href='#a'>z", "<ruby>a<rt>b</ruby><style>.x{display:none}</style><i class=x>y</i>", strings.Repeat("<ul><li><blockquote>", 300)+"x",
		strings.Repeat("<table><tr><td>", 200)+"x", strings.Repeat("<b>", 600)+"x")
}

func FuzzCSV(f *testing.F) {
	addHostile(f, ".csv")
	fuzz(f, "a.csv", "a,b\n1,2\n", "a;b;\"c\nd\"\n1;2;3", "\"", "a\tb\r\n\"x\"y,", "1,2\n,,\n", "sep=|\n\"a\n|\"b|c\n", "# x\n,a,2022\n\"1\n2,3\n\"4\",5", strings.Repeat(",", 20_000), strings.Repeat("\"\n", 2000))
}

func FuzzMail(f *testing.F) {
	addHostile(f, ".eml")
	fuzz(f, "a.eml", "From: a\nSubject: =?utf-8?q?=C3=84?=\nMIME-Version: 1.0\n\nbody",
		"MIME-Version: 1.0\nContent-Type: application/ms-tnef\n\n"+tnefOf(mail.TNEFProperties, mapiOf(mail.MAPIBody, 0x1e, "text"),
			mail.TNEFNextAttachment, "", mail.TNEFAttachment, mapiOf(mail.MAPILongName, 0x1e, "a.txt"), mail.TNEFData, "words"),
		"Content-Type: multipart/mixed; boundary=B\n\n--B\n\nplain\n--B\nContent-Type: text/html\n"+
			"Content-Transfer-Encoding: base64\n\nPHA+eA==\n--B\nContent-Disposition: attachment; filename=a.csv\n\na,b\n1,2\n--B--",
		strings.Repeat("Content-Type: multipart/mixed; boundary=B\n\n--B\n", 50), "Content-Type: text/plain; charset=x-unknown\n\n\xff",
		"Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nContent-Type: message/rfc822\n\na: b\n\nx", "From x\nA: b\n\n")
}

func FuzzNotebook(f *testing.F) {
	addHostile(f, ".ipynb")
	fuzz(f, "a.ipynb", `{"cells":[{"cell_type":"markdown","source":["# a\n","b"]},{"cell_type":"code","source":"x","outputs":[{"text":["y"]}]}]}`,
		`{"worksheets":[{"cells":[{"cell_type":"heading","level":9,"source":"a"}]}]}`, `{"cells":[{"outputs":[{"data":{"text/plain":{}}}]}]}`, `{`)
}

func FuzzJSON(f *testing.F) {
	addHostile(f, ".json")
	fuzz(f, "a.json", `{"title":"x","a":[1,{"b":null},[true,[]]],"":"\u0000\ud800"}`, "{}\n{\"a\":1}\n[2]", `[[[[`,
		`{"a":{"a":`, "{\"\xff\":\"\u2028\"}")
}

func FuzzDOCX(f *testing.F) {
	fuzzPart(f, "a.docx", "word/document.xml", docxParts(""),
		docxParts(paragraph("berschrift1", "a") + "<w:tbl><w:tr><w:tc>" + paragraph("", "b") +
			"</w:tc></w:tr></w:tbl>")["word/document.xml"],
		"<p><tbl><tr></tbl></tr></tc></p><t>x</t></p>", "<p><pStyle val='Deep'/><t>x", "<del><t>x</t></del><Fallback><p/>",
		"<tbl><tbl><tr><tc><p><t>x</t></p></tc></tr>",
		docxParts(strings.Repeat("<w:tbl><w:tr><w:tc>", 300))["word/document.xml"],
		docxParts(`<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="100000000"/><w:vMerge/></w:tcPr></w:tc></w:tr>` +
			`</w:tbl>`)["word/document.xml"],
		docxParts(`<w:p><w:r><w:fldChar w:fldCharType="begin"/><w:instrText>EQ \s\up6(\f(1;</w:instrText>` +
			`<w:fldChar w:fldCharType="end"/></w:r></w:p>`)["word/document.xml"],
		docxParts(`<w:p><m:oMath><m:f><m:num/><m:rad/></m:f></m:oMath></w:p>`)["word/document.xml"])
}

func FuzzPPTX(f *testing.F) {
	fuzzPart(f, "a.pptx", "ppt/slides/slide1.xml", pptxParts(shape("title", "x")),
		pptxParts(shape("title", "a") + shape("body", "b", "c"))["ppt/slides/slide1.xml"],
		"<sp><ph type='title'/><p><t>x</t></p></tr></tc>", "<tbl><tr><tc><p><t>x</t></p></tc></tr></tbl><p><t>y</t></p>",
		pptxParts("<p:grpSp>" + box10(-9, 99999999, -1, 0, "x") + box10(1, 1, 1, 1, "y") +
			"</p:grpSp>")["ppt/slides/slide1.xml"])
}

// fuzzPart fuzzes one part of an Office document: bytes that are no archive would seldom get past the archive.
func fuzzPart(f *testing.F, name, part string, parts map[string]string, seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		fuzzed := maps.Clone(parts)
		fuzzed[part] = content
		d, err := shared.Extract(t.Context(), name, zipOf(t, fuzzed))
		if err != nil {
			if _, ok := config.ReasonOf(err); !ok {
				t.Fatalf("the failure has no reason: %v", err)
			}
			return
		}
		checkDocument(t, d)
	})
}

// FuzzZip fuzzes the archive around an Office document.
func FuzzZip(f *testing.F) {
	addHostile(f, ".docx", ".pptx", ".xlsx", ".ods", ".odt", ".epub")
	fuzz(f, "a.docx", string(docxOf(f, paragraph("berschrift1", "a"))), string(pptxOf(f, shape("title", "x"))),
		"PK\x03\x04")
}

func FuzzPDF(f *testing.F) {
	addHostile(f, ".pdf")
	d := pdftest.Document{Title: "t", Pages: []pdftest.Page{{Columns: []string{"# A\n" + prose, prose}}, {Image: true}},
		Outline: []pdftest.Bookmark{{Title: "A", Page: 0}}}
	locked := d
	locked.Password = "x"
	fuzz(f, "a.pdf", string(d.Bytes()), string(locked.Bytes()), "%PDF-1.7\n", string(d.Bytes()[:700]),
		string(pdftest.Document{Pages: []pdftest.Page{{Content: "BT /F1 1 Tf 9 0 0 9 50 700 Tm (a\\002b) Tj T* (\\001\\377) ' ET"}}}.Bytes()))
}
