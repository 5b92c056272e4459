package extract

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// relationshipsOf makes a part of relationships rId1, rId2, ... from pairs of kind and target, or address.
func relationshipsOf(pairs ...string) string {
	s := `<Relationships>`
	for i := 0; i < len(pairs); i += 2 {
		s += `<Relationship Id="rId` + strconv.Itoa(i/2+1) + `" Type="http://x/relationships/` + pairs[i] + `" Target="` +
			pairs[i+1] + `"`
		if strings.Contains(pairs[i+1], ":") {
			s += ` TargetMode="External"`
		}
		s += `/>`
	}
	return s + `</Relationships>`
}

const relationshipsNamespace = `xmlns:r="r" `

func TestDOCXTakesTheTablesOfAPage(t *testing.T) {
	parts := docxParts(`<w:altChunk ` + relationshipsNamespace + `r:id="rId1"/>`)
	parts["word/_rels/document.xml.rels"] = relationshipsOf("aFChunk", "chunk.html")
	parts["word/chunk.html"] = `<html><body><table><caption>Pumps</caption><tr><th>Pump</th><th>Flow</th></tr><tr><td>Anna</td>` +
		`<td></td></tr><tr><td>Clara</td><td>395</td></tr></table></body></html>`
	d, err := shared.Extract(t.Context(), "a.docx", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	want := []Table{{End: 36, Caption: "Pumps", Header: "Pump | Flow", Columns: []string{"Pump", "Flow"}, Rows: []int{18, 25}}}
	if diff := cmp.Diff(want, d.Pages[0].Tables); diff != "" {
		t.Errorf("%q (-want +got):\n%s", textOfFirst(d), diff)
	}
}

func TestDOCXPartsAroundTheBody(t *testing.T) {
	parts := docxParts(para(words("The limit")+`<w:r><w:footnoteReference w:id="2"/></w:r>`+words(" holds.")+`<w:r>`+
		`<w:commentReference w:id="0"/></w:r>`) +
		para(words("Figures:")+`<w:r><w:drawing><c:chart `+relationshipsNamespace+`r:id="rId5"/></w:drawing></w:r><w:r>`+
			`<w:drawing><dgm:relIds `+relationshipsNamespace+`r:dm="rId6"/></w:drawing></w:r>`) +
		`<w:altChunk ` + relationshipsNamespace + `r:id="rId7"/>` + para(words("The end.")))
	parts["word/_rels/document.xml.rels"] = relationshipsOf("header", "header1.xml", "header", "header2.xml", "footer",
		"footer1.xml",
		"footnotes", "/word/footnotes.xml", "chart", "charts/chart1.xml", "diagramData", "diagrams/data1.xml", "aFChunk",
		"chunk.html", "comments", "comments.xml")
	parts["word/header1.xml"] = `<w:hdr xmlns:w="w">` + para(words("QP-4471 page ")+complexField("PAGE", "3")) + `</w:hdr>`
	parts["word/header2.xml"] = `<w:hdr xmlns:w="w">` + para(words("QP-4471 page ")+complexField("PAGE", "3")) + `</w:hdr>`
	parts["word/footer1.xml"] = `<w:ftr xmlns:w="w">` + para(words("Page ")+complexField("PAGE",
		"3")+words(" of ")+complexField("NUMPAGES", "9")) + `<w:tbl>` + row("Owner", "Marta") + `</w:tbl></w:ftr>`
	parts["word/footnotes.xml"] = `<w:footnotes xmlns:w="w"><w:footnote w:type="separator" w:id="0">` +
		para(words("---")) + `</w:footnote><w:footnote w:id="2">` + para(words("At 20 °C.")) + `</w:footnote></w:footnotes>`
	parts["word/comments.xml"] = `<w:comments xmlns:w="w"><w:comment w:id="0" w:author="Ines">` +
		para(words("Check this.")) + `</w:comment></w:comments>`
	parts["word/charts/chart1.xml"] = chartPart
	parts["word/diagrams/data1.xml"] = diagramPart
	parts["word/chunk.html"] = `<html><body><h1>Annex</h1><p>Imported.</p></body></html>`
	d, err := shared.Extract(t.Context(), "a.docx", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	const want = `QP-4471 page 3

The limit holds.

At 20 °C.

Comment by Ines: Check this.

Figures:

Sales
| North | South
Q1 | 1.5 | 20%
Q2 |  | 35%

Draft
Sign-off by the controller
- Archive

Annex

Imported.

The end.

Owner | Marta`
	if diff := cmp.Diff(want, textOfFirst(d)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Annex"}, d.HeadingPath(0, 200)); diff != "" {
		t.Error(diff)
	}
}

const chartPart = `<c:chartSpace><c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:rich>` +
	`</c:tx></c:title><c:plotArea><c:barChart>
<c:ser><c:tx><c:strRef><c:strCache><c:pt idx="0"><c:v>North</c:v></c:pt></c:strCache></c:strRef></c:tx><c:cat>
<c:strRef><c:strCache><c:pt idx="0"><c:v>Q1</c:v></c:pt><c:pt idx="1"><c:v>Q2</c:v></c:pt></c:strCache></c:strRef>
</c:cat>
<c:val><c:numRef><c:numCache><c:formatCode>General</c:formatCode><c:pt idx="0"><c:v>1.5000000000000002</c:v></c:pt>
</c:numCache></c:numRef></c:val></c:ser>
<c:ser><c:tx><c:v>South</c:v></c:tx><c:val><c:numLit><c:formatCode>0%</c:formatCode><c:pt idx="0"><c:v>0.2</c:v>
</c:pt><c:pt idx="1"><c:v>0.35</c:v></c:pt></c:numLit></c:val></c:ser>
</c:barChart></c:plotArea></c:chart></c:chartSpace>`

const diagramPart = `<dgm:dataModel><dgm:ptLst><dgm:pt modelId="0" type="doc"/><dgm:pt modelId="1"><dgm:t><a:p>` +
	`<a:r><a:t>Sign-off by the controller</a:t></a:r></a:p></dgm:t></dgm:pt>
<dgm:pt modelId="2"><dgm:t><a:p><a:r><a:t>Draft</a:t></a:r></a:p></dgm:t></dgm:pt><dgm:pt modelId="3"><dgm:t><a:p>
<a:r><a:t>Archive</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:ptLst>
<dgm:cxnLst><dgm:cxn srcId="0" destId="1" srcOrd="1"/><dgm:cxn srcId="0" destId="2" srcOrd="0"/>
<dgm:cxn srcId="1" destId="3" srcOrd="0"/></dgm:cxnLst></dgm:dataModel>`

func TestDOCXCountsWhatItLeavesOut(t *testing.T) {
	parts := docxParts(para(words("Seen.")+run(`<w:vanish/>`, "Hidden.")) + `<w:altChunk ` + relationshipsNamespace +
		`r:id="rId1"/>`)
	parts["word/_rels/document.xml.rels"] = relationshipsOf("aFChunk", "chunk.rtf")
	parts["word/chunk.rtf"] = `{\rtf1 words}`
	d, err := shared.Extract(t.Context(), "a.docx", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Warnings{
		{Reason: config.HiddenText, Count: 1},
		{Reason: config.PartsIgnored, Count: 1, Places: []string{"word/chunk.rtf"}},
	}
	if diff := cmp.Diff(want, d.Warnings); diff != "" {
		t.Error(diff)
	}
}

// Prompts stand in the glossary of a document. Links tell their address, but not in headings.
func TestDOCXPromptsAndLinks(t *testing.T) {
	prompt := `<w:p><w:r><w:rPr><w:rStyle w:val="P"/></w:rPr><w:t>Ihr Name</w:t></w:r></w:p>`
	link := `<w:hyperlink ` + relationshipsNamespace + `r:id="rId1">` + words("portal") + `</w:hyperlink>`
	parts := docxParts(paragraphWith("berschrift1", link) + para(words("Apply in the ")+link+words(".")) +
		`<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>` + prompt + `</w:sdtContent></w:sdt>`)
	parts["word/_rels/document.xml.rels"] = relationshipsOf("hyperlink", "https://x.example/leave")
	parts["word/styles.xml"] = strings.Replace(parts["word/styles.xml"], `</w:styles>`,
		`<w:style w:type="character" w:styleId="P"><w:name w:val="Placeholder Text"/></w:style></w:styles>`, 1)
	parts["word/glossary/document.xml"] = `<w:glossaryDocument><w:docParts><w:docPart><w:docPartBody>` + prompt +
		`</w:docPartBody></w:docPart></w:docParts></w:glossaryDocument>`
	d, err := shared.Extract(t.Context(), "a.docx", zipOf(t, parts))
	if err != nil || textOfFirst(d) != "portal\n\nApply in the portal. (https://x.example/leave)" {
		t.Errorf("got %q, %v", textOfFirst(d), err)
	}
}

// An embedded workbook is read where it stands, and its sheets do not end the section around it.
func TestDOCXWithAWorkbookInIt(t *testing.T) {
	parts := docxParts(paragraph("berschrift1", "Stock") +
		para(words("See:")+`<w:r><w:object><o:OLEObject `+relationshipsNamespace+`ProgID="Excel.Sheet.12" r:id="rId1"/>`+
			`</w:object></w:r>`) +
		para(words("The end.")))
	parts["word/_rels/document.xml.rels"] = relationshipsOf("package", "embeddings/book.xlsx")
	parts["word/embeddings/book.xlsx"] = string(zipOf(t, sheetParts(
		`<sheetData><row><c t="str"><v>Part</v></c><c t="str"><v>Units</v></c></row><row><c t="str"><v>Hub</v></c><c>`+
			`<v>7</v></c></row></sheetData>`)))
	d, err := shared.Extract(t.Context(), "a.docx", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	want := Page{
		Text:     "Stock\n\nSee:\n\nS\n\nPart | Units\nHub | 7\n\nThe end.",
		Headings: []Heading{{Offset: 0, Level: 1, Text: "Stock"}},
		Tables:   []Table{{Start: 16, End: 36, Header: "Part | Units", Columns: []string{"Part", "Units"}, Rows: []int{29}}},
	}
	if diff := cmp.Diff(want, d.Pages[0]); diff != "" {
		t.Error(diff)
	}
}

// A document within itself must not be read for ever, nor as often as it is referred to.
func TestDOCXThatHoldsItself(t *testing.T) {
	parts := docxParts(para(words("Here.")) + strings.Repeat(`<w:altChunk `+relationshipsNamespace+`r:id="rId1"/>`, 1000))
	parts["word/_rels/document.xml.rels"] = relationshipsOf("aFChunk", "inner.docx")
	for range 4 {
		parts["word/inner.docx"] = string(zipOf(t, parts))
	}
	d, err := shared.Extract(t.Context(), "a.docx", zipOf(t, parts))
	if err != nil || textOfFirst(d) != "Here.\n\nHere.\n\nHere." {
		t.Errorf("got %q, %v", textOfFirst(d), err)
	}
}
