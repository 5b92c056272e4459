package extract

import (
	"slices"
	"strconv"
)

// odfSheet is one sheet of a spreadsheet.
type odfSheet struct {
	reader   *odfReader
	grid     sheetGrid
	isHidden bool
	row      int // the next one
	column   int // the next one that is described
	hidden   []columnRange
	beside   []block // comments and drawn text
}

func (r *odfReader) newSheet(e *node) *odfSheet {
	s := &odfSheet{reader: r, grid: sheetGrid{name: e.attr("name"), limit: r.limit}}
	if r.styles[e.attr("style-name")].table.attr("display") == "false" {
		s.isHidden = true
		r.hidden = append(r.hidden, "sheet "+s.grid.name)
	}
	return s
}

func (s *odfSheet) part(n *node) error {
	switch {
	case s.isHidden:
		return nil
	case n.name == "table-column":
		repeated := max(number(n.attr("number-columns-repeated")), 1)
		if isCollapsed(n) {
			s.hidden = append(s.hidden, columnRange{first: s.column, last: s.column + repeated - 1})
		}
		s.column += repeated
	case n.name == "table-row":
		return s.readRow(n)
	case n.name == "shapes":
		s.draw(s.reader.blocks(n))
	}
	return s.reader.err
}

// draw keeps what is drawn over the cells, but for the figures of charts, which stand in the sheets.
func (s *odfSheet) draw(blocks []block) {
	s.beside = append(s.beside, slices.DeleteFunc(blocks, func(b block) bool { return b.kind == tableBlock })...)
}

func isCollapsed(n *node) bool {
	visibility := n.attr("visibility")
	return visibility == "collapse" || visibility == "filter"
}

// readRow reads a row as often as it is repeated. Rows of blanks are repeated a million times at a sheet's end.
func (s *odfSheet) readRow(n *node) error {
	first := s.row
	repeated := min(max(number(n.attr("number-rows-repeated")), 1), maxRows)
	s.row += repeated
	if n.find("p") == nil && n.find("object") == nil {
		return nil
	}
	if isCollapsed(n) {
		s.reader.hidden = append(s.reader.hidden, s.grid.name+" row "+strconv.Itoa(first+1))
		return nil
	}
	column := 0
	for _, c := range n.children {
		cells := max(number(c.attr("number-columns-repeated")), 1)
		if c.name == "table-cell" {
			if err := s.cell(c, first, column, repeated, cells); err != nil {
				return err
			}
		}
		column += cells
	}
	return nil
}

// cell puts the value of a cell into each of the rows and columns in which it is repeated.
func (s *odfSheet) cell(c *node, row, column, rows, columns int) error {
	r := s.reader
	var shown []block
	for _, child := range c.children {
		switch child.name {
		case "p":
			shown = append(shown, r.blocksOf(child)...)
		case "annotation":
			s.beside = append(s.beside, r.annotation(child)...)
		default:
			s.draw(r.blocksOf(child))
		}
	}
	text := oneLineOf(shown)
	if text == "" {
		return nil
	}
	for i := range rows {
		for k := range columns {
			if s.isColumnHidden(column + k) {
				continue
			}
			if err := s.grid.put(row+i, column+k, text); err != nil {
				return err
			}
		}
	}
	across, below := number(c.attr("number-columns-spanned")), number(c.attr("number-rows-spanned"))
	if across > 1 || below > 1 {
		s.grid.merges = append(s.grid.merges, mergedCells{row, column, row + max(below, 1) - 1, column + max(across, 1) - 1})
	}
	return nil
}

func (s *odfSheet) isColumnHidden(column int) bool {
	for i := range s.hidden {
		r := &s.hidden[i]
		if column < r.first || column > r.last {
			continue
		}
		if !r.noted {
			r.noted = true
			s.reader.hidden = append(s.reader.hidden, s.grid.name+" column "+strconv.Itoa(column+1))
		}
		return true
	}
	return false
}

func (s *odfSheet) write(out *flow) error {
	if s.grid.isEmpty() && len(s.beside) == 0 {
		return s.reader.err
	}
	s.grid.merge()
	if err := out.heading(1, s.grid.name); err != nil {
		return err
	}
	if err := s.grid.write(out); err != nil {
		return err
	}
	w := blockWriter{out: out}
	return w.writeLast(s.beside)
}
