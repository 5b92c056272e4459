package document

import (
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Block is a paragraph, heading or table on its way into the text. The readers of Office documents make blocks, so
// that what stands in a cell, a text box or a note is read as what stands in the body.
type Block struct {
	Kind  BlockKind
	Level int         // of a heading
	Text  string      // of any block but a table
	Table *BlockTable // nil unless Kind is TableBlock
}

// BlockKind tells what a Block is.
type BlockKind int

// The kinds of blocks.
const (
	ParagraphBlock BlockKind = iota
	LineBlock                // follows without a blank line: a list item
	HeadingBlock
	CaptionBlock // names the table that follows
	TableBlock
	RecordEndBlock // the line that follows begins a record
)

// OneLineOf is blocks on one line, as they stand in a cell.
func OneLineOf(blocks []Block) string {
	var parts []string
	for _, b := range blocks {
		text := b.Text
		if b.Kind == TableBlock {
			text = b.Table.oneLine()
		}
		if text = plain.Fold(text); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " ")
}

// CommentBy is a reviewer's comment as a paragraph.
func CommentBy(author, text string) string {
	if author == "" {
		return "Comment: " + text
	}
	return "Comment by " + author + ": " + text
}

// BlockWriter writes blocks as text.
type BlockWriter struct {
	Out     *Flow
	caption string // the last block, if it was a caption: it is written with the table, if one follows
	gap     bool   // a record begins with the next block
}

// WriteAll writes blocks in order. It keeps back a caption at their end: a table may follow.
func (w *BlockWriter) WriteAll(blocks []Block) error {
	for _, b := range blocks {
		if err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// WriteLast writes blocks after which no others come.
func (w *BlockWriter) WriteLast(blocks []Block) error {
	if err := w.WriteAll(blocks); err != nil {
		return err
	}
	return w.Flush()
}

// Write writes a block, or keeps it if it is a caption, until it is known whether a table follows.
func (w *BlockWriter) Write(b Block) error {
	if b.Kind == TableBlock && !b.Table.isLayout() {
		caption := w.caption
		w.caption = ""
		return b.Table.Write(w.Out, caption)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	gap := w.gap
	w.gap = b.Kind == RecordEndBlock
	switch {
	case b.Kind == RecordEndBlock:
		return nil
	case b.Kind == LineBlock && !gap:
		return w.Out.Line(b.Text)
	}
	switch b.Kind {
	case HeadingBlock:
		return w.Out.Heading(b.Level, b.Text)
	case CaptionBlock:
		w.caption = plain.Fold(b.Text)
		return nil
	case TableBlock:
		return w.layout(b.Table)
	}
	return w.Out.Paragraph(b.Text)
}

// Flush writes a caption after which no table came.
func (w *BlockWriter) Flush() error {
	caption := w.caption
	w.caption = ""
	return w.Out.Paragraph(caption)
}

// layout writes the cells of a table that only arranges what it holds.
func (w *BlockWriter) layout(t *BlockTable) error {
	for _, cell := range t.cells {
		if err := w.WriteAll(cell); err != nil {
			return err
		}
	}
	return nil
}
