package office

import (
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// importPart reads a document that another one holds. What cannot be read has no blocks.
func importPart(a *archive, read document.Importer, part string) ([]document.Block, error) {
	data, err := a.bytes(part)
	if data == nil || read == nil || document.IsMalformed(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d, err := read(part, data)
	if err != nil {
		if _, own := config.ReasonOf(err); own {
			err = nil
		}
		return nil, err
	}
	return blocksOf(d), nil
}

// blocksOf is a document as a part of another.
func blocksOf(d *document.Document) []document.Block {
	var all []document.Block
	for _, p := range d.Pages {
		w := pageBlocks{text: []rune(p.Text)}
		headings, tables := p.Headings, p.Tables
		for len(headings)+len(tables) > 0 {
			if len(tables) == 0 || len(headings) > 0 && headings[0].Offset < tables[0].Start {
				w.heading(headings[0])
				headings = headings[1:]
			} else {
				w.table(tables[0])
				tables = tables[1:]
			}
		}
		w.upTo(len(w.text))
		all = append(all, w.blocks...)
	}
	return all
}

// pageBlocks takes a page apart.
type pageBlocks struct {
	text   []rune
	at     int
	blocks []document.Block
}

// take returns the text up to a place.
func (w *pageBlocks) take(to int) string {
	to = min(max(to, w.at), len(w.text))
	text := strings.Trim(string(w.text[w.at:to]), "\n")
	w.at = to
	return text
}

// upTo makes the text up to a place a block.
func (w *pageBlocks) upTo(to int) {
	if text := w.take(to); text != "" {
		w.blocks = append(w.blocks, document.Block{Text: text})
	}
}

func (w *pageBlocks) heading(h document.Heading) {
	w.upTo(h.Offset)
	for w.at < len(w.text) && w.text[w.at] != '\n' { // the heading's line may begin with signs
		w.at++
	}
	w.blocks = append(w.blocks, document.Block{Kind: document.HeadingBlock, Level: h.Level, Text: h.Text})
}

// table takes a table with bars between its cells; one of fields is text.
func (w *pageBlocks) table(t document.Table) {
	if t.Fields || len(t.Rows) == 0 {
		w.upTo(t.End)
		return
	}
	w.upTo(t.Start)
	w.take(t.Rows[0])
	table := &document.BlockTable{Caption: t.Caption}
	add := func(lines string) {
		for line := range strings.Lines(lines) {
			line = strings.TrimSuffix(line, "\n")
			if row, ok := strings.CutPrefix(line, "|"); ok && strings.HasSuffix(row, "|") { // of Markdown
				if document.TableRule.MatchString(line) {
					continue
				}
				line = strings.TrimPrefix(strings.TrimSuffix(row, " |"), " ")
			}
			table.Rows = append(table.Rows, strings.Split(line, " | "))
		}
	}
	add(t.Header)
	table.Headers = len(table.Rows)
	for _, next := range append(slices.Clone(t.Rows[1:]), t.End) {
		add(w.take(next))
	}
	if table.Width() == 1 { // lines rather than a table
		for _, row := range table.Rows {
			w.blocks = append(w.blocks, document.Block{Kind: document.LineBlock, Text: row[0]})
		}
		return
	}
	w.blocks = append(w.blocks, document.Block{Kind: document.TableBlock, Table: table})
}

// withoutHeadings are the blocks of an object, whose headings do not divide the document around it.
func withoutHeadings(blocks []document.Block) []document.Block {
	for i := range blocks {
		if blocks[i].Kind == document.HeadingBlock {
			blocks[i].Kind = document.ParagraphBlock
		}
	}
	return blocks
}
