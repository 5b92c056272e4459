package office

import (
	"strconv"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// table is a table within a cell, a text box or a note.
func (r *docxReader) table(n *node) []document.Block {
	t := document.NewBlockTable(r.limit)
	r.tableParts(t, n)
	return []document.Block{{Kind: document.TableBlock, Table: t}}
}

func (r *docxReader) tableParts(t *document.BlockTable, parent *node) {
	for _, n := range parent.children {
		if err := r.tablePart(t, n); err != nil {
			r.fail(err)
		}
	}
}

// tablePart reads a child of a table: a row, or what rows are wrapped in.
func (r *docxReader) tablePart(t *document.BlockTable, n *node) error {
	switch n.name {
	case "tr":
		return r.row(t, n)
	case "tblPr":
		t.Caption = n.at("tblCaption").attr("val")
	case "sdt", "sdtContent", "customXml", "ins", "moveTo":
		r.tableParts(t, n)
	case "p", "tbl":
		return t.AddRow([]document.BlockCell{{Blocks: r.blocksOf(n)}}, false)
	}
	return nil
}

// row reads a row, unless it is deleted or hidden.
func (r *docxReader) row(t *document.BlockTable, tr *node) error {
	properties := tr.child("trPr")
	if properties.at("del") != nil {
		return nil
	}
	if isOn(properties.at("hidden")) {
		r.hide()
		return nil
	}
	var cells []document.BlockCell
	if n := count(properties.at("gridBefore")); n > 0 {
		cells = append(cells, document.BlockCell{Cols: n})
	}
	return t.AddRow(r.cells(cells, tr), isOn(properties.at("tblHeader")))
}

func (r *docxReader) cells(cells []document.BlockCell, parent *node) []document.BlockCell {
	for _, n := range parent.children {
		switch n.name {
		case "tc":
			c := r.cell(n)
			if last := len(cells) - 1; last >= 0 && isContinued(n.at("tcPr", "hMerge")) {
				cells[last].Cols = max(cells[last].Cols, 1) + max(c.Cols, 1)
				continue
			}
			cells = append(cells, c)
		case "sdt", "sdtContent", "customXml", "ins", "moveTo":
			cells = r.cells(cells, n)
		}
	}
	return cells
}

func (r *docxReader) cell(tc *node) document.BlockCell {
	properties := tc.child("tcPr")
	c := document.BlockCell{Cols: count(properties.at("gridSpan")), Above: isContinued(properties.at("vMerge"))}
	if properties.at("cellDel") != nil {
		return c
	}
	r.inside++
	c.Blocks = r.blocks(tc)
	r.inside--
	return c
}

// isContinued reports whether a merged cell is not the first of those that are merged.
func isContinued(merge *node) bool { return merge != nil && merge.attr("val") != "restart" }

// count is a property that is a number, bounded far beyond what a table may have.
func count(property *node) int {
	n, err := strconv.Atoi(property.attr("val"))
	if err != nil || n < 0 {
		return 0
	}
	return min(n, document.MaxColumns+1)
}
