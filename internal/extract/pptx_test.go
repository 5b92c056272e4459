package extract

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// box is a text box at a place, in tenths of an inch.
func box10(x, y, width, height int, text string) string {
	return `<p:sp><p:nvSpPr><p:cNvPr id="1" name="b"/></p:nvSpPr><p:spPr>` + transform(x, y, width, height) +
		`</p:spPr><p:txBody>` +
		paragraphOf(text) + `</p:txBody></p:sp>`
}

func transform(x, y, width, height int) string {
	emu := func(n int) string { return strconv.Itoa(n * 91440) }
	return `<a:xfrm><a:off x="` + emu(x) + `" y="` + emu(y) + `"/><a:ext cx="` + emu(width) + `" cy="` + emu(height) +
		`"/></a:xfrm>`
}

func paragraphOf(text string) string { return `<a:p><a:r><a:t>` + text + `</a:t></a:r></a:p>` }

const filler = "is a sentence that runs over the line it stands in."

func sentence(x, y int, begin string) string { return box10(x, y, 20, 6, begin+" "+filler) }

func TestPPTXReadingOrder(t *testing.T) {
	for _, c := range []struct{ name, slide, want string }{
		{"from top to bottom, whatever was drawn first", box10(10, 40, 40, 6, "last") + box10(10, 10, 40, 6, "first") +
			box10(10, 25, 40, 6, "second"), "first second last"},
		{"the title first, wherever it stands", box10(10, 10, 40, 6, "above") + shape("title", "Title"), "Title above"},
		{"columns one after the other", box10(50, 10, 30, 6, "B") + box10(10, 20, 30, 20, "a1") + box10(10, 10, 30, 6, "A") +
			box10(50, 20, 30, 9, "b1") + box10(50, 31, 30, 9, "b2"), "A a1 B b1 b2"},
		{"columns below a line over both", box10(10, 2, 70, 6, "line") + box10(50, 10, 30, 6, "B") + box10(50, 20, 30, 6,
			"b") + box10(10, 10, 30, 6, "A") + box10(10, 20, 30, 6, "a") + box10(10, 40, 70, 5, "foot"), "line A a B b foot"},
		{"rows of a grid", box10(40, 10, 20, 6, "1b") + box10(10, 10, 20, 6, "1a") + box10(10, 20, 20, 6, "2a") + box10(40,
			20, 20, 6, "2b") + box10(40, 30, 20, 6, "3b") + box10(10, 30, 20, 6, "3a"), "1a 1b 2a 2b 3a 3b"},
		{"columns of sentences that stand side by side", sentence(40, 10, "1b") + sentence(10, 10, "1a") + sentence(10, 20, "2a") +
			sentence(40, 20, "2b") + sentence(40, 30, "3b") + sentence(10, 30, "3a"), strings.Join([]string{"1a", filler, "2a",
			filler, "3a", filler, "1b", filler, "2b", filler, "3b", filler}, " ")},
		{"a group together", box10(10, 20, 30, 6, "below") + `<p:grpSp><p:grpSpPr>` + transform(10, 5, 60, 10) +
			`</p:grpSpPr>` + box10(900, 0, 30, 6, "right") + box10(0, 0, 30, 6, "left") + `</p:grpSp>`, "left right below"},
		{"a group without a place of its own", `<p:grpSp><p:grpSpPr>` + transform(0, 0, 0, 0) + `</p:grpSpPr>` + box10(10, 20,
			30, 6, "below") + `</p:grpSp>` + box10(10, 5, 30, 6, "above"), "above below"},
		{"boxes over each other", box10(12, 12, 30, 30, "lower") + box10(10, 10, 30, 30, "upper"), "upper lower"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := shared.Extract(t.Context(), "a.pptx", pptxOf(t, c.slide))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(strings.Fields(textOfFirst(d)), " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestPPTXText(t *testing.T) {
	r := func(properties, text string) string {
		return `<a:r><a:rPr ` + properties + `/><a:t>` + text + `</a:t></a:r>`
	}
	numbered := func(level, scheme, text string) string {
		return `<a:p><a:pPr lvl="` + level + `"><a:buAutoNum type="` + scheme + `"/></a:pPr>` + r("", text) + `</a:p>`
	}
	for _, c := range []struct{ name, content, want string }{
		{"powers and indices", `<a:p>` + r("", "10") + r(`baseline="30000"`, "9") + r("", " W, CO") + r(`baseline="-25000"`,
			"2") + `</a:p>`, "10⁹ W, CO₂"},
		{"an equation", `<a:p><mc:AlternateContent><mc:Choice Requires="a14"><a14:m><m:oMath><m:f><m:num><m:r>` +
			`<m:t>12</m:t></m:r></m:num><m:den><m:r><m:t>5</m:t></m:r></m:den></m:f></m:oMath></a14:m></mc:Choice>` +
			`<mc:Fallback>` + r("", "picture") + `</mc:Fallback></mc:AlternateContent></a:p>`, "12/5"},
		{"symbols", `<a:p>` + r("", "5 ") + `<a:r><a:rPr><a:latin typeface="Symbol"/></a:rPr><a:t>m</a:t></a:r>` + r("",
			"m ") + `<a:r><a:rPr><a:sym typeface="Wingdings"/></a:rPr><a:t>à</a:t></a:r></a:p>`, "5 µm →"},
		{"numbers of lists", numbered("0", "arabicPeriod", "a") + numbered("1", "alphaLcParenR", "b") + numbered("1",
			"alphaLcParenR", "c") + numbered("0", "arabicPeriod", "d"), "1. a\na) b\nb) c\n2. d"},
		{"line breaks of other programs", `<a:p>` + r("", "one_x000D_two part_x1234_") + `</a:p>`, "one\ntwo part_x1234_"},
		{"the number of the slide", `<a:p>` + r("", "Slide ") + `<a:fld type="slidenum"><a:t>‹#›</a:t></a:fld></a:p><a:p>` +
			r("", "Alpha ") + `<a:fld type="slidenum"><a:t>3</a:t></a:fld></a:p>`, "Alpha 3"},
		{"text of one point", `<a:p>` + r("", "Seen.") + r(`sz="100"`, "Not seen.") + `</a:p>`, "Seen."},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := shared.Extract(t.Context(), "a.pptx", pptxOf(t, `<p:sp><p:txBody>`+c.content+`</p:txBody></p:sp>`))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, textOfFirst(d)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPPTXTables(t *testing.T) {
	tc := func(attributes, text string) string {
		return `<a:tc ` + attributes + `><a:txBody>` + paragraphOf(text) + `</a:txBody></a:tc>`
	}
	frame := `<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tblPr firstRow="1"/><a:tr>` + tc("", "Team") + tc("",
		"Day") + tc("", "Shift") + `</a:tr><a:tr>` +
		tc(`rowSpan="2"`, "Blue") + tc("", "Mon") + tc("", "Early") + `</a:tr><a:tr>` + tc(`vMerge="1"`, "") + tc("",
		"Tue") + tc("", "") + `</a:tr><a:tr>` +
		tc("", "Red") + tc(`gridSpan="2"`, "off") + tc(`hMerge="1"`, "") +
		`</a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>`
	d, err := shared.Extract(t.Context(), "a.pptx", pptxOf(t, frame))
	if err != nil {
		t.Fatal(err)
	}
	want := Page{
		Number: 1, Slide: true, Text: "Team | Day | Shift\nBlue | Mon | Early\nBlue | Tue |\nRed | off | off",
		Tables: []Table{{Start: 0, End: 66, Header: "Team | Day | Shift", Columns: []string{"Team", "Day", "Shift"},
			Rows: []int{19, 38, 51}}},
	}
	if diff := cmp.Diff(want, d.Pages[0]); diff != "" {
		t.Error(diff)
	}
}

// Some programs leave out the cells that others cover.
func TestPPTXTableWithoutCoveredCells(t *testing.T) {
	tc := func(attributes, text string) string {
		return `<a:tc ` + attributes + `><a:txBody>` + paragraphOf(text) + `</a:txBody></a:tc>`
	}
	d, err := shared.Extract(t.Context(), "a.pptx", pptxOf(t, `<p:graphicFrame><a:tbl><a:tblGrid><a:gridCol/><a:gridCol/>`+
		`<a:gridCol/></a:tblGrid><a:tr>`+tc("", "Team")+tc("", "Mon")+tc("", "Tue")+`</a:tr><a:tr>`+tc("", "Red")+
		tc(`gridSpan="2"`, "off")+`</a:tr></a:tbl></p:graphicFrame>`))
	if err != nil || textOfFirst(d) != "Team | Mon | Tue\nRed | off | off" {
		t.Errorf("got %q, %v", textOfFirst(d), err)
	}
}

func TestPPTXLinksTellTheirAddress(t *testing.T) {
	linked := func(id, text string) string {
		return `<a:r><a:rPr><a:hlinkClick xmlns:r="r" r:id="` + id + `"/></a:rPr><a:t>` + text + `</a:t></a:r>`
	}
	parts := pptxParts(`<p:sp><p:txBody><a:p>` + linked("rId1", "The ") + linked("rId1", "form") +
		`<a:r><a:t>, or </a:t></a:r>` + linked("rId2", "x.example/b") + linked("rId3", " or Ines") + linked("rId4", "?") +
		`</a:p></p:txBody></p:sp>`)
	parts["ppt/slides/_rels/slide1.xml.rels"] = relationshipsOf("hyperlink", "https://x.example/a", "hyperlink",
		"https://x.example/b", "hyperlink", "mailto:ines@x.example", "hyperlink", "ppaction://hlinkshowjump")
	d, err := shared.Extract(t.Context(), "a.pptx", zipOf(t, parts))
	const want = "The form, or x.example/b or Ines? (The form: https://x.example/a; or Ines: ines@x.example)"
	if err != nil || textOfFirst(d) != want {
		t.Errorf("got %q, %v", textOfFirst(d), err)
	}
}

func TestPPTXPartsAroundASlide(t *testing.T) {
	parts := pptxParts(shape("title", "Sales") + shape("ftr", "Confidential") + shape("sldNum", "1") +
		`<p:graphicFrame><a:graphic><a:graphicData><c:chart xmlns:r="r" r:id="rId2"/></a:graphicData></a:graphic>` +
		`</p:graphicFrame>` +
		`<p:graphicFrame><a:graphic><a:graphicData><dgm:relIds xmlns:r="r" r:dm="rId3"/></a:graphicData></a:graphic>` +
		`</p:graphicFrame>`)
	parts["ppt/slides/_rels/slide1.xml.rels"] = relationshipsOf("notesSlide", "../notesSlides/notesSlide1.xml", "chart",
		"../charts/chart1.xml",
		"diagramData", "../diagrams/data1.xml", "comments", "../comments/comment1.xml", "slideLayout",
		"../slideLayouts/slideLayout1.xml")
	parts["ppt/notesSlides/notesSlide1.xml"] = `<p:notes><p:cSld><p:spTree>` + shape("sldImg") + shape("body",
		"Ask Ines.", "Then leave.") + shape("sldNum", "7") + `</p:spTree></p:cSld></p:notes>`
	parts["ppt/charts/chart1.xml"] = chartPart
	parts["ppt/diagrams/data1.xml"] = diagramPart
	parts["ppt/comments/comment1.xml"] = `<p:cmLst><p:cm><p:text>Old form.</p:text></p:cm><p188:cm><p188:replyLst>` +
		`<p188:reply><p188:txBody>` + paragraphOf("A reply.") + `</p188:txBody></p188:reply></p188:replyLst><p188:txBody>` +
		paragraphOf("New form.") + `</p188:txBody></p188:cm></p:cmLst>`
	parts["ppt/slideLayouts/slideLayout1.xml"] = `<p:sldLayout><p:cSld><p:spTree>` + shape("title", "Click to edit") +
		`<p:sp><p:txBody>` + paragraphOf("ACME") + `</p:txBody></p:sp></p:spTree></p:cSld></p:sldLayout>`
	d, err := shared.Extract(t.Context(), "a.pptx", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	const want = `Sales

Confidential

Sales
| North | South
Q1 | 1.5 | 20%
Q2 |  | 35%

Draft
Sign-off by the controller
- Archive

ACME

Notes: Ask Ines.
Then leave.

Comment: Old form.

Comment: New form.

Comment: A reply.`
	if diff := cmp.Diff(want, textOfFirst(d)); diff != "" {
		t.Error(diff)
	}
}

func TestPPTXSaysWhichSlidesAreOnlyPictures(t *testing.T) {
	picture := `<p:pic><p:nvPicPr><p:cNvPr id="2" name="Picture 1" descr="image.png"/></p:nvPicPr></p:pic>`
	d, err := shared.Extract(t.Context(), "a.pptx", pptxOf(t, picture, `<p:grpSp>`+picture+`</p:grpSp>`, "",
		shape("title", "Words")+picture))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Warnings{{Reason: config.PagesWithoutText, Count: 2, Places: []string{"slide 3", "slide 4"}}}
	if diff := cmp.Diff(want, d.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestPPTXThatIsMostlyPictures(t *testing.T) {
	_, err := shared.Extract(t.Context(), "a.pptx", pptxOf(t, "<p:pic/>", "<p:pic/>", shape("title", "Words")))
	wantReason(t, err, config.NoTextLayer, "2 of 3 slides")
}

// Placeholders take their places from the layout, and those of the layout from the master.
func TestPPTXPlacesOfPlaceholders(t *testing.T) {
	placeholder := func(kind, index, properties, text string) string {
		return `<p:sp><p:nvSpPr><p:nvPr><p:ph type="` + kind + `" idx="` + index + `"/></p:nvPr></p:nvSpPr><p:spPr>` +
			properties + `</p:spPr><p:txBody>` + paragraphOf(text) + `</p:txBody></p:sp>`
	}
	parts := pptxParts(placeholder("", "2", "", "right") + placeholder("", "1", "", "left") + placeholder("body", "9", "",
		"master"))
	parts["ppt/slides/_rels/slide1.xml.rels"] = relationshipsOf("slideLayout", "../slideLayouts/slideLayout1.xml")
	parts["ppt/slideLayouts/slideLayout1.xml"] = `<p:sldLayout><p:cSld><p:spTree>` + placeholder("", "1", transform(10,
		10, 30, 20), "") + placeholder("", "2", transform(50, 10, 30, 20), "") + `</p:spTree></p:cSld></p:sldLayout>`
	parts["ppt/slideLayouts/_rels/slideLayout1.xml.rels"] = relationshipsOf("slideMaster",
		"../slideMasters/slideMaster1.xml")
	parts["ppt/slideMasters/slideMaster1.xml"] = `<p:sldMaster><p:cSld><p:spTree>` + placeholder("body", "1",
		transform(10, 2, 70, 5), "") + `</p:spTree></p:cSld></p:sldMaster>`
	d, err := shared.Extract(t.Context(), "a.pptx", zipOf(t, parts))
	if err != nil || textOfFirst(d) != "master\n\nleft\n\nright" {
		t.Errorf("got %q, %v", textOfFirst(d), err)
	}
}
