package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestXLSXLinksAndEscapes(t *testing.T) {
	parts := sheetParts(`<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Doc</t></is></c>` +
		`<c r="B1" t="inlineStr"><is><t>Who</t></is></c></row><row r="2">` +
		`<c r="A2" t="inlineStr"><is><t>Manual_x000D_ 2_x005F_x0041_</t></is></c><c r="B2" t="inlineStr"><is><t>ann@ex.com</t></is></c>` +
		`<c r="C2" t="str"><f>HYPERLINK("https://ex.com/form","Form A")</f><v>Form A</v></c></row></sheetData>` +
		`<hyperlinks><hyperlink ref="A2:A3" r:id="rId1"/><hyperlink ref="B2" r:id="rId2"/><hyperlink ref="C9" r:id="rId1"/>` +
		`<hyperlink ref="A1" location="S!A1"/><hyperlink ref="A2" r:id="rId2"/></hyperlinks>`)
	parts["xl/worksheets/_rels/sheet1.xml.rels"] = `<Relationships>` +
		`<Relationship Id="rId1" Type="x/hyperlink" Target="https://ex.com/m" TargetMode="External"/>` +
		`<Relationship Id="rId2" Type="x/hyperlink" Target="mailto:ann@ex.com" TargetMode="External"/></Relationships>`
	parts["xl/worksheets/sheet1.xml"] = strings.Replace(parts["xl/worksheets/sheet1.xml"], "<worksheet", `<worksheet xmlns:r="r"`, 1)
	d, err := shared.Extract(t.Context(), "a.xlsx", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	const want = "S\n\nDoc | Who |\nManual 2_x0041_ (https://ex.com/m) | ann@ex.com | Form A (https://ex.com/form)"
	if diff := cmp.Diff(want, textOfFirst(d)); diff != "" {
		t.Error(diff)
	}
}

func TestXLSXPicturesAreDescribed(t *testing.T) {
	parts := sheetParts(`<sheetData><row><c><v>1</v></c></row></sheetData><drawing r:id="rId1"/>`)
	parts["xl/worksheets/_rels/sheet1.xml.rels"] = relationshipsOf("drawing", "../drawings/drawing1.xml")
	parts["xl/drawings/drawing1.xml"] = `<xdr:wsDr><xdr:pic><xdr:nvPicPr><xdr:cNvPr name="Picture 1" descr="Section of pump P-7"/>` +
		`</xdr:nvPicPr></xdr:pic></xdr:wsDr>`
	d, err := shared.Extract(t.Context(), "a.xlsx", zipOf(t, parts))
	if err != nil || textOfFirst(d) != "S\n\n1\n\nSection of pump P-7" {
		t.Errorf("got %q, %v", textOfFirst(d), err)
	}
}

// Word counts the rows of a table by empty paragraphs of a list. LibreOffice does as well.
func TestRowsThatAListCounts(t *testing.T) {
	parts := docxParts(`<w:tbl>` + row("No", "Item") + strings.Repeat(`<w:tr><w:tc>`+listed("0", "1", "")+`</w:tc><w:tc>`+
		para(words("Bolt"))+`</w:tc></w:tr>`, 2) + `</w:tbl>` + listed("0", "1", "") + listed("0", "1", "After"))
	parts["word/numbering.xml"] = numberingPart
	d, err := shared.Extract(t.Context(), "a.docx", zipOf(t, parts))
	if err != nil || textOfFirst(d) != "No | Item\n1. | Bolt\n2. | Bolt\n4. After" {
		t.Errorf("got %q, %v", textOfFirst(d), err)
	}
	cell := func(s string) string { return `<table:table-cell>` + s + `</table:table-cell>` }
	counted := func(more string) string {
		return `<table:table-row>` + cell(`<text:list text:style-name="L1" `+more+`><text:list-item><text:p/></text:list-item>`+
			`</text:list>`) + cell(`<text:p>Nut</text:p>`) + `</table:table-row>`
	}
	d, err = shared.Extract(t.Context(), "a.odt", zipOf(t, odfParts("text", odfTextStyles, `<table:table>`+
		counted("")+counted(`text:continue-numbering="true"`)+`</table:table>`)))
	if err != nil || !strings.HasPrefix(textOfFirst(d), "1. | Nut\n2. | Nut\n") {
		t.Errorf("got %q, %v", textOfFirst(d), err)
	}
}

// Pandoc writes lists of tasks with a box as the bullet, as people do in Word.
func TestDOCXListsOfTasks(t *testing.T) {
	parts := docxParts(listed("0", "1", "Paint") + listed("0", "2", "Sand") + listed("0", "3", "Buy"))
	level := func(id, sign string) string {
		return `<w:abstractNum w:abstractNumId="` + id + `"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="` +
			sign + `"/></w:lvl></w:abstractNum>`
	}
	parts["word/numbering.xml"] = `<w:numbering xmlns:w="w">` + level("1", "☒") + level("2", "☐") + level("3", "•")
	for _, id := range []string{"1", "2", "3"} {
		parts["word/numbering.xml"] += `<w:num w:numId="` + id + `"><w:abstractNumId w:val="` + id + `"/></w:num>`
	}
	parts["word/numbering.xml"] += `</w:numbering>`
	d, err := shared.Extract(t.Context(), "a.docx", zipOf(t, parts))
	if err != nil || textOfFirst(d) != "- ☒ Paint\n- ☐ Sand\n- Buy" {
		t.Errorf("got %q, %v", textOfFirst(d), err)
	}
}

func TestODTFieldsOfFormsAndDeletions(t *testing.T) {
	field := func(kind string, parameters ...string) string {
		s := `<field:fieldmark field:type="vnd.oasis.opendocument.field.` + kind + `">`
		for i := 0; i < len(parameters); i += 2 {
			s += `<field:param field:name="` + parameters[i] + `" field:value="` + parameters[i+1] + `"/>`
		}
		return s + `</field:fieldmark>`
	}
	for _, c := range []struct{ name, body, want string }{
		{"a ticked box", `<text:p>Agreed: ` + field("FORMCHECKBOX", "Checkbox_Checked", "true") + `</text:p>`, "Agreed: ☒"},
		{"a box", `<text:p>Agreed: ` + field("FORMCHECKBOX") + `</text:p>`, "Agreed: ☐"},
		{"a list", `<text:p>Colour: ` + field("FORMDROPDOWN", "Dropdown_ListEntry", "red", "Dropdown_ListEntry", "blue",
			"Dropdown_Selected", "1") + `</text:p>`, "Colour: blue"},
		{"a list without its choice", `<text:p>Colour: ` + field("FORMDROPDOWN", "Dropdown_Selected", "7") + `</text:p>`, "Colour:"},
		{"deletions that a flat file leaves in place", `<text:tracked-changes><text:changed-region text:id="c1"><text:deletion/>` +
			`</text:changed-region><text:changed-region text:id="c2"><text:insertion/></text:changed-region></text:tracked-changes>` +
			`<text:p>Price <text:change-start text:change-id="c1"/>100<text:change-end text:change-id="c1"/>` +
			`<text:change-start text:change-id="c2"/>120<text:change-end text:change-id="c2"/> EUR</text:p>`, "Price 120 EUR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := shared.Extract(t.Context(), "a.odt", zipOf(t, odfParts("text", "", c.body)))
			if err != nil || strings.TrimSuffix(textOfFirst(d), "\n\nQP-4471\n\nQP-4471, left") != c.want {
				t.Errorf("got %q, %v", textOfFirst(d), err)
			}
		})
	}
}

