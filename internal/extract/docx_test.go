package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// run is a run of WordprocessingML with properties.
func run(properties, text string) string {
	return `<w:r><w:rPr>` + properties + `</w:rPr><w:t xml:space="preserve">` + text + `</w:t></w:r>`
}

func words(text string) string { return run("", text) }

func para(content string) string { return `<w:p>` + content + `</w:p>` }

func drawn(text string) string {
	return `<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wp:anchor>` +
		`<wp:docPr id="1" name="Text Box 1"/>` +
		`<a:graphic><a:graphicData><wps:wsp><wps:txbx><w:txbxContent>` + para(words(text)) +
		`</w:txbxContent></wps:txbx></wps:wsp>` +
		`</a:graphicData></a:graphic></wp:anchor></w:drawing></mc:Choice><mc:Fallback>` + vml(text) +
		`</mc:Fallback></mc:AlternateContent></w:r>`
}

func vml(text string) string {
	return `<w:pict><v:shape><v:textbox><w:txbxContent>` + para(words(text)) +
		`</w:txbxContent></v:textbox></v:shape></w:pict>`
}

func complexField(code, result string) string {
	return `<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>` + code + `</w:instrText></w:r>` +
		`<w:r><w:fldChar w:fldCharType="separate"/></w:r>` + words(result) + `<w:r><w:fldChar w:fldCharType="end"/></w:r>`
}

func row(cells ...string) string {
	s := `<w:tr>`
	for _, c := range cells {
		if !strings.HasPrefix(c, "<w:tc") {
			c = `<w:tc>` + para(words(c)) + `</w:tc>`
		}
		s += c
	}
	return s + `</w:tr>`
}

func listed(level, id, text string) string {
	return para(`<w:pPr><w:numPr><w:ilvl w:val="` + level + `"/><w:numId w:val="` + id + `"/></w:numPr></w:pPr>` +
		words(text))
}

