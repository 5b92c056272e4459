package office

import (
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// docxInline is the text of a paragraph of WordprocessingML.
type docxInline struct {
	inline
	reader *docxReader
	style  runStyle
	shaded bool     // the paragraph stands on a colour of its own
	pages  []string // page numbers in it
}

func (r *docxReader) newInline(style docxStyle) *docxInline {
	w := &docxInline{reader: r, shaded: style.shaded}
	for _, properties := range style.run {
		w.style = w.style.apply(properties)
	}
	return w
}

func (w *docxInline) children(n *node) {
	if n == nil {
		return
	}
	for _, c := range n.children {
		w.element(c)
	}
}

// element writes what an element of a paragraph shows. What it anchors there goes after the paragraph.
func (w *docxInline) element(n *node) {
	switch n.name {
	case "r":
		w.run(n)
	case "t":
		w.show(plain.InFont(w.style.font, n.content()))
	case "sym":
		w.show(plain.Symbol(n.attr("font"), n.attr("char")))
	case "tab", "ptab":
		w.show("\t")
	case "br", "cr":
		w.show("\n")
	case "noBreakHyphen":
		w.show("-")
	case "oMath", "oMathPara":
		w.show(formula(n))
	case "fldChar":
		w.fieldChar(n)
	case "instrText":
		w.instruction(n.content())
	case "fldSimple":
		w.simpleField(n)
	case "sdt":
		w.control(n)
	case "hyperlink":
		w.flush()
		begin := w.text.Len()
		w.children(n)
		w.endLink(begin, w.reader.story.address(n.relationshipID("id")))
	case "ruby":
		w.children(n.child("rubyBase")) // the reading would tear the word apart
	case "AlternateContent":
		w.children(n.alternative(w.reader.holdsText))
	case "del", "moveFrom", "delText", "delInstrText":
	default:
		w.anchored(n)
	}
}

// anchored reads what is drawn beside the text, and descends into elements that only wrap.
func (w *docxInline) anchored(n *node) {
	r := w.reader
	switch n.name {
	case "footnoteReference", "endnoteReference", "commentReference":
		r.attachNote(noteID{strings.TrimSuffix(n.name, "Reference"), n.attr("id")})
	case "txbxContent":
		r.inside++
		r.attach(r.blocks(n)...)
		r.inside--
	case "p", "tbl":
		r.attach(r.blocksOf(n)...)
	case "txBody":
		r.attach(drawingText(n, &r.hidden)...)
	case "chart":
		r.attachPart(chartBlocks, n.relationshipID("id"))
	case "relIds":
		r.attachPart(diagramBlocks, n.relationshipID("dm"))
	case "OLEObject":
		r.attach(withoutHeadings(r.imported(r.story.target(n.relationshipID("id"))))...)
	case "anchor":
		r.ground = r.ground || isTrue(n.attr("behindDoc"))
		w.children(n)
	case "docPr":
		r.attach(alternativeText(n.attr("descr"))...)
	case "textpath":
		r.attach(document.Block{Text: n.attr("string")})
	default:
		if !isProperty(n.name) {
			r.ground = r.ground || strings.Contains(n.attr("style"), "z-index:-")
			r.attach(alternativeText(n.attr("alt"))...)
			w.children(n)
		}
	}
}

// run writes the children of a run in its own style. Of hidden text only the limits of fields matter.
func (w *docxInline) run(n *node) {
	outer := w.style
	properties := n.child("rPr")
	for _, p := range w.reader.styles.byID[properties.at("rStyle").attr("val")].run {
		w.style = w.style.apply(p)
	}
	w.style = w.style.apply(properties)
	if w.reader.styles.byID[properties.at("rStyle").attr("val")].prompt && w.reader.isPrompt(n) {
		return
	}
	if w.isInvisible() {
		if n.find("t") != nil && w.isShown() {
			w.reader.hide()
		}
		for c := range n.elements("fldChar") {
			w.fieldChar(c)
		}
	} else {
		w.children(n)
	}
	w.style = outer
}

// isInvisible reports whether text is certainly not to be seen. White text may stand on the colour of a cell, a text
// box or a style of tables, so only that of the body counts.
func (w *docxInline) isInvisible() bool {
	s, r := w.style, w.reader
	return s.hidden || s.tiny || s.white && !s.shaded && !w.shaded && !r.ground && r.inside == 0
}

// show writes text at the level of its run, unless it belongs to the code of a field.
func (w *docxInline) show(text string) {
	if w.isShown() {
		w.write(text, w.style.level)
	}
}

// control is a content control. A check box shows its state whatever the font of its sign.
func (w *docxInline) control(n *node) {
	properties, content := n.child("sdtPr"), n.child("sdtContent")
	if check := properties.find("checkbox"); check != nil {
		w.show(plain.Box(isOn(check.at("checked"))))
		return
	}
	if isOn(properties.at("showingPlcHdr")) && w.reader.isPrompt(content) {
		return
	}
	w.children(content)
}

// Bounds on fields. Word shows the code of a field up to a length of 255.
const (
	maxFields    = 256 // within each other
	maxFieldCode = 32 << 10
)

// field is a complex field that has begun and not ended. Its code is not shown, its result is.
type field struct {
	code   string
	result bool
	begin  int // bytes of the paragraph where the result begins
}

// isShown reports whether text at this place is not the code of a field.
func (w *docxInline) isShown() bool {
	return !slices.ContainsFunc(w.reader.fields, func(f field) bool { return !f.result })
}

func (w *docxInline) fieldChar(n *node) {
	fields := w.reader.fields
	last := len(fields) - 1
	switch n.attr("fldCharType") {
	case "begin":
		w.formField(n.child("ffData"))
		if len(fields) >= maxFields {
			w.reader.fail(config.Failf(config.TooComplex, "more than %d fields begin within each other: simplify the document",
				maxFields))
			return
		}
		w.reader.fields = append(fields, field{})
	case "separate":
		if last >= 0 {
			w.flush()
			fields[last].result, fields[last].begin = true, w.text.Len()
		}
	case "end":
		if last >= 0 {
			f := fields[last]
			w.reader.fields = fields[:last]
			w.endField(f)
		}
	}
}

func (w *docxInline) instruction(code string) {
	last := len(w.reader.fields) - 1
	if last >= 0 && !w.reader.fields[last].result && len(w.reader.fields[last].code) < maxFieldCode {
		w.reader.fields[last].code += code
	}
}

// formField shows the state of a legacy form field that has no text as its result.
func (w *docxInline) formField(data *node) {
	if check := data.at("checkBox"); check != nil {
		state := check.at("checked")
		if state == nil {
			state = check.at("default")
		}
		w.show(plain.Box(isOn(state)))
	}
	if list := data.at("ddList"); list != nil {
		chosen := count(list.at("result"))
		for entry := range list.elements("listEntry") {
			if chosen == 0 {
				w.show(entry.attr("val"))
			}
			chosen--
		}
	}
}

// endField notes page numbers, and shows fields that have no result but are drawn from their code.
func (w *docxInline) endField(f field) {
	w.flush()
	if f.result && isPageNumber(f.code) && f.begin <= w.text.Len() {
		w.pages = append(w.pages, w.text.String()[f.begin:])
	}
	if f.result {
		w.endLink(f.begin, linkOf(f.code))
	} else {
		w.show(drawnField(f.code))
	}
}

func (w *docxInline) simpleField(n *node) {
	w.flush()
	begin := w.text.Len()
	w.children(n)
	w.endField(field{code: n.attr("instr"), result: true, begin: begin})
}

func isPageNumber(code string) bool {
	words := strings.Fields(code)
	return len(words) > 0 && slices.Contains([]string{"PAGE", "NUMPAGES", "SECTIONPAGES", "SECTION"},
		strings.ToUpper(words[0]))
}

// endParagraph drops fields whose code did not end with the paragraph: they are damaged, and would hide what follows.
func (r *docxReader) endParagraph() {
	r.fields = slices.DeleteFunc(r.fields, func(f field) bool { return !f.result })
}
