package office

import (
	"slices"
	"strconv"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// table writes a table, and what else stands in it.
func (w *xmlWriter) table(n *node) {
	w.caption(n)
	t := document.NewBlockTable(w.limit)
	r := xmlTableReader{writer: w, table: t, rowsOfSpans: map[string]int{}}
	r.read(n, false)
	for _, row := range r.footers {
		r.row(row, false)
	}
	if len(t.Rows) > 0 {
		w.add(document.Block{Kind: document.TableBlock, Table: t})
	}
	for _, other := range r.others {
		w.element(other, maxLevel)
	}
}

// maxLevel is the level of headings that can only be within tables.
const maxLevel = 9

// xmlTableReader reads the rows of a table: CALS, as in DITA and DocBook, or HTML, or DITA's own.
type xmlTableReader struct {
	writer      *xmlWriter
	table       *document.BlockTable
	columns     []string // the names that column specifications give
	footers     []*node  // rows that stand below all others
	others      []*node
	rowsOfSpans map[string]int
}

// read reads the rows of an element of a table.
func (r *xmlTableReader) read(n *node, header bool) {
	for _, c := range n.children {
		switch {
		case c.name == "colspec":
			r.columns = append(r.columns, c.attr("colname"))
		case xmlRows[c.name]:
			r.row(c, header)
		case c.name == "thead":
			r.read(c, true)
		case c.name == "tfoot":
			r.footers = append(r.footers, slices.Collect(c.elements("row"))...)
			r.footers = append(r.footers, slices.Collect(c.elements("tr"))...)
		case c.name == "tgroup", c.name == "tbody", c.name == "alternatives":
			r.read(c, false)
		case c.name == "" || isXMLCaption(c) || xmlSilent[c.name] || c.name == xmlComment:
		default:
			r.others = append(r.others, c)
		}
	}
}

// row adds a row.
func (r *xmlTableReader) row(n *node, header bool) {
	var cells []document.BlockCell
	named := true
	for _, c := range n.children {
		if c.name == "" || c.name == xmlComment {
			continue
		}
		named = named && c.name == "th"
		cells = append(cells, document.BlockCell{
			Blocks: r.writer.cell(c), Cols: r.columnsOf(c), Rows: max(numberIn(c, "morerows")+1, numberIn(c, "rowspan")),
		})
	}
	header = header || n.name == "sthead" || n.name == "prophead" || n.name == "chhead" || named && len(cells) > 1
	if err := r.table.AddRow(cells, header); err != nil && r.writer.err == nil {
		r.writer.err = err
	}
}

// columnsOf is how many columns a cell spans.
func (r *xmlTableReader) columnsOf(n *node) int {
	first, last := slices.Index(r.columns, n.attr("namest")), slices.Index(r.columns, n.attr("nameend"))
	if first >= 0 && last >= first && n.attr("namest") != "" {
		return last - first + 1
	}
	return max(numberIn(n, "colspan"), numberIn(n, "cols"))
}

func numberIn(n *node, attribute string) int {
	number, err := strconv.Atoi(n.attr(attribute))
	if err != nil {
		return 0
	}
	return min(max(number, 0), document.MaxSpan)
}

// cell is what a cell holds.
func (w *xmlWriter) cell(n *node) []document.Block {
	before, depth := w.blocks, w.depth
	w.blocks, w.depth, w.prefix = nil, 0, ""
	w.content(n, maxLevel)
	blocks := withoutHeadings(w.blocks)
	w.blocks, w.depth = before, depth
	return blocks
}