func TestDOCXBody(t *testing.T) {
	mathRun := func(s string) string { return `<m:r><m:t>` + s + `</m:t></m:r>` }
	for _, c := range []struct{ name, body, want string }{
		{"a text box between the words of its host", para(words("Before ") + drawn("In the box.") + words("after.")),
			"Before after.\n\nIn the box."},
		{"a text box in VML alone", para(words("Host.") + `<w:r>` + vml("Old box.") + `</w:r>`), "Host.\n\nOld box."},
		{"a text box in a text box", para(words("Host.") + `<w:r><w:pict><v:textbox><w:txbxContent>` +
			para(words("Outer.")+drawn("Inner.")) + `</w:txbxContent></v:textbox></w:pict></w:r>`), "Host.\n\nOuter.\n\nInner."},
		{"a text box in a heading", paragraphWith("berschrift1", words("Turbine")+drawn("Note.")), "Turbine\n\nNote."},
		{"a text box in a list item", listed("0", "9", "item") + para(`<w:pPr><w:numPr/>`+
			`</w:pPr>`+drawn("Note.")+words("next")),
			"- item\n- next\n\nNote."},
		{"a text box in a cell", `<w:tbl>` + row("a", "b") + row("<w:tc>"+para(words("c")+drawn("boxed"))+"</w:tc>", "d") +
			`</w:tbl>`,
			"a | b\nc boxed | d"},
		{"a choice without text", para(`<w:r><mc:AlternateContent><mc:Choice Requires="x"><w:drawing/></mc:Choice>` +
			`<mc:Fallback>` +
			vml("Only here.") + `</mc:Fallback></mc:AlternateContent></w:r>`), "Only here."},
		{"alternatives of whole paragraphs", `<mc:AlternateContent><mc:Choice Requires="x">` + para(words("new")) +
			`</mc:Choice><mc:Fallback>` + para(words("old")) + `</mc:Fallback></mc:AlternateContent>`, "new"},
		{"word art", para(`<w:r><w:pict><v:shape><v:textpath string="DRAFT"/></v:shape></w:pict></w:r>`), "DRAFT"},
		{"a picture described by its author", para(words("See:") +
			`<w:r><w:drawing><wp:inline><wp:docPr descr="Valve V9 in the closed position"/></wp:inline></w:drawing></w:r>`),
			"See:\n\nValve V9 in the closed position"},
		{"a picture described by a program", para(words("See:") + `<w:r><w:drawing>` +
			`<wp:docPr descr="A dog. Description automatically generated"/></w:drawing></w:r>`), "See:"},

		{"powers over runs", para(words("10") + run(`<w:vertAlign w:val="superscript"/>`, "-") +
			run(`<w:vertAlign w:val="superscript"/>`, "6") + words(" m")), "10⁻⁶ m"},
		{"an index", para(words("H") + run(`<w:vertAlign w:val="subscript"/>`, "2") + words("O")), "H₂O"},
		{"an ordinal", para(words("1") + run(`<w:vertAlign w:val="superscript"/>`, "st") + words(" floor")), "1st floor"},
		{"a character style that raises", para(words("10") + run(`<w:rStyle w:val="Raised"/>`, "6")), "10⁶"},
		{"a fraction", para(`<m:oMath><m:f><m:num>` + mathRun("a+b") + `</m:num><m:den>` + mathRun("2") +
			`</m:den></m:f></m:oMath>`), "(a+b)/2"},
		{"a root, a sum and brackets", para(`<m:oMathPara><m:oMath><m:rad><m:deg>` + mathRun("3") + `</m:deg><m:e>` +
			mathRun("x+1") + `</m:e></m:rad>` + mathRun("=") +
			`<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>` + mathRun("i=1") + `</m:sub><m:sup>` + mathRun("n") +
			`</m:sup><m:e><m:d><m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr><m:e>` +
			mathRun("y") + `</m:e></m:d></m:e></m:nary></m:oMath></m:oMathPara>`), "∛(x+1)=∑_(i=1)^n [y]"},
		{"power and index of one base", para(`<m:oMath><m:sSubSup><m:e>` + mathRun("x") + `</m:e><m:sub>` + mathRun("1") +
			`</m:sub><m:sup>` + mathRun("2") + `</m:sup></m:sSubSup></m:oMath>`), "x₁²"},
		{"a matrix", para(`<m:oMath><m:m><m:mr><m:e>` + mathRun("1") + `</m:e><m:e>` + mathRun("2") +
			`</m:e></m:mr><m:mr><m:e>` + mathRun("3") + `</m:e><m:e>` + mathRun("4") + `</m:e></m:mr></m:m></m:oMath>`),
			"[1, 2; 3, 4]"},
		{"many brackets", para(`<m:oMath>` + strings.Repeat(`<m:d><m:e>`, 100) + mathRun("x") +
			strings.Repeat(`</m:e></m:d>`, 100) + `</m:oMath>`), strings.Repeat("(", 100) + "x" + strings.Repeat(")", 100)},
		{"many alternatives", para(`<m:oMath>` + strings.Repeat(`<mc:AlternateContent><mc:Choice>`, 100) + mathRun("x") +
			strings.Repeat(`</mc:Choice></mc:AlternateContent>`, 100) + `</m:oMath>`), "x"},
		{"a matrix in brackets of its own", para(`<m:oMath><m:d><m:e><m:m><m:mr><m:e>` + mathRun("1") + `</m:e><m:e>` +
			mathRun("2") + `</m:e></m:mr></m:m></m:e></m:d></m:oMath>`), "(1, 2)"},
		{"a binomial coefficient", para(`<m:oMath><m:d><m:dPr/><m:e><m:f><m:fPr><m:type m:val="noBar"/></m:fPr><m:num>` +
			mathRun("n") + `</m:num><m:den>` + mathRun("k") + `</m:den></m:f></m:e></m:d></m:oMath>`), "(n over k)"},
		{"lines of an equation that are aligned", para(`<m:oMath><m:eqArr><m:e>` + mathRun("a&amp;=b") + `</m:e><m:e>` +
			mathRun("c&amp;=d") + `</m:e></m:eqArr></m:oMath>`), "a=b; c=d"},
		{"a power of a power", para(`<m:oMath><m:sSup><m:e><m:sSup><m:e>` + mathRun("2") + `</m:e><m:sup>` + mathRun("3") +
			`</m:sup></m:sSup></m:e><m:sup>` + mathRun("4") + `</m:sup></m:sSup></m:oMath>`), "(2³)⁴"},
		{"a symbol", para(words("5 ") + `<w:r><w:sym w:font="Symbol" w:char="F06D"/></w:r>` + words("m")), "5 µm"},
		{"letters in the font Symbol", para(run(`<w:rFonts w:ascii="Symbol"/>`, "D") + words("T")), "ΔT"},
		{"private characters", para(words("5 \uf06dm")), "5 µm"},
		{"ticks of Wingdings", para(`<w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:t> yes </w:t>` +
			`<w:sym w:font="Wingdings" w:char="F0A8"/><w:t> no</w:t></w:r>`), "☑ yes ☐ no"},
		{"a check box as a content control", para(`<w:sdt><w:sdtPr><w14:checkbox><w14:checked w14:val="1"/>` +
			`</w14:checkbox></w:sdtPr><w:sdtContent><w:r><w:sym w:font="Private" w:char="F0FE"/></w:r></w:sdtContent></w:sdt>` +
			words(" agreed")), "☒ agreed"},
		{"check boxes of a form", para(`<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox>` +
			`<w:default w:val="0"/><w:checked/></w:checkBox></w:ffData></w:fldChar></w:r><w:r>` +
			`<w:instrText> FORMCHECKBOX </w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>` + words(" signed")),
			"☒ signed"},
		{"the choice of a form", para(words("Size: ") + `<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList>` +
			`<w:result w:val="1"/><w:listEntry w:val="small"/><w:listEntry w:val="large"/></w:ddList></w:ffData>` +
			`</w:fldChar></w:r><w:r><w:instrText>FORMDROPDOWN</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>`),
			"Size: large"},
		{"an equation field", para(words("factor ") + `<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r>` +
			`<w:instrText> EQ \f(12;5) </w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>`), "factor 12/5"},
		{"a symbol field", para(`<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r>` +
			`<w:instrText>SYMBOL 109 \f "Symbol"</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>` + words("m")),
			"µm"},
		{"a field in the code of another", para(complexField(`IF `+complexField("MERGEFIELD x", "7")+` = 7`, "seven")),
			"seven"},
		{"a field that never ends", para(`<w:r><w:fldChar w:fldCharType="begin"/></w:r>`+words("code")) +
			para(words("text")), "text"},

		{"a link in a field", para(complexField(`HYPERLINK "https://x.example/a" \h`, "form") + complexField(
			`HYPERLINK \l "part"`, " there")), "form there (https://x.example/a)"},
		{"a large initial", para(`<w:pPr><w:framePr w:dropCap="drop"/></w:pPr>`+words("O")) + para(words("nce.")), "Once."},
		{"empty content controls", para(words("Name: ") + `<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>` +
			words("Click or tap here to enter text.") + `</w:sdtContent></w:sdt><w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr>` +
			`<w:sdtContent>` + words("Ines, filled in by a program") + `</w:sdtContent></w:sdt>`),
			"Name: Ines, filled in by a program"},

		{"moved, inserted and deleted text", para(`<w:moveFrom>`+words("moved ")+`</w:moveFrom>`+
			`<w:ins>`+words("new ")+`</w:ins><w:del>`+words("old ")+`</w:del>`+words("text")) +
			para(`<w:moveTo>`+words("moved")+`</w:moveTo>`), "new text\n\nmoved"},
		{"a deleted paragraph mark", para(`<w:pPr><w:rPr><w:del/></w:rPr></w:pPr>`+words("One ")) + para(words("sentence.")),
			"One sentence."},
		{"a deleted row", `<w:tbl>` + row("a", "b") + `<w:tr><w:trPr><w:del/></w:trPr><w:tc>` + para(words("gone")) +
			`</w:tc></w:tr>` + row("c", "d") + `</w:tbl>`, "a | b\nc | d"},
		{"a style before a tracked change", para(`<w:pPr><w:pStyle w:val="Title"/><w:pPrChange><w:pPr>` +
			`<w:pStyle w:val="berschrift1"/></w:pPr></w:pPrChange></w:pPr>` + words("The title")), "The title"},
		{"ruby", para(`<w:r><w:ruby><w:rubyPr/><w:rt>` + words("とう") + `</w:rt><w:rubyBase>` + words("東") +
			`</w:rubyBase></w:ruby></w:r>` + words("京")), "東京"},
		{"hidden text", para(words("Seen.") + run(`<w:vanish/>`, "Not seen.") + run(`<w:sz w:val="2"/>`, "Tiny.") +
			run(`<w:color w:val="FFFFFF"/>`, "White.")), "Seen."},
		{"white text on a colour", para(run(`<w:color w:val="FFFFFF"/><w:shd w:val="clear" w:fill="000080"/>`, "Seen.")),
			"Seen."},
		{"white text in a paragraph on a colour", para(`<w:pPr><w:shd w:val="clear" w:fill="1F4E79"/></w:pPr>` +
			run(`<w:color w:val="FFFFFF" w:themeColor="background1"/>`, "Banner")), "Banner"},
		{"white text over a picture", para(`<w:r><w:drawing><wp:anchor behindDoc="1"><pic:pic/></wp:anchor></w:drawing>` +
			`</w:r>` +
			run(`<w:color w:val="FFFFFF"/>`, "Cover")), "Cover"},
		{"white text in a cell", `<w:tbl>` + row("<w:tc>"+para(run(`<w:color w:val="FFFFFF"/>`, "Head"))+"</w:tc>", "b") +
			`</w:tbl>`, "Head | b"},
		{"text of the web view alone", para(run(`<w:webHidden/>`, "12")), "12"},
		{"content controls around everything", `<w:sdt><w:sdtContent>` +
			para(`<w:sdt><w:sdtContent>`+words("in")+`</w:sdtContent></w:sdt>`) +
			`<w:tbl><w:sdt><w:sdtContent>` + row(`<w:tc>`+para(words("x"))+`</w:tc>`, "y") +
			`</w:sdtContent></w:sdt></w:tbl></w:sdtContent></w:sdt>`, "in\n\nx | y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := shared.Extract(t.Context(), "a.docx", docxOf(t, c.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, textOfFirst(d)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func paragraphWith(style, content string) string {
	return para(`<w:pPr><w:pStyle w:val="` + style + `"/></w:pPr>` + content)
}

func TestDOCXTables(t *testing.T) {
	spanning := func(columns, text string) string {
		return `<w:tc><w:tcPr><w:gridSpan w:val="` + columns + `"/></w:tcPr>` + para(words(text)) + `</w:tc>`
	}
	merged := func(merge, text string) string {
		return `<w:tc><w:tcPr><w:vMerge ` + merge + `/></w:tcPr>` + para(words(text)) + `</w:tc>`
	}
	for _, c := range []struct {
		name, body, want string
		table            Table
	}{
		{
			"merged cells", `<w:tbl>` + row("Region", "Product", "Units") + row(merged(`w:val="restart"`, "Benelux"), "Cable",
				"812") +
				row(merged("", ""), "Hub", "") + row("All", spanning("2", "n/a")) + `</w:tbl>`,
			"Region | Product | Units\nBenelux | Cable | 812\nBenelux | Hub |\nAll | n/a | n/a",
			Table{Start: 0, End: 78, Header: "Region | Product | Units", Columns: []string{"Region", "Product", "Units"},
				Rows: []int{25, 47, 63}},
		},
		{
			"a header of two rows under a title", paragraphWith("Caption", words("Table 1: Load")) + `<w:tbl>` +
				row(spanning("3", "All sites")) +
				row("", spanning("2", "2024")) + row("Site", "Q1", "Q2") + row("Ghent", "1", "2") + `</w:tbl>`,
			"Table 1: Load All sites\n| 2024 | 2024\nSite | Q1 | Q2\nGhent | 1 | 2",
			Table{
				Start: 0, End: 66, Caption: "Table 1: Load All sites", Header: "| 2024 | 2024\nSite | Q1 | Q2",
				Columns: []string{"Site", "2024 Q1", "2024 Q2"}, Rows: []int{53},
			},
		},
		{
			"rows that the document calls headers", `<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr><w:tc>` + para(words("1")) +
				`</w:tc><w:tc>` + para(words("2")) + `</w:tc></w:tr>` + row("3", "4") + `</w:tbl>`,
			"1 | 2\n3 | 4", Table{Start: 0, End: 11, Header: "1 | 2", Columns: []string{"1", "2"}, Rows: []int{6}},
		},
		{
			"figures alone", `<w:tbl>` + row("1", "2") + row("3", "4") + `</w:tbl>`, "1 | 2\n3 | 4", Table{Start: 0, End: 11,
				Rows: []int{0, 6}},
		},
		{
			"a cell that joins the one to its left", `<w:tbl>` + row("a", "b", "c") +
				row(`<w:tc><w:tcPr><w:hMerge w:val="restart"/></w:tcPr>`+para(words("x"))+`</w:tc>`,
					`<w:tc><w:tcPr><w:hMerge/></w:tcPr><w:p/></w:tc>`, "y") + `</w:tbl>`,
			"a | b | c\nx | x | y", Table{Start: 0, End: 19, Header: "a | b | c", Columns: []string{"a", "b", "c"},
				Rows: []int{10}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts := docxParts(c.body)
			parts["word/styles.xml"] = strings.Replace(parts["word/styles.xml"], "</w:styles>",
				`<w:style w:styleId="Caption"><w:name w:val="caption"/></w:style></w:styles>`, 1)
			d, err := shared.Extract(t.Context(), "a.docx", zipOf(t, parts))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Page{Text: c.want, Tables: []Table{c.table}}, d.Pages[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDOCXTablesThatOnlyArrange(t *testing.T) {
	body := `<w:tbl>` + row(`<w:tc>`+paragraphWith("berschrift1", words("In a frame"))+para(words("Text."))+`</w:tc>`) +
		`</w:tbl>`
	d, err := shared.Extract(t.Context(), "a.docx", docxOf(t, body))
	if err != nil {
		t.Fatal(err)
	}
	want := Page{Text: "In a frame\n\nText.", Headings: []Heading{{Offset: 0, Level: 1, Text: "In a frame"}}}
	if diff := cmp.Diff(want, d.Pages[0]); diff != "" {
		t.Error(diff)
	}
}

func TestDOCXCountsSymbolsThatAreNotKnown(t *testing.T) {
	body := para(words("5 ") + `<w:r><w:sym w:font="Private" w:char="F0C7"/><w:sym w:font="Wingdings" w:char="F05D"/></w:r>`)
	d, err := shared.Extract(t.Context(), "a.docx", docxOf(t, body))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Warnings{{Reason: config.UndecodableText, Count: 2}}, d.Warnings); diff != "" {
		t.Errorf("%q: %s", textOfFirst(d), diff)
	}
}
