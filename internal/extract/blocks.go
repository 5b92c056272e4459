package extract

import "strings"

// block is a paragraph, heading or table on its way into the text. The readers of Office documents make blocks, so
// that what stands in a cell, a text box or a note is read as what stands in the body.
type block struct {
	kind  blockKind
	level int // of a heading
	text  string
	table *officeTable
}

type blockKind int

const (
	paragraphBlock blockKind = iota
	lineBlock                // follows without a blank line: a list item
	headingBlock
	captionBlock // names the table that follows
	tableBlock
	recordEndBlock // the line that follows begins a record
)

// oneLineOf is blocks on one line, as they stand in a cell.
func oneLineOf(blocks []block) string {
	var parts []string
	for _, b := range blocks {
		text := b.text
		if b.kind == tableBlock {
			text = b.table.oneLine()
		}
		if text = oneLineUncut(text); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " ")
}

// oneLineUncut is text with its white space folded.
func oneLineUncut(s string) string { return strings.Join(strings.Fields(s), " ") }

// commentBy is a reviewer's comment as a paragraph.
func commentBy(author, text string) string {
	if author == "" {
		return "Comment: " + text
	}
	return "Comment by " + author + ": " + text
}

// blockWriter writes blocks as text.
type blockWriter struct {
	out     *flow
	caption string // the last block, if it was a caption: it is written with the table, if one follows
	gap     bool   // a record begins with the next block
}

func (w *blockWriter) writeAll(blocks []block) error {
	for _, b := range blocks {
		if err := w.write(b); err != nil {
			return err
		}
	}
	return nil
}

// writeLast writes blocks after which no others come.
func (w *blockWriter) writeLast(blocks []block) error {
	if err := w.writeAll(blocks); err != nil {
		return err
	}
	return w.flush()
}

func (w *blockWriter) write(b block) error {
	if b.kind == tableBlock && !b.table.isLayout() {
		caption := w.caption
		w.caption = ""
		return b.table.write(w.out, caption)
	}
	if err := w.flush(); err != nil {
		return err
	}
	gap := w.gap
	w.gap = b.kind == recordEndBlock
	switch {
	case b.kind == recordEndBlock:
		return nil
	case b.kind == lineBlock && !gap:
		return w.out.line(b.text)
	}
	switch b.kind {
	case headingBlock:
		return w.out.heading(b.level, b.text)
	case captionBlock:
		w.caption = oneLineUncut(b.text)
		return nil
	case tableBlock:
		return w.layout(b.table)
	}
	return w.out.paragraph(b.text)
}

// flush writes a caption after which no table came.
func (w *blockWriter) flush() error {
	caption := w.caption
	w.caption = ""
	return w.out.paragraph(caption)
}

// layout writes the cells of a table that only arranges what it holds.
func (w *blockWriter) layout(t *officeTable) error {
	for _, cell := range t.cells {
		if err := w.writeAll(cell); err != nil {
			return err
		}
	}
	return nil
}
