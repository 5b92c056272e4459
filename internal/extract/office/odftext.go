package office

import (
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/markup"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// blocks are those of a part of the document that is in memory: a cell, a text box, a note.
func (r *odfReader) blocks(parent *node) []document.Block { return blocksWithin(parent, r.blocksOf) }

func (r *odfReader) blocksOf(n *node) []document.Block {
	switch n.name {
	case "p":
		return r.paragraph(n, "", false)
	case "h":
		return r.paragraph(n, "", true)
	case "list":
		return r.list(n, "", 0)
	case "table":
		t := document.NewBlockTable(r.limit)
		r.rows(t, n, false)
		return []document.Block{{Kind: document.TableBlock, Table: t}}
	case "numbered-paragraph":
		return r.item(n, n.attr("style-name"), max(number(n.attr("level")), 1)-1)
	case "section":
		if isHiddenSection(n) {
			r.hiddenRuns++
			return nil
		}
	case "frame", "custom-shape", "rect", "ellipse", "g", "line", "connector", "a":
		return r.anchored(n)
	case "tracked-changes":
		r.noteDeletions(n)
		return nil
	case "forms", "sequence-decls", "variable-decls", "user-field-decls", "desc":
		return nil
	}
	if strings.HasSuffix(n.name, "-source") || strings.HasSuffix(n.name, "-template") {
		return nil
	}
	return r.blocks(n)
}

// noteDeletions notes which tracked changes delete text. A flat file leaves the text in its place.
func (r *odfReader) noteDeletions(changes *node) {
	for region := range changes.elements("changed-region") {
		if region.child("deletion") != nil {
			r.deleted[region.attr("id")] = true
		}
	}
}

// isHiddenSection reports whether a section is not shown, always or on a condition that held last.
func isHiddenSection(n *node) bool {
	return n.attr("display") == "none" || n.attr("display") == "condition" && n.attr("is-hidden") == "true"
}

// anchored are the blocks of a shape that stands by itself.
func (r *odfReader) anchored(n *node) []document.Block {
	outer := r.attached
	r.attached = nil
	w := odfInline{reader: r}
	w.element(n)
	blocks := r.attached
	r.attached = outer
	if text := w.String(); strings.TrimSpace(text) != "" {
		blocks = append([]document.Block{{Text: text}}, blocks...)
	}
	return blocks
}

// paragraph is a paragraph or a heading, behind the number of its list, and what is anchored in it.
func (r *odfReader) paragraph(n *node, label string, heading bool) []document.Block {
	style := n.attr("style-name")
	outer := r.attached
	r.attached = nil
	w := odfInline{reader: r, style: r.run(runStyle{}, style)}
	w.children(n)
	attached := r.attached
	r.attached = outer
	text := strings.TrimSpace(w.String())
	if text == "" && label != "" && label != bullet && r.cells > 0 { // the number of a row
		text, label = label, ""
	}
	if text == "" {
		return attached
	}
	if w.hidden {
		r.hiddenRuns++
		return nil
	}
	b := document.Block{Text: text}
	if !heading {
		b.Text += w.addresses()
	}
	switch {
	case heading:
		b.Kind, b.Level = document.HeadingBlock, min(max(number(n.attr("outline-level")), 1), listLevels)
		if label == "" && n.attr("is-list-header") != "true" {
			label = r.headingLabel(b.Level)
		}
	case r.isA(style, "Title"):
		if r.title == "" {
			r.title = plain.PlausibleTitle(text)
		}
	case r.isA(style, "Caption"):
		b.Kind = document.CaptionBlock
	case label != "":
		b.Kind = document.LineBlock
	}
	if label != "" {
		b.Text = label + " " + b.Text
	}
	return append([]document.Block{b}, attached...)
}

// headingLabel is the number of a heading, if headings are numbered.
func (r *odfReader) headingLabel(level int) string {
	if r.lists.styles[outlineList] == nil {
		return ""
	}
	return r.lists.next(outlineList, level-1, 0)
}

// list are the items of a list, and of those in it.
func (r *odfReader) list(n *node, style string, level int) []document.Block {
	if own := n.attr("style-name"); own != "" {
		style = own
	}
	if level == 0 && n.attr("continue-numbering") != "true" && n.attr("continue-list") == "" {
		r.lists.restart(style)
	}
	var blocks []document.Block
	for _, item := range n.children {
		if item.name != "list-item" && item.name != "list-header" {
			continue
		}
		blocks = append(blocks, r.item(item, style, level)...)
	}
	return blocks
}

// item is an item of a list: its first paragraph has the number.
func (r *odfReader) item(item *node, style string, level int) []document.Block {
	var blocks []document.Block
	labelled := item.name == "list-header"
	for _, n := range item.children {
		switch n.name {
		case "list":
			blocks = append(blocks, r.list(n, style, level+1)...)
		case "p", "h":
			label := ""
			if !labelled {
				label = r.lists.next(style, level, number(item.attr("start-value")))
				labelled = true
			}
			blocks = append(blocks, r.paragraph(n, label, n.name == "h")...)
		default:
			blocks = append(blocks, r.blocksOf(n)...)
		}
	}
	return blocks
}

func (r *odfReader) rows(t *document.BlockTable, parent *node, header bool) {
	for _, n := range parent.children {
		switch n.name {
		case "table-header-rows":
			r.rows(t, n, true)
		case "table-rows", "table-row-group":
			r.rows(t, n, header)
		default:
			if err := r.row(t, n, header); err != nil {
				r.fail(err)
			}
		}
	}
}

// row reads a row; anything else in a table has no text. Covered cells lie below others that say how far they reach.
func (r *odfReader) row(t *document.BlockTable, n *node, header bool) error {
	if n.name != "table-row" {
		return nil
	}
	var cells []document.BlockCell
	r.cells++
	defer func() { r.cells-- }()
	for c := range n.elements("table-cell") {
		cell := document.BlockCell{
			Blocks: r.blocks(c), Cols: number(c.attr("number-columns-spanned")), Rows: number(c.attr("number-rows-spanned")),
		}
		for range min(max(number(c.attr("number-columns-repeated")), 1), document.MaxSpan) {
			if len(cells) > document.MaxColumns { // which addRow refuses
				break
			}
			cells = append(cells, cell)
		}
	}
	return t.AddRow(cells, header)
}

// odfInline is the text of a paragraph.
type odfInline struct {
	inline
	reader *odfReader
	style  runStyle
	last   byte // of the text so far: white space is written once
	hidden bool // reports whether the paragraph is not shown
}

func (w *odfInline) children(n *node) {
	for _, c := range n.children {
		w.element(c)
	}
}

func (w *odfInline) element(n *node) {
	switch n.name {
	case "":
		w.folded(n.text)
	case "s":
		w.write(strings.Repeat(" ", min(max(number(n.attr("c")), 1), 100)), onLine)
	case "tab":
		w.write("\t", onLine)
	case "line-break":
		w.write("\n", onLine)
	case "span":
		outer := w.style
		w.style = w.reader.run(outer, n.attr("style-name"))
		if w.style.hidden || w.style.tiny {
			w.reader.hiddenRuns++
		} else {
			w.children(n)
		}
		w.style = outer
	case "ruby":
		w.children(n.child("ruby-base").orEmpty())
	case "a":
		w.flush()
		begin := w.text.Len()
		w.children(n)
		w.endLink(begin, n.attr("href"))
	case "hidden-text":
		if n.attr("is-hidden") == "false" {
			w.children(n)
		} else {
			w.reader.hiddenRuns++
		}
	case "hidden-paragraph":
		w.hidden = n.attr("is-hidden") == "true"
	case "fieldmark":
		w.write(fieldOfForm(n), onLine)
	case "change-start":
		w.reader.deleting = w.reader.deleting || w.reader.deleted[n.attr("change-id")]
	case "change-end":
		w.reader.deleting = w.reader.deleting && !w.reader.deleted[n.attr("change-id")]
	case "soft-page-break", "page-number", "title", "desc", "annotation-end", "tracked-changes":
	default:
		w.anchored(n)
	}
}

// folded writes text as OpenDocument means it: white space is one space, but for what has elements of its own.
func (w *odfInline) folded(text string) {
	if w.reader.deleting {
		return
	}
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if c == ' ' || c == '\n' || c == '\t' || c == '\r' {
			if w.last == ' ' {
				continue
			}
			c = ' '
		}
		w.last = c
		b.WriteByte(c)
	}
	w.write(plain.InFont(w.style.font, b.String()), w.style.level)
}

