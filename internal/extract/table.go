package extract

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Bounds on tables. A spreadsheet program has 16,384 columns.
const (
	maxColumns = 16_384
	maxCells   = 5_000_000 // in a document, merged ones as often as they are repeated
	maxSpan    = 1_000     // columns of one cell, as in the HTML standard
	maxRepeat  = 300       // bytes of a cell's text that is repeated in the columns it spans
)

// tableFlow writes a table row by row, and remembers where its rows begin. Nothing else may be written to the flow
// between its begin and its end.
type tableFlow struct {
	flow  *flow
	table Table
}

// table begins a table with what stands above its rows: a caption and the rows that name the columns, each of which
// may be absent.
func (f *flow) table(caption string, header ...[]string) (*tableFlow, error) {
	t := &tableFlow{flow: f, table: Table{Caption: oneLine(caption), Columns: columnNames(header)}}
	lines := make([]string, 0, len(header))
	for _, row := range header {
		if err := f.limit.takeCells(len(row)); err != nil {
			return nil, err
		}
		if line := barred(row); line != "" {
			lines = append(lines, line)
		}
	}
	t.table.Header = strings.Join(lines, "\n")
	return t, t.head()
}

// fields begins a table each row of which is lines of "column: value", and so needs no header.
func (f *flow) fields(caption string) (*tableFlow, error) {
	t := &tableFlow{flow: f, table: Table{Caption: oneLine(caption), Fields: true}}
	return t, t.head()
}

// head writes the caption and the header.
func (t *tableFlow) head() error {
	t.table.Start = -1
	if err := t.write("\n\n", t.table.Caption); err != nil {
		return err
	}
	if t.table.Caption != "" {
		return t.write("\n", t.table.Header)
	}
	return t.write("\n\n", t.table.Header)
}

// write writes a text and remembers where the first of them begins.
func (t *tableFlow) write(separator, text string) error {
	if text == "" {
		return nil
	}
	if err := t.flow.write(separator, text); err != nil {
		return err
	}
	if t.table.Start < 0 {
		t.table.Start = t.flow.runes - utf8.RuneCountInString(text)
	}
	return nil
}

// row writes a row on one line, so that a label stays with its figures. An empty cell keeps its column.
func (t *tableFlow) row(cells []string) error {
	if err := t.flow.limit.takeCells(len(cells)); err != nil {
		return err
	}
	separator := "\n"
	if t.table.Start < 0 {
		separator = "\n\n"
	}
	return t.add(separator, barred(cells))
}

// record writes a row of several lines.
func (t *tableFlow) record(lines []string) error {
	if err := t.flow.limit.takeCells(len(lines)); err != nil {
		return err
	}
	return t.add("\n\n", normalise(strings.Join(lines, "\n")))
}

func (t *tableFlow) add(separator, text string) error {
	if text == "" {
		return nil
	}
	if err := t.write(separator, text); err != nil {
		return err
	}
	t.table.Rows = append(t.table.Rows, t.flow.runes-utf8.RuneCountInString(text))
	return nil
}

// end ends the table. One without rows is text like any other.
func (t *tableFlow) end() {
	if len(t.table.Rows) > 0 {
		t.table.End = t.flow.runes
		t.flow.tables = append(t.flow.tables, t.table)
	}
}

// barred is a row with bars between its cells, empty if all of them are. A bar within a cell loses the spaces around
// it, and so can be told apart.
func barred(cells []string) string {
	if cells = cellsInBars(cells); allEmpty(cells) {
		return ""
	}
	return strings.TrimSpace(strings.Join(cells, " | "))
}

// cellsInBars are cells on one line each, as they stand between bars.
func cellsInBars(cells []string) []string {
	line := make([]string, len(cells))
	for i, cell := range cells {
		cell = strings.Join(strings.Fields(normalise(cell)), " ")
		for strings.Contains(cell, " | ") {
			cell = strings.ReplaceAll(cell, " | ", "|")
		}
		line[i] = cell
	}
	return line
}

// columnNames are the names that header rows give to the columns: of several rows, the parts one after the other.
func columnNames(header [][]string) []string {
	var names []string
	for _, row := range header {
		for i, cell := range row {
			cell = oneLine(cell)
			switch {
			case i >= len(names):
				names = append(names, cell)
			case names[i] == "":
				names[i] = cell
			case cell != "" && cell != names[i]:
				names[i] = oneLine(names[i] + " " + cell)
			}
		}
	}
	return names
}

// gridCell is a cell as a format has it.
type gridCell struct {
	text       string
	cols, rows int  // how many it spans; 0 means 1
	above      bool // it goes on from the row above, as in Word
}

// grid lays out cells that span columns and rows: the text of a merged cell is in each of its places. A cell that
// is alone in its row stands there once, as a heading of the rows that follow.
type grid struct {
	limit *limit
	open  []openCell // by column: what the rows above go on with
}

type openCell struct {
	text string
	rows int // how many more
}

// row is the texts of a row by column.
func (g *grid) row(cells []gridCell) ([]string, error) {
	if len(cells) == 1 && !cells[0].above && !slices.ContainsFunc(g.open, func(o openCell) bool { return o.rows > 0 }) {
		cells = []gridCell{{text: cells[0].text, rows: cells[0].rows}}
	}
	w := gridRow{grid: g}
	for _, cell := range cells {
		if err := w.carry(len(w.row)); err != nil {
			return nil, err
		}
		if at := len(w.row); cell.above && at < len(g.open) {
			cell.text = g.open[at].text
		}
		for i := range min(max(cell.cols, 1), maxSpan) {
			if i > 0 && len(cell.text) > maxRepeat {
				cell.text = ""
			}
			if err := w.put(openCell{cell.text, max(cell.rows, 1) - 1}); err != nil {
				return nil, err
			}
		}
	}
	for last := len(g.open) - 1; last >= len(w.row); last-- {
		if g.open[last].rows > 0 {
			if err := w.carry(last); err != nil {
				return nil, err
			}
		}
	}
	g.open = w.open
	return w.row, g.limit.lay(w.bytes)
}

// gridRow is a row on its way through a grid.
type gridRow struct {
	grid  *grid
	row   []string
	open  []openCell
	bytes int
}

func (w *gridRow) put(o openCell) error {
	w.row, w.open = append(w.row, o.text), append(w.open, o)
	if w.bytes += len(o.text); len(w.row) > maxColumns {
		return config.Failf(config.TooComplex, "a table has more than %d columns: split it", maxColumns)
	}
	return nil
}

// carry goes on with what the rows above have in the next columns: up to the given one, whatever is between, and
// beyond it as long as there is something.
func (w *gridRow) carry(to int) error {
	for open := w.grid.open; len(w.row) < len(open); {
		o := open[len(w.row)]
		if o.rows == 0 {
			if len(w.row) >= to {
				return nil
			}
			o = openCell{rows: 1}
		}
		o.rows--
		if err := w.put(o); err != nil {
			return err
		}
	}
	return nil
}