func TestODPWithForeignObjects(t *testing.T) {
	object := func(name string) string {
		return `<draw:page><draw:frame><draw:object-ole xlink:href="./` + name + `"/><draw:image/></draw:frame></draw:page>`
	}
	parts := odfParts("presentation", "", object("Obj100")+object("Obj101"))
	parts["Obj100"] = string(zipOf(t, sheetParts(`<sheetData><row><c><v>7</v></c></row></sheetData>`)))
	parts["Obj101"] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1...."
	d, err := shared.Extract(t.Context(), "a.odp", zipOf(t, parts))
	if err != nil || textOfFirst(d) != "S\n\n7" {
		t.Fatalf("got %+v, %v", d, err)
	}
	if diff := cmp.Diff(config.Warnings{{Reason: config.PartsIgnored, Count: 1, Places: []string{"Obj101"}}}, d.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestPPTXShapesThatAreLinks(t *testing.T) {
	parts := pptxParts(`<p:sp><p:nvSpPr><p:cNvPr><a:hlinkClick xmlns:r="r" r:id="rId9"/></p:cNvPr></p:nvSpPr><p:txBody>` +
		paragraphOf("Order form") + `</p:txBody></p:sp>`)
	parts["ppt/slides/_rels/slide1.xml.rels"] = `<Relationships><Relationship Id="rId9" Type="x/hyperlink" ` +
		`Target="https://ex.com/order" TargetMode="External"/></Relationships>`
	d, err := shared.Extract(t.Context(), "a.pptx", zipOf(t, parts))
	if err != nil || textOfFirst(d) != "Order form (https://ex.com/order)" {
		t.Errorf("got %q, %v", textOfFirst(d), err)
	}
}

// Books of EPUB 2 often draw the names of chapters as paragraphs, or not at all. Their parts may have any type.
func TestEPUBNamesOfChapters(t *testing.T) {
	page := func(body string) string {
		return `<html xmlns="http://www.w3.org/1999/xhtml"><body>` + body + `</body></html>`
	}
	point := func(name, target string) string {
		return `<navPoint><navLabel><text>` + name + `</text></navLabel><content src="` + target + `"/></navPoint>`
	}
	item := func(id, name, kind string) string {
		return `<item id="` + id + `" href="` + name + `" media-type="` + kind + `"/>`
	}
	parts := map[string]string{
		"META-INF/container.xml": `<container><rootfiles><rootfile full-path="book.opf"/></rootfiles></container>`,
		"book.opf": `<package><metadata/><manifest>` + item("a", "a.html", "text/html") + item("b", "b.xhtml", "text/xml") +
			item("c", "c.html", "text/html") + item("d", "d.xml", "application/x-dtbook+xml") +
			item("n", "toc.ncx", "application/x-dtbncx+xml") + `</manifest>` +
			`<spine><itemref idref="a"/><itemref idref="b"/><itemref idref="c"/><itemref idref="d"/></spine></package>`,
		"toc.ncx": `<ncx><navMap>` + point("Alpha", "a.html") + point("Beta", "b.xhtml#top") + point("One", "c.html#1") +
			point("Two", "c.html#2") + `</navMap></ncx>`,
		"a.html":  page(`<p>ALPHA</p><p>First.</p>`),
		"b.xhtml": page(`<p>Second.</p><table><tr><th>K</th><th>V</th></tr><tr><td>x</td><td>1</td></tr></table>`),
		"c.html":  page(`<p>Third.</p>`),
		"d.xml":   `<dtbook><p>Fourth.</p></dtbook>`,
	}
	d, err := shared.Extract(t.Context(), "a.epub", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	const table = "| K | V |\n|---|---|\n| x | 1 |"
	want := []Page{
		{Text: "ALPHA\n\nFirst.", Headings: []Heading{{Level: 1, Text: "Alpha"}}},
		{Text: "# Beta\n\nSecond.\n\n" + table, Headings: []Heading{{Level: 1, Text: "Beta"}}, Tables: []Table{
			{Start: 17, End: 46, Header: "| K | V |\n|---|---|", Columns: []string{"K", "V"}, Rows: []int{37}}}},
		{Text: "Third."},
		{Text: "Fourth."},
	}
	if diff := cmp.Diff(want, d.Pages); diff != "" {
		t.Error(diff)
	}
}

func TestVariantsOfLinksNotesAndOutputs(t *testing.T) {
	for _, c := range []struct{ name, file, data, want string }{
		{"Google's redirection", "a.html", `<p><a href="https://www.google.com/url?q=https://ex.com/real&amp;sa=D">link</a>`, "[link](https://ex.com/real)"},
		{"a search is no redirection", "a.html", `<p><a href="https://www.google.com/url?q=pumps">link</a>`, "[link](https://www.google.com/url?q=pumps)"},
		{"safe links in a cell", "a.html", `<table><tr><th>K<th>V<tr><td>x<td><a href="https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fex.com%2Fd&amp;data=5">doc</a></table>`,
			"| K | V |\n|---|---|\n| x | doc (https://ex.com/d) |"},
		{"the way back from a note", "a.html", `<p>Note text.<a href="#r" role="doc-backlink">↩︎</a></p>`, "Note text."},
		{"a sign of a note that its class tells", "a.html", `<p>Pay 10<a href="#fn1" class="footnote-ref" id="r">1</a> EUR</p>`, "Pay 10¹ EUR"},
		{"an output in JSON", "a.ipynb", `{"cells":[{"cell_type":"code","source":"j","outputs":[{"data":{"application/json":{"pump":"P-7"},"text/plain":["<IPython.core.display.JSON object>"]}}]}]}`,
			"```\nj\n```\n\n```\n{\"pump\":\"P-7\"}\n```"},
		{"a workbook that Excel saved for the web", "a.mht", "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\nContent-Location: file:///C:/1/a.htm\nContent-Type: text/html\n\n<p>Rule</p>\n" +
			"--b\nContent-Location: file:///C:/1/a_files/filelist.xml\nContent-Type: text/xml\n\n<xml><o:File HRef=\"sheet001.htm\"/></xml>\n--b--\n", "Rule"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := extract(t, c.file, c.data)
			if len(d.Pages) != 1 || d.Pages[0].Text != c.want {
				t.Errorf("got %+v, want %q", d.Pages, c.want)
			}
		})
	}
}
