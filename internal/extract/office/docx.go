package office

import (
	"context"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// ReadDOCX reads a Word document as it is shown: headers, the body with its headings, lists, tables and text boxes,
// footers; notes and comments follow the paragraph that refers to them. Deleted and hidden text and the codes of
// fields are left out.
func ReadDOCX(ctx context.Context, s document.Source) (*document.Document, error) {
	pack, title, err := openTitled(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &document.Flow{Context: ctx, Limit: pack.limit}
	r := &docxReader{ooxml: pack, imports: s.Imports, writer: document.BlockWriter{Out: out},
		notes: map[noteID][]document.Block{},
		read:  map[string]bool{}, furniture: map[string]bool{}}
	for _, read := range []func() error{
		r.readStyles, r.readNumbering, r.readNotes, r.writeHeaders, r.writeBody, r.writeLooseNotes, r.writeFooters,
		r.writer.Flush,
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	if title == "" {
		title = r.title
	}
	d := out.Single(title)
	d.Warnings.Add(config.HiddenText, r.hidden)
	d.Warnings.Add(config.PartsIgnored, len(r.ignored), r.ignored...)
	d.WarnOfSymbols()
	return document.WithText(d, config.NoTextLayer,
		"the document holds no text, perhaps only images; there is no OCR")
}

// docxReader turns WordprocessingML (ECMA-376 part 1, section 17) into blocks.
type docxReader struct {
	*ooxml
	imports   document.Importer
	writer    document.BlockWriter
	styles    docxStyles
	numbering docxNumbering

	relations relationships   // of the main part
	story     relationships   // of the part that is being read
	prompts   map[string]bool // texts of empty content controls; nil until it is needed
	notes     map[noteID][]document.Block
	noteOrder []noteID        // those that nothing has referred to yet
	read      map[string]bool // parts that the text referred to: each is read once
	furniture map[string]bool // lines of headers and footers that were written

	inside      int      // cells, text boxes and notes around the paragraph
	inFurniture bool     // in a header or footer
	hidden      int      // runs that are not shown
	ignored     []string // parts that cannot be read

	title    string // the first paragraph in the style Title
	ground   bool   // there is a colour or a picture behind the text, so that white text may be seen
	fields   []field
	carried  string           // text that the next paragraph continues: its end was deleted, or it is a large initial
	attached []document.Block // what is anchored in the paragraph that is being read: text boxes, notes, charts
	err      error            // the first failure
}

// noteID names a footnote, an endnote or a comment.
type noteID struct{ kind, id string }

// writeBody streams the main part: what is in memory is a paragraph, or a row with its table's text.
func (r *docxReader) writeBody() error {
	var open *document.BlockTable
	finish := func() error {
		if open == nil {
			return nil
		}
		t := open
		open = nil
		return r.writer.Write(document.Block{Kind: document.TableBlock, Table: t})
	}
	err := r.walk(r.main, visitor{
		whole: func(name string) bool {
			switch name {
			case "document", "body", "tbl", "sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag":
				return false
			}
			return true
		},
		open: func(e *node) error {
			if e.name != "tbl" {
				return nil
			}
			err := finish()
			open = document.NewBlockTable(r.limit)
			return err
		},
		node: func(n *node) error {
			if open != nil {
				return r.tablePart(open, n)
			}
			return r.writer.WriteAll(r.blocksOf(n))
		},
		close: func(name string) error {
			if name == "tbl" {
				return finish()
			}
			return nil
		},
	})
	if err == nil {
		err = r.err
	}
	return err
}

// blocks are those of a part of the document that is in memory: a cell, a text box, a note.
func (r *docxReader) blocks(parent *node) []document.Block { return blocksWithin(parent, r.blocksOf) }

func (r *docxReader) blocksOf(n *node) []document.Block {
	switch n.name {
	case "p":
		return r.paragraph(n)
	case "tbl":
		return r.table(n)
	case "AlternateContent":
		return r.blocks(n.alternative(r.holdsText))
	case "altChunk":
		return r.imported(r.story.target(n.relationshipID("id")))
	case "oMathPara", "oMath":
		return []document.Block{{Text: formula(n)}}
	case "background":
		r.ground = true
		return nil
	case "del", "moveFrom":
		return nil
	}
	if isProperty(n.name) {
		return nil
	}
	return r.blocks(n)
}

// isProperty reports whether an element describes others, or what they were before a tracked change.
func isProperty(name string) bool {
	return strings.HasSuffix(name, "Pr") || strings.HasSuffix(name, "Change")
}

// holdsText reports whether there is any text in a part of the document.
func (r *docxReader) holdsText(n *node) bool {
	for _, name := range []string{"t", "sym", "chart", "relIds", "oMath", "textpath"} {
		if n.find(name) != nil {
			return true
		}
	}
	return false
}

// fail keeps a failure. A damaged part that the document only refers to is passed over.
func (r *docxReader) fail(err error) {
	if r.err == nil && !document.IsMalformed(err) {
		r.err = err
	}
}

// hide counts text that is not shown, and so not read.
func (r *docxReader) hide() { r.hidden++ }

// maxCarried is how many bytes of paragraphs without ends become one paragraph.
const maxCarried = 16 << 10

// paragraph is a paragraph and what is anchored in it.
func (r *docxReader) paragraph(p *node) []document.Block {
	properties := p.child("pPr")
	style := r.styles.paragraph(properties.at("pStyle").attr("val"))
	outer := r.attached
	r.attached = nil
	style.shaded = style.shaded || isShaded(properties.at("shd"))
	w := r.newInline(style)
	w.children(p)
	attached := r.attached
	r.attached = outer
	r.endParagraph()
	text := r.carried + w.String()
	r.carried = ""
	if len(text) < maxCarried && isContinuedBelow(properties) {
		r.carried = text
		return attached
	}
	if level := outlineLevel(properties.at("outlineLvl")); level > 0 {
		style.level = level
	}
	label, numbered := r.label(properties, style)
	if strings.TrimSpace(text) == "" && label != "" && label != bullet && r.inside > 0 { // the number of a row
		return append([]document.Block{{Text: label}}, attached...)
	}
	if strings.TrimSpace(text) == "" || r.inFurniture && isPageNumbering(text, w.pages) {
		return attached
	}
	b := document.Block{Text: text + w.addresses()}
	switch {
	case style.title && r.title == "":
		r.title = plain.PlausibleTitle(text)
	case style.level > 0:
		b.Kind, b.Level, b.Text = document.HeadingBlock, style.level, text
	case style.caption:
		b.Kind = document.CaptionBlock
	case numbered:
		b.Kind = document.LineBlock
	}
	if label != "" {
		b.Text = label + " " + strings.TrimLeft(b.Text, " \t")
	}
	return append([]document.Block{b}, attached...)
}

// isContinuedBelow reports whether a paragraph has no end: it was deleted, or the paragraph is a large initial.
func isContinuedBelow(properties *node) bool {
	mark, dropped := properties.at("rPr"), properties.at("framePr").attr("dropCap")
	return mark.at("del") != nil || mark.at("moveFrom") != nil || dropped == "drop" || dropped == "margin"
}

// label is the number or bullet that Word draws before a paragraph of a list.
func (r *docxReader) label(properties *node, style docxStyle) (label string, numbered bool) {
	direct := properties.at("numPr")
	switch list := style.list.override(direct); list.id {
	case "0":
		return "", false
	case "":
		if direct == nil {
			return "", false
		}
		return bullet, true
	default:
		return r.numbering.next(list), true
	}
}
