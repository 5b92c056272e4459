package extract

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/office"
)

func zipOf(tb testing.TB, parts map[string]string) []byte {
	tb.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, parts[name])
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func docxParts(body string) map[string]string {
	return map[string]string{
		"word/document.xml": `<?xml version="1.0"?>` +
			`<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>` + body +
			`</w:body></w:document>`,
		"word/styles.xml": `<w:styles xmlns:w="x"><w:style w:type="paragraph" w:styleId="Title"><w:name w:val="Title"/>` +
			`</w:style>
<w:style w:type="paragraph" w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Own"><w:name w:val="Mine"/><w:basedOn w:val="berschrift1"/></w:style>
<w:style w:type="character" w:styleId="Raised"><w:rPr><w:vertAlign w:val="superscript"/></w:rPr></w:style>
<w:style w:type="paragraph" w:styleId="Deep"><w:name w:val="Deep"/><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>
</w:styles>`,
	}
}

func docxOf(tb testing.TB, body string) []byte { return zipOf(tb, docxParts(body)) }

func paragraph(style, text string) string {
	return `<w:p><w:pPr><w:pStyle w:val="` + style + `"/></w:pPr><w:r><w:t xml:space="preserve">` + text +
		`</w:t></w:r></w:p>`
}

func TestDOCX(t *testing.T) {
	cell := func(s string) string { return "<w:tc>" + paragraph("", s) + "</w:tc>" }
	d, err := shared.Extract(t.Context(), "a.docx", docxOf(t,
		paragraph("Title", "The Report")+
			paragraph("berschrift1", "Results")+
			`<w:p><w:r><w:t>One </w:t></w:r><w:del><w:r><w:t>gone</w:t></w:r></w:del><w:r><w:tab/><w:t>two</w:t><w:br/>`+
			`<w:t>three</w:t><w:instrText>PAGE</w:instrText></w:r></w:p>`+
			`<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>first item</w:t></w:r></w:p><w:p><w:pPr><w:numPr/></w:pPr><w:r>`+
			`<w:t>second item</w:t></w:r></w:p>`+
			paragraph("Own", "Own heading")+
			`<w:tbl><w:tr>`+cell("GPU")+cell("Hours")+`</w:tr><w:tr>`+cell("A100")+`<w:tc>`+paragraph("",
			"5100")+`<w:tbl><w:tr>`+cell("in")+cell("all")+`</w:tr></w:tbl></w:tc></w:tr></w:tbl>`+
			paragraph("Deep", "Deeper")+
			paragraph("", "The end.")))
	if err != nil {
		t.Fatal(err)
	}
	const want = "The Report\n\nResults\n\nOne \ttwo\nthree\n- first item\n- second item\n\nOwn heading\n\n" +
		"GPU | Hours\nA100 | 5100 in, all\n\nDeeper\n\nThe end."
	if textOfFirst(d) != want {
		t.Errorf("got %q\nwant %q", textOfFirst(d), want)
	}
	if d.Title != "The Report" {
		t.Errorf("title %q", d.Title)
	}
	headings := []Heading{{Offset: 12, Level: 1, Text: "Results"}, {Offset: 64, Level: 1, Text: "Own heading"}, {Offset: 110, Level: 3, Text: "Deeper"}}
	if diff := cmp.Diff(headings, d.Pages[0].Headings); diff != "" {
		t.Error(diff)
	}
}

func TestDOCXFootnotesAreKept(t *testing.T) {
	parts := docxParts(paragraph("", "Body."))
	parts["word/footnotes.xml"] = `<w:footnotes xmlns:w="x"><w:footnote>` + paragraph("", "A note.") +
		`</w:footnote></w:footnotes>`
	parts["docProps/core.xml"] = `<cp:coreProperties><dc:title>From the properties</dc:title>` +
		`<dc:creator>x</dc:creator></cp:coreProperties>`
	d, err := shared.Extract(t.Context(), "a.docx", zipOf(t, parts))
	if err != nil || textOfFirst(d) != "Body.\n\nA note." || d.Title != "From the properties" {
		t.Errorf("got %+v, %v", d, err)
	}
}

