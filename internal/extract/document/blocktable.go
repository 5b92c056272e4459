package document

import (
	"slices"
	"strings"
)

// BlockTable is a table of an Office document that is being read.
type BlockTable struct {
	Caption string     // that the document keeps with the table
	Rows    [][]string // by column, without rows that are empty
	Headers int        // rows at the top that the document itself calls headers
	columns int        // of the widest row that was added
	cells   [][]Block  // every cell's content, in order, as long as the table may be a layout
	grid    Grid
}

// NewBlockTable begins a table whose cells count against l.
func NewBlockTable(l *Limit) *BlockTable { return &BlockTable{grid: Grid{Limit: l}} }

// BlockCell is a cell as it stands in the file.
type BlockCell struct {
	Blocks     []Block // what the cell holds
	Cols, Rows int     // how many it spans; 0 means 1
	Above      bool    // it goes on from the row above
}

// AddRow adds a row. header reports whether the document calls it a header row.
func (t *BlockTable) AddRow(cells []BlockCell, header bool) error {
	laid := make([]GridCell, len(cells))
	for i, c := range cells {
		laid[i] = GridCell{Text: OneLineOf(c.Blocks), Cols: c.Cols, Rows: c.Rows, Above: c.Above}
		if !c.Above && (len(t.Rows) < 2 || t.columns < 2) {
			t.cells = append(t.cells, c.Blocks)
		}
	}
	row, err := t.grid.Row(laid)
	if err != nil {
		return err
	}
	if err := t.grid.Limit.TakeCells(len(row)); err != nil {
		return err
	}
	if !slices.ContainsFunc(row, func(text string) bool { return text != "" }) {
		return nil
	}
	if header && t.Headers == len(t.Rows) {
		t.Headers++
	}
	t.Rows = append(t.Rows, row)
	if t.columns = max(t.columns, len(row)); len(t.Rows) > 1 && t.columns > 1 {
		t.cells = nil // it is no layout, whatever follows
	}
	return nil
}

// isLayout reports whether the table only arranges texts: one column, or one row of more than short values.
func (t *BlockTable) isLayout() bool {
	if t.Width() <= 1 {
		return true
	}
	return len(t.Rows) == 1 && slices.ContainsFunc(t.cells, func(blocks []Block) bool { return len(blocks) > 1 })
}

// Width is the number of columns of the widest row.
func (t *BlockTable) Width() int {
	width := 0
	for _, row := range t.Rows {
		width = max(width, len(row))
	}
	return width
}

// Write writes the table under a caption. A first row of one cell over all columns is its title.
func (t *BlockTable) Write(out *Flow, caption string) error {
	rows, headers := t.Rows, t.Headers
	if caption == "" {
		caption = t.Caption
	}
	if len(rows[0]) == 1 && len(rows) > 1 && t.Width() > 1 {
		caption = strings.TrimSpace(caption + " " + rows[0][0])
		rows, headers = rows[1:], max(headers-1, 0)
	}
	headers = HeaderRows(rows, headers)
	w, err := out.Table(caption, rows[:headers]...)
	if err != nil {
		return err
	}
	for _, row := range rows[headers:] {
		if err := w.Row(row); err != nil {
			return err
		}
	}
	w.End()
	return nil
}

// oneLine is the table within a cell of another, whose bars it must not have.
func (t *BlockTable) oneLine() string {
	lines := make([]string, len(t.Rows))
	for i, row := range t.Rows {
		lines[i] = strings.Join(slices.DeleteFunc(slices.Clone(row), func(s string) bool { return s == "" }), ", ")
	}
	return strings.Join(lines, "; ")
}