// formula writes MathML, after which white space counts again.
func (w *odfInline) formula(math *node) {
	w.write(markup.MathText(htmlOf(math), 0), onLine)
	w.last = 0
}

// anchored reads what is drawn beside the text, and descends into elements that only wrap.
func (w *odfInline) anchored(n *node) {
	r := w.reader
	switch n.name {
	case "note":
		r.attach(r.blocks(n.child("note-body")))
	case "annotation":
		r.attach(r.annotation(n))
	case "text-box", "p", "h", "list", "table":
		blocks := r.blocks(n)
		if n.name != "text-box" {
			blocks = r.blocksOf(n)
		}
		r.attach(blocks)
	case "object":
		r.object(w, n)
	case "object-ole":
		r.foreignObject(n)
	case "image":
		r.pictures++
	case "frame":
		r.frame(w, n)
	default:
		w.children(n)
	}
}

// fieldOfForm is the state of a field of a form that came from Word.
func fieldOfForm(mark *node) string {
	var entries []string
	chosen, ticked := 0, false
	for parameter := range mark.elements("param") {
		switch value := parameter.attr("value"); parameter.attr("name") {
		case "Checkbox_Checked":
			ticked = isTrue(value)
		case "Dropdown_ListEntry":
			entries = append(entries, value)
		case "Dropdown_Selected":
			chosen = number(value)
		}
	}
	switch kind := mark.attr("type"); {
	case strings.HasSuffix(kind, "FORMCHECKBOX"):
		return plain.Box(ticked)
	case strings.HasSuffix(kind, "FORMDROPDOWN") && chosen >= 0:
		return nth(entries, chosen)
	}
	return ""
}

func (r *odfReader) attach(blocks []document.Block) { r.attached = append(r.attached, blocks...) }

// frame shows the first of its contents: the others are for programs that cannot show it. What an author wrote about
// it follows.
func (r *odfReader) frame(w *odfInline, n *node) {
	for _, c := range n.children {
		if c.name != "" && c.name != "title" && c.name != "desc" {
			w.element(c)
			break
		}
	}
	r.attach(alternativeText(n.at("title").content(), n.at("desc").content()))
}

func (r *odfReader) annotation(n *node) []document.Block {
	var texts []document.Block
	for _, c := range n.children {
		if c.name == "p" || c.name == "list" {
			texts = append(texts, r.blocksOf(c)...)
		}
	}
	text := document.OneLineOf(texts)
	if text == "" {
		return nil
	}
	return []document.Block{{Text: document.CommentBy(n.at("creator").content(), text)}}
}