func pptxParts(slides ...string) map[string]string {
	parts := map[string]string{}
	ids, relationships := "", ""
	for i, s := range slides {
		n := string(rune('1' + i))
		ids = `<p:sldId id="25` + n + `" r:id="rId` + n + `"/>` + ids // the last slide is shown first
		relationships += `<Relationship Id="rId` + n + `" Type="slide" Target="slides/slide` + n + `.xml"/>`
		parts["ppt/slides/slide"+n+".xml"] = `<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>` + s +
			`</p:spTree></p:cSld></p:sld>`
	}
	parts["ppt/presentation.xml"] = `<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst>` + ids +
		`</p:sldIdLst></p:presentation>`
	parts["ppt/_rels/presentation.xml.rels"] = `<Relationships>` + relationships + `</Relationships>`
	return parts
}

func pptxOf(tb testing.TB, slides ...string) []byte { return zipOf(tb, pptxParts(slides...)) }

func shape(placeholder string, lines ...string) string {
	s := `<p:sp><p:nvSpPr><p:nvPr><p:ph type="` + placeholder + `"/></p:nvPr></p:nvSpPr><p:txBody>`
	for _, l := range lines {
		s += `<a:p><a:r><a:t>` + l + `</a:t></a:r></a:p>`
	}
	return s + `</p:txBody></p:sp>`
}

func TestPPTX(t *testing.T) {
	table := `<p:graphicFrame><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>A100</a:t></a:r></a:p></a:txBody></a:tc>` +
		`<a:tc><a:txBody><a:p><a:r><a:t>128</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></p:graphicFrame>`
	d, err := shared.Extract(t.Context(), "a.pptx", pptxOf(t,
		shape("title", "Second")+shape("body", "a point", "another"),
		shape("ctrTitle", "Shown first")+table))
	if err != nil {
		t.Fatal(err)
	}
	want := []Page{
		{
			Number: 1, Slide: true, Text: "Shown first\n\nA100 | 128", Headings: []Heading{{Offset: 0, Level: 1, Text: "Shown first"}},
			Tables: []Table{{Start: 13, End: 23, Rows: []int{13}}},
		},
		{Number: 2, Slide: true, Text: "Second\n\na point\nanother", Headings: []Heading{{Offset: 0, Level: 1, Text: "Second"}}},
	}
	if diff := cmp.Diff(want, d.Pages); diff != "" {
		t.Error(diff)
	}
}

func TestOfficeFailuresAreNamed(t *testing.T) {
	bomb := docxParts(paragraph("", strings.Repeat("a", 40<<20)))
	many := docxParts(paragraph("", "x"))
	for i := range office.MaxZipEntries {
		many["junk/"+strings.Repeat("x", i%100)+string(rune('a'+i%26))+itoa(i/26%1000)+itoa(i%1000)] = ""
	}
	unclosed := docxParts("")
	unclosed["word/document.xml"] = `<w:document><w:body><w:p`
	for _, c := range []struct {
		name, file string
		data       []byte
		reason     config.Reason
		says       string
	}{
		{"a zip bomb", "a.docx", zipOf(t, bomb), config.TooLarge, "zip bomb"},
		{"too many entries", "a.docx", zipOf(t, many), config.TooLarge, "entries"},
		{"damaged XML", "a.docx", zipOf(t, unclosed), config.Malformed, "word/document.xml"},
		{"only pictures in the document", "a.docx", docxOf(t, "<w:p><w:drawing/></w:p>"), config.NoTextLayer, "OCR"},
		{"only pictures on the slides", "a.pptx", pptxOf(t, "<p:pic/>"), config.NoTextLayer, "OCR"},
		{"no slides", "a.pptx", pptxOf(t), config.Malformed, "no slides"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := shared.Extract(t.Context(), c.file, c.data)
			wantReason(t, err, c.reason, c.says)
		})
	}
}
