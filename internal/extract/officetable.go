package extract

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// officeTable is a table of an Office document that is being read.
type officeTable struct {
	caption string // that the document keeps with the table
	rows    [][]string
	headers int       // rows at the top that the document itself calls headers
	columns int       // of the widest row that was added
	cells   [][]block // every cell's content, in order, as long as the table may be a layout
	grid    grid
}

func newOfficeTable(l *limit) *officeTable { return &officeTable{grid: grid{limit: l}} }

// officeCell is a cell as it stands in the file.
type officeCell struct {
	blocks     []block
	cols, rows int  // how many it spans; 0 means 1
	above      bool // it goes on from the row above
}

// addRow adds a row. header reports whether the document calls it a header row.
func (t *officeTable) addRow(cells []officeCell, header bool) error {
	laid := make([]gridCell, len(cells))
	for i, c := range cells {
		laid[i] = gridCell{text: oneLineOf(c.blocks), cols: c.cols, rows: c.rows, above: c.above}
		if !c.above && (len(t.rows) < 2 || t.columns < 2) {
			t.cells = append(t.cells, c.blocks)
		}
	}
	row, err := t.grid.row(laid)
	if err != nil {
		return err
	}
	if err := t.grid.limit.takeCells(len(row)); err != nil {
		return err
	}
	if !slices.ContainsFunc(row, func(text string) bool { return text != "" }) {
		return nil
	}
	if header && t.headers == len(t.rows) {
		t.headers++
	}
	t.rows = append(t.rows, row)
	if t.columns = max(t.columns, len(row)); len(t.rows) > 1 && t.columns > 1 {
		t.cells = nil // it is no layout, whatever follows
	}
	return nil
}

// isLayout reports whether the table only arranges texts: one column, or one row of more than short values.
func (t *officeTable) isLayout() bool {
	if t.width() <= 1 {
		return true
	}
	return len(t.rows) == 1 && slices.ContainsFunc(t.cells, func(blocks []block) bool { return len(blocks) > 1 })
}

func (t *officeTable) width() int {
	width := 0
	for _, row := range t.rows {
		width = max(width, len(row))
	}
	return width
}

// write writes the table under a caption. A first row of one cell over all columns is its title.
func (t *officeTable) write(out *flow, caption string) error {
	rows, headers := t.rows, t.headers
	if caption == "" {
		caption = t.caption
	}
	if len(rows[0]) == 1 && len(rows) > 1 && t.width() > 1 {
		caption = strings.TrimSpace(caption + " " + rows[0][0])
		rows, headers = rows[1:], max(headers-1, 0)
	}
	headers = headerRows(rows, headers)
	w, err := out.table(caption, rows[:headers]...)
	if err != nil {
		return err
	}
	for _, row := range rows[headers:] {
		if err := w.row(row); err != nil {
			return err
		}
	}
	w.end()
	return nil
}

// oneLine is the table within a cell of another, whose bars it must not have.
func (t *officeTable) oneLine() string {
	lines := make([]string, len(t.rows))
	for i, row := range t.rows {
		lines[i] = strings.Join(slices.DeleteFunc(slices.Clone(row), func(s string) bool { return s == "" }), ", ")
	}
	return strings.Join(lines, "; ")
}

// headerRows is how many rows at the top name the columns: those that the document calls so, or else the first if
// its cells could be names, with the rows that its merged cells have their parts in.
func headerRows(rows [][]string, declared int) int {
	if declared > 0 || len(rows) < 2 {
		return min(declared, len(rows)-1)
	}
	if !areNames(rows[0]) || isNameAndValue(rows[0], rows[1:]) {
		return 0
	}
	n := 1
	for n < len(rows)-1 && n < 3 && isMerged(rows[n-1]) && areNames(rows[n]) {
		n++
	}
	return n
}

// areNames reports whether cells could name columns: none is a number, but years are names.
func areNames(row []string) bool {
	named := false
	for _, text := range row {
		if _, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64); err == nil && !isYear(text) {
			return false
		}
		named = named || text != ""
	}
	return named && len(row) > 1
}

// quantity is a number with a unit.
var quantity = regexp.MustCompile(`^[-+]?\d[\d.,]*\s*(%|°|[\pL\p{Sc}/°µ²³]{1,8})$`)

// isNameAndValue reports whether the first row of a table is a name and its value, as those below it: 812 l/min is the
// name of no column.
func isNameAndValue(row []string, body [][]string) bool {
	is := func(row []string) bool { return len(row) == 2 && quantity.MatchString(strings.TrimSpace(row[1])) }
	return is(row) && slices.ContainsFunc(body, is)
}

func isYear(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1800 && n < 2200
}

// isMerged reports whether a cell of a row covers several columns.
func isMerged(row []string) bool {
	for i := 1; i < len(row); i++ {
		if row[i] != "" && row[i] == row[i-1] {
			return true
		}
	}
	return false
}
