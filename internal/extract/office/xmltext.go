package office

import (
	"context"
	"fmt"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/markup"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

// xmlWriter makes blocks of the elements of an XML document.
type xmlWriter struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one extraction
	source   document.Source
	limit    *document.Limit
	warnings config.Warnings
	title    string
	blocks   []document.Block
	prefix   string // of the next paragraph: the mark of an item, the label of a note
	depth    int    // of lists
	held     int    // bytes in blocks
	err      error  // the first
}

// document makes blocks of the root.
func (w *xmlWriter) document(root *node) {
	switch {
	case isFeed(root):
		w.feed(root)
	case root.name == "svg":
		w.drawing(root)
	case root.isText():
		if title := root.xmlTitle(); title != nil {
			w.title = plain.OneLine(w.lineOf(title))
		}
		w.element(root, 1)
	default:
		w.data(root, nil)
	}
}

// written is the document of the blocks.
func (w *xmlWriter) written() (*document.Document, error) {
	if w.err != nil {
		return nil, w.err
	}
	out := &document.Flow{Context: w.ctx, Limit: w.limit}
	b := document.BlockWriter{Out: out}
	if err := b.WriteLast(w.blocks); err != nil {
		return nil, err
	}
	return document.WithText(out.Single(w.title), config.Malformed, "the XML document holds no text")
}

func (w *xmlWriter) add(b document.Block) {
	if w.held += len(b.Text); w.err == nil {
		w.err = w.limit.Fits(w.held)
	}
	if w.err == nil && (b.Kind == document.TableBlock || !records.IsBlank(b.Text)) {
		w.blocks = append(w.blocks, b)
	}
}

// element writes an element of a text at a level of headings.
func (w *xmlWriter) element(n *node, level int) {
	numbered, isList := xmlListed[n.name]
	switch {
	case xmlSilent[n.name], n.name == xmlComment:
	case xmlRemarks[n.name]:
		w.warnings.Add(config.HiddenText, 1, "remarks of editors")
	case xmlMatter[n.name] && w.depth == 0: // within steps it is of the text
		w.matter(n, level)
	case xmlTables[n.name] && n.holds(xmlRows):
		w.table(n)
	case xmlVerbatim[n.name]:
		w.add(document.Block{Text: strings.Trim(n.content(), "\n")})
	case xmlTerms[n.name]:
		w.caption(n)
		w.terms(n, level)
	case isList:
		w.caption(n)
		w.list(n, level, numbered)
	default:
		w.section(n, level)
	}
}

// section writes an element under its title.
func (w *xmlWriter) section(n *node, level int) {
	title := n.xmlTitle()
	if xmlAdmonitions[n.name] {
		w.prefix += admonition(n) + ": "
	}
	switch {
	case xmlCaptioned[n.name]:
		w.caption(n)
	case title != nil:
		w.add(document.Block{Kind: document.HeadingBlock, Level: level, Text: w.lineOf(title)})
		level++
	}
	w.content(n, level)
	if xmlAdmonitions[n.name] {
		w.prefix = ""
	}
}

