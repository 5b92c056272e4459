package office

import (
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// maxRows is how many rows a spreadsheet program has.
const maxRows = 1 << 20

// sheetGrid is the cells of one sheet that have values.
type sheetGrid struct {
	name   string
	limit  *document.Limit
	rows   []sheetRow // as they come, in ascending order once sort has run
	merges []mergedCells
	links  map[cellAt]string // where cells lead
}

type sheetRow struct {
	index int
	cells []string
}

// mergedCells are cells that show the value of the first of them.
type mergedCells struct{ top, left, bottom, right int }

type cellAt struct{ row, column int }

// next is the index after that of the last row.
func (g *sheetGrid) next() int {
	if len(g.rows) == 0 {
		return 0
	}
	return g.rows[len(g.rows)-1].index + 1
}

// put sets the value of a cell.
func (g *sheetGrid) put(index, column int, text string) error {
	if text = plain.Fold(text); text == "" {
		return nil
	}
	if index < 0 || index >= maxRows || column < 0 || column >= document.MaxColumns {
		return config.Failf(config.TooComplex, "the sheet %s has a cell beyond %d rows and %d columns", plain.Quote(g.name),
			maxRows, document.MaxColumns)
	}
	if len(g.rows) == 0 || g.rows[len(g.rows)-1].index != index {
		g.rows = append(g.rows, sheetRow{index: index})
	}
	row := &g.rows[len(g.rows)-1]
	if add := column + 1 - len(row.cells); add > 0 {
		if err := g.limit.TakeCells(add); err != nil {
			return err
		}
		row.cells = append(row.cells, make([]string, add)...)
	}
	row.cells[column] = text
	return g.limit.Lay(len(text))
}

// sort brings the rows into their order, and joins those that came in parts.
func (g *sheetGrid) sort() {
	byIndex := func(a, b sheetRow) int { return a.index - b.index }
	if slices.IsSortedFunc(g.rows, byIndex) {
		return
	}
	slices.SortStableFunc(g.rows, byIndex)
	joined := g.rows[:0]
	for _, row := range g.rows {
		if last := len(joined) - 1; last >= 0 && joined[last].index == row.index {
			joined[last].join(row)
		} else {
			joined = append(joined, row)
		}
	}
	g.rows = joined
}

// join adds the values of a later part of the row.
func (r *sheetRow) join(later sheetRow) {
	if add := len(later.cells) - len(r.cells); add > 0 {
		r.cells = append(r.cells, make([]string, add)...)
	}
	for i, text := range later.cells {
		if text != "" {
			r.cells[i] = text
		}
	}
}

func (g *sheetGrid) find(index int) (at int, found bool) {
	return slices.BinarySearchFunc(g.rows, index, func(r sheetRow, index int) int { return r.index - index })
}

func (g *sheetGrid) isEmpty() bool { return len(g.rows) == 0 }

// addMerge notes a range as A1:C2.
func (g *sheetGrid) addMerge(ref string) error {
	first, last, isRange := strings.Cut(ref, ":")
	left, top, ok1 := cellPlace(first)
	right, bottom, ok2 := cellPlace(last)
	if !isRange || !ok1 || !ok2 || right < left || bottom < top {
		return nil
	}
	g.merges = append(g.merges, mergedCells{top, left, bottom, right})
	return g.limit.TakeCells(1)
}

// addLink notes where the first cell of a range leads. A cell has one link: of several the first counts.
func (g *sheetGrid) addLink(ref, link string) error {
	first, _, _ := strings.Cut(ref, ":")
	column, row, ok := cellPlace(first)
	at := cellAt{row, column}
	if _, known := g.links[at]; known || !ok || link == "" || len(link) > maxAddress {
		return nil
	}
	if g.links == nil {
		g.links = map[cellAt]string{}
	}
	g.links[at] = link
	if err := g.limit.Lay(len(link)); err != nil {
		return err
	}
	return g.limit.TakeCells(1)
}

// follow writes the addresses of links behind the texts of their cells. The rows are sorted.
func (g *sheetGrid) follow() {
	for cell, address := range g.links {
		if at, found := g.find(cell.row); found && cell.column < len(g.rows[at].cells) {
			text := &g.rows[at].cells[cell.column]
			*text = withAddress(*text, address)
		}
	}
}

// merge sorts the rows, writes their links, and gives the value of merged cells to each cell that they cover, in the
// rows that have values, but to one cell where nothing else is in a row: such a row is a title. It returns how many
// merged cells were left, because together they cover too many.
func (g *sheetGrid) merge() (left int) {
	g.sort()
	g.follow()
	var width int
	for _, r := range g.rows {
		width = max(width, len(r.cells))
	}
	budget := document.MaxCells
	for i, m := range g.merges {
		if budget <= 0 {
			return len(g.merges) - i
		}
		at, found := g.find(m.top)
		if !found || m.left >= len(g.rows[at].cells) {
			continue
		}
		text := g.rows[at].cells[m.left]
		alone := g.rows[at].count() == 1
		budget -= len(g.rows[at].cells)
		for ; at < len(g.rows) && g.rows[at].index <= m.bottom && budget > 0; at++ {
			row := &g.rows[at]
			right := min(m.right, width-1)
			if alone || len(text) > document.MaxRepeat {
				right = m.left
			}
			budget -= 1 + row.fill(m.left, right, text)
		}
	}
	return 0
}

// hiddenColumns are the ranges of a sheet's columns that are not shown.
type hiddenColumns struct {
	ranges []int  // by column: the number of the range, from 1
	noted  []bool // by range, from 0: whether there is a value in it
}

// hide hides the columns from first to last, counted from 0.
func (h *hiddenColumns) hide(sheet string, first, last int) error {
	if len(h.noted) >= document.MaxColumns {
		return config.Failf(config.TooComplex, "the sheet %s hides more than %d ranges of columns: simplify it",
			plain.Quote(sheet),
			document.MaxColumns)
	}
	if h.ranges == nil {
		h.ranges = make([]int, document.MaxColumns)
	}
	h.noted = append(h.noted, false)
	for i := max(first, 0); i <= min(last, document.MaxColumns-1); i++ {
		h.ranges[i] = len(h.noted)
	}
	return nil
}

// at reports whether a column is hidden, and whether a value in it is the first of its range.
func (h *hiddenColumns) at(column int, hasValue bool) (hidden, first bool) {
	if column < 0 || column >= len(h.ranges) || h.ranges[column] == 0 {
		return false, false
	}
	noted := &h.noted[h.ranges[column]-1]
	first = hasValue && !*noted
	*noted = *noted || hasValue
	return true, first
}

// count is how many cells of a row have a value.
func (r *sheetRow) count() int {
	n := 0
	for _, text := range r.cells {
		if text != "" {
			n++
		}
	}
	return n
}

// fill sets the empty cells of a range, and returns how many the range has.
func (r *sheetRow) fill(left, right int, text string) int {
	if right >= len(r.cells) {
		r.cells = append(r.cells, make([]string, right+1-len(r.cells))...)
	}
	for i := left; i <= right; i++ {
		if r.cells[i] == "" {
			r.cells[i] = text
		}
	}
	return right + 1 - left
}

// write writes the sheet as tables.
func (g *sheetGrid) write(out *document.Flow) error {
	for from := 0; from < len(g.rows); {
		to := from + 1
		for to < len(g.rows) && !g.beginsTable(from, to) {
			to++
		}
		if err := g.writeTable(out, g.rows[from:to]); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// beginsTable reports whether a row is the first of another table than the row from is in: a blank row stands before
// it, and it is a title or a header. A title may have a blank row below it.
func (g *sheetGrid) beginsTable(from, at int) bool {
	row, before := g.rows[at], g.rows[at-1]
	if row.index == before.index+1 {
		return false
	}
	values := slices.DeleteFunc(slices.Clone(row.cells), func(s string) bool { return s == "" })
	return len(values) == 1 || document.AreNames(values) && (at-from > 2 || before.count() > 1)
}

// writeTable writes rows that belong together. Lines of one cell above the header are its caption.
func (g *sheetGrid) writeTable(out *document.Flow, rows []sheetRow) error {
	table := usedColumns(rows)
	var caption []string
	for len(table) > 1 && filled(table[0]) == 1 && filled(table[1]) != 0 {
		caption = append(caption, strings.Join(table[0], ""))
		table = table[1:]
	}
	if len(table) == 1 && filled(table[0]) == 1 {
		return out.Paragraph(strings.Join(append(caption, strings.Join(table[0], "")), "\n"))
	}
	for len(caption) > 1 { // the lines above the last are a text
		if err := out.Paragraph(caption[0]); err != nil {
			return err
		}
		caption = caption[1:]
	}
	headers := document.HeaderRows(table, 0)
	w, err := out.Table(strings.Join(caption, ""), table[:headers]...)
	if err != nil {
		return err
	}
	for _, row := range table[headers:] {
		if err := w.Row(row); err != nil {
			return err
		}
	}
	w.End()
	return nil
}

// usedColumns are the rows without the columns in which none has a value.
func usedColumns(rows []sheetRow) [][]string {
	var used []bool
	for _, r := range rows {
		for i, text := range r.cells {
			if i >= len(used) {
				used = append(used, false)
			}
			used[i] = used[i] || text != ""
		}
	}
	table := make([][]string, len(rows))
	for i, r := range rows {
		for column, is := range used {
			if is {
				table[i] = append(table[i], nth(r.cells, column))
			}
		}
	}
	return table
}

func filled(row []string) int {
	r := sheetRow{cells: row}
	return r.count()
}

// cellPlace is the column and the row of a cell such as B7, counted from 0.
func cellPlace(ref string) (column, row int, ok bool) {
	ref = strings.ReplaceAll(ref, "$", "")
	i := 0
	for ; i < len(ref) && ref[i]|0x20 >= 'a' && ref[i]|0x20 <= 'z' && i < 4; i++ {
		column = column*26 + int(ref[i]|0x20-'a') + 1
	}
	row = number(ref[i:])
	return column - 1, row - 1, column > 0 && row > 0
}
