package extract

import (
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// importer reads a document that another one holds.
type importer func(name string, data []byte) (*Document, error)

// importPart reads a document that another one holds. What cannot be read has no blocks.
func importPart(a *archive, read importer, part string) ([]block, error) {
	data, err := a.bytes(part)
	if data == nil || read == nil || isMalformed(err) {
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
	return d.blocks(), nil
}

// blocks is a document as a part of another.
func (d *Document) blocks() []block {
	var all []block
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
	blocks []block
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
		w.blocks = append(w.blocks, block{text: text})
	}
}

func (w *pageBlocks) heading(h Heading) {
	w.upTo(h.Offset)
	for w.at < len(w.text) && w.text[w.at] != '\n' { // the heading's line may begin with signs
		w.at++
	}
	w.blocks = append(w.blocks, block{kind: headingBlock, level: h.Level, text: h.Text})
}

// table takes a table with bars between its cells; one of fields is text.
func (w *pageBlocks) table(t Table) {
	if t.Fields || len(t.Rows) == 0 {
		w.upTo(t.End)
		return
	}
	w.upTo(t.Start)
	w.take(t.Rows[0])
	table := &officeTable{caption: t.Caption}
	add := func(lines string) {
		for line := range strings.Lines(lines) {
			line = strings.TrimSuffix(line, "\n")
			if row, ok := strings.CutPrefix(line, "|"); ok && strings.HasSuffix(row, "|") { // of Markdown
				if tableRule.MatchString(line) {
					continue
				}
				line = strings.TrimPrefix(strings.TrimSuffix(row, " |"), " ")
			}
			table.rows = append(table.rows, strings.Split(line, " | "))
		}
	}
	add(t.Header)
	table.headers = len(table.rows)
	for _, next := range append(slices.Clone(t.Rows[1:]), t.End) {
		add(w.take(next))
	}
	if table.width() == 1 { // lines rather than a table
		for _, row := range table.rows {
			w.blocks = append(w.blocks, block{kind: lineBlock, text: row[0]})
		}
		return
	}
	w.blocks = append(w.blocks, block{kind: tableBlock, table: table})
}

// withoutHeadings are the blocks of an object, whose headings do not divide the document around it.
func withoutHeadings(blocks []block) []block {
	for i := range blocks {
		if blocks[i].kind == headingBlock {
			blocks[i].kind = paragraphBlock
		}
	}
	return blocks
}