// admonition is how a note is meant.
func admonition(n *node) string {
	name := n.name
	if kind := n.attr("type"); name == "note" && kind != "" && kind != "other" {
		name = kind
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// caption writes the title of a figure, a table or a list.
func (w *xmlWriter) caption(n *node) {
	var parts []string
	for _, c := range n.children {
		if isXMLCaption(c) {
			parts = append(parts, w.lineOf(c))
		}
	}
	w.add(document.Block{Kind: document.CaptionBlock, Text: strings.Join(parts, " ")})
}

func isXMLCaption(n *node) bool {
	return xmlTitles[n.name] || n.name == "label" || n.name == "caption"
}

// content writes what is in an element, but its title: runs of text and inline elements as paragraphs.
func (w *xmlWriter) content(n *node, level int) {
	run := &inline{}
	mixed, title := n.isMixed(), n.xmlTitle()
	flush := func() {
		w.paragraph(run.String() + run.addresses())
		run = &inline{}
	}
	for _, c := range n.children {
		switch {
		case c == title || title != nil && c.name == "titleabbrev" || xmlCaptioned[n.name] && isXMLCaption(c):
		case c.name == "" || !xmlBlocks[c.name] && (mixed || xmlParagraphs[n.name]):
			w.inline(run, c, onLine)
		default:
			flush()
			w.element(c, level)
		}
	}
	flush()
}

// paragraph writes a paragraph with what stands before it.
func (w *xmlWriter) paragraph(text string) {
	if text = plain.Fold(text); text == "" {
		return
	}
	b := document.Block{Text: w.prefix + text}
	if w.depth > 0 {
		b.Kind = document.LineBlock
		if w.prefix == "" {
			b.Text = strings.Repeat("  ", w.depth) + text
		}
	}
	w.prefix = ""
	w.add(b)
}

// list writes items with their marks.
func (w *xmlWriter) list(n *node, level int, numbered bool) {
	w.depth++
	number := 0
	for _, c := range n.children {
		if c.name == "" || isXMLCaption(c) || xmlSilent[c.name] || c.name == xmlComment {
			continue
		}
		number++
		mark := "- "
		if numbered {
			mark = fmt.Sprintf("%d. ", number)
		}
		w.item(c, mark, level)
	}
	w.depth--
}

// item writes an element whose first paragraph has a mark.
func (w *xmlWriter) item(n *node, mark string, level int) {
	w.prefix = strings.Repeat("  ", w.depth-1) + mark
	w.content(n, level)
	w.prefix = ""
}

// terms writes terms with what they mean.
func (w *xmlWriter) terms(n *node, level int) {
	w.depth++
	var terms []string
	var read func(*node)
	read = func(n *node) {
		for _, c := range n.children {
			switch c.name {
			case "", "title", "indexterm", xmlComment:
			case "dt", "pt", "term", "glossterm", "dthd":
				terms = append(terms, w.lineOf(c))
			case "dd", "pd", "listitem", "glossdef", "def", "ddhd":
				mark := strings.Join(terms, ", ")
				if mark != "" {
					mark += ": "
				}
				w.item(c, mark, level)
				terms = nil
			default:
				read(c)
			}
		}
	}
	read(n)
	w.depth--
	w.paragraph(strings.Join(terms, ", "))
}

// lineOf is an element on one line.
func (w *xmlWriter) lineOf(n *node) string {
	run := &inline{}
	w.inline(run, n, onLine)
	return plain.Fold(run.String() + run.addresses())
}

// inline writes an element within a line.
func (w *xmlWriter) inline(run *inline, n *node, level baseline) {
	begin, end := "", ""
	switch n.name {
	case "":
		run.write(n.text, level)
		return
	case xmlComment:
		return
	case "math":
		run.write(markup.MathText(htmlOf(n), 0), onLine)
		return
	case "sup", "superscript":
		level = superior
	case "sub", "subscript":
		level = inferior
	case "fn", "footnote":
		begin, end = " (", ")"
	case "quote", "q":
		begin, end = "“", "”"
	case "br", "lb", "linebreak":
		begin = " "
	case "image", "graphic", "inlinegraphic":
		begin = " " + n.attr("alt") + " "
	}
	if xmlSilent[n.name] {
		return
	}
	if xmlRemarks[n.name] {
		w.warnings.Add(config.HiddenText, 1, "remarks of editors")
		return
	}
	run.write(begin, level)
	run.flushTo(level)
	from := run.text.Len()
	divided := level == onLine && !xmlParagraphs[n.name] && !n.isMixed()
	for i, c := range n.children {
		if i > 0 && c.name != "" && divided {
			run.write(separatorIn(n.name), level)
		}
		w.inline(run, c, level)
	}
	if address := addressIn(n); address != "" {
		run.endLink(from, address)
	}
	run.write(end, level)
}

// separatorIn divides the elements of one that holds nothing else.
func separatorIn(name string) string {
	if name == "menucascade" || name == "menuchoice" {
		return " > "
	}
	return " "
}

// addressIn is where an element leads to.
func addressIn(n *node) string {
	switch n.name {
	case "xref", "link", "ulink", "a", "ext-link", "uri", "ref":
		return n.attr("href") + n.plain("url") + n.plain("target")
	}
	return ""
}

// drawing writes the texts of a drawing.
func (w *xmlWriter) drawing(n *node) {
	for _, c := range n.children {
		switch c.name {
		case "text", "title", "desc", "foreignObject":
			w.paragraph(w.lineOf(c))
		case "style", "script", "":
		default:
			w.drawing(c)
		}
	}
}
