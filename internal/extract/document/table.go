package document

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Bounds on tables. A spreadsheet program has 16,384 columns.
const (
	MaxColumns = 16_384
	MaxCells   = 5_000_000 // in a document, merged ones as often as they are repeated
	MaxSpan    = 1_000     // columns of one cell, as in the HTML standard
	MaxRepeat  = 300       // bytes of a cell's text that is repeated in the columns it spans
)

// TableFlow writes a table row by row, and remembers where its rows begin. Nothing else may be written to the flow
// between its begin and its end.
type TableFlow struct {
	flow  *Flow
	table Table
}

// Table begins a table with what stands above its rows: a caption and the rows that name the columns, each of which
// may be absent.
func (f *Flow) Table(caption string, header ...[]string) (*TableFlow, error) {
	t := &TableFlow{flow: f, table: Table{Caption: plain.OneLine(caption), Columns: ColumnNames(header)}}
	lines := make([]string, 0, len(header))
	for _, row := range header {
		if err := f.Limit.TakeCells(len(row)); err != nil {
			return nil, err
		}
		if line := Barred(row); line != "" {
			lines = append(lines, line)
		}
	}
	t.table.Header = strings.Join(lines, "\n")
	return t, t.head()
}

// Fields begins a table each row of which is lines of "column: value", and so needs no header.
func (f *Flow) Fields(caption string) (*TableFlow, error) {
	t := &TableFlow{flow: f, table: Table{Caption: plain.OneLine(caption), Fields: true}}
	return t, t.head()
}

// head writes the caption and the header.
func (t *TableFlow) head() error {
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
func (t *TableFlow) write(separator, text string) error {
	if text == "" {
		return nil
	}
	if err := t.flow.Write(separator, text); err != nil {
		return err
	}
	if t.table.Start < 0 {
		t.table.Start = t.flow.Runes - utf8.RuneCountInString(text)
	}
	return nil
}

// Row writes a row on one line, so that a label stays with its figures. An empty cell keeps its column.
func (t *TableFlow) Row(cells []string) error {
	if err := t.flow.Limit.TakeCells(len(cells)); err != nil {
		return err
	}
	separator := "\n"
	if t.table.Start < 0 {
		separator = "\n\n"
	}
	return t.add(separator, Barred(cells))
}

// Record writes a row of several lines.
func (t *TableFlow) Record(lines []string) error {
	if err := t.flow.Limit.TakeCells(len(lines)); err != nil {
		return err
	}
	return t.add("\n\n", plain.Normalise(strings.Join(lines, "\n")))
}

func (t *TableFlow) add(separator, text string) error {
	if text == "" {
		return nil
	}
	if err := t.write(separator, text); err != nil {
		return err
	}
	t.table.Rows = append(t.table.Rows, t.flow.Runes-utf8.RuneCountInString(text))
	return nil
}

// End ends the table. One without rows is text like any other.
func (t *TableFlow) End() {
	if len(t.table.Rows) > 0 {
		t.table.End = t.flow.Runes
		t.flow.Tables = append(t.flow.Tables, t.table)
	}
}

// Barred is a row with bars between its cells, empty if all of them are. A bar within a cell loses the spaces around
// it, and so can be told apart.
func Barred(cells []string) string {
	if cells = CellsInBars(cells); AllEmpty(cells) {
		return ""
	}
	return strings.TrimSpace(strings.Join(cells, " | "))
}

// CellsInBars are cells on one line each, as they stand between bars.
func CellsInBars(cells []string) []string {
	line := make([]string, len(cells))
	for i, cell := range cells {
		cell = strings.Join(strings.Fields(plain.Normalise(cell)), " ")
		for strings.Contains(cell, " | ") {
			cell = strings.ReplaceAll(cell, " | ", "|")
		}
		line[i] = cell
	}
	return line
}

// ColumnNames are the names that header rows give to the columns: of several rows, the parts one after the other.
func ColumnNames(header [][]string) []string {
	var names []string
	for _, row := range header {
		for i, cell := range row {
			cell = plain.OneLine(cell)
			switch {
			case i >= len(names):
				names = append(names, cell)
			case names[i] == "":
				names[i] = cell
			case cell != "" && cell != names[i]:
				names[i] = plain.OneLine(names[i] + " " + cell)
			}
		}
	}
	return names
}

// GridCell is a cell as a format has it.
type GridCell struct {
	Text       string
	Cols, Rows int  // how many it spans; 0 means 1
	Above      bool // it goes on from the row above, as in Word
}

// Grid lays out cells that span columns and rows: the text of a merged cell is in each of its places. A cell that
// is alone in its row stands there once, as a heading of the rows that follow.
type Grid struct {
	Limit *Limit
	open  []openCell // by column: what the rows above go on with
}

type openCell struct {
	text string
	rows int // how many more
}

// Row is the texts of a row by column.
func (g *Grid) Row(cells []GridCell) ([]string, error) {
	if len(cells) == 1 && !cells[0].Above && !slices.ContainsFunc(g.open, func(o openCell) bool { return o.rows > 0 }) {
		cells = []GridCell{{Text: cells[0].Text, Rows: cells[0].Rows}}
	}
	w := gridRow{grid: g}
	for _, cell := range cells {
		if err := w.carry(len(w.row)); err != nil {
			return nil, err
		}
		if at := len(w.row); cell.Above && at < len(g.open) {
			cell.Text = g.open[at].text
		}
		for i := range min(max(cell.Cols, 1), MaxSpan) {
			if i > 0 && len(cell.Text) > MaxRepeat {
				cell.Text = ""
			}
			if err := w.put(openCell{cell.Text, max(cell.Rows, 1) - 1}); err != nil {
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
	return w.row, g.Limit.Lay(w.bytes)
}

// gridRow is a row on its way through a grid.
type gridRow struct {
	grid  *Grid
	row   []string
	open  []openCell
	bytes int
}

func (w *gridRow) put(o openCell) error {
	w.row, w.open = append(w.row, o.text), append(w.open, o)
	if w.bytes += len(o.text); len(w.row) > MaxColumns {
		return config.Failf(config.TooComplex, "a table has more than %d columns: split it", MaxColumns)
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

// MaxCaption is how many bytes the caption of a table may have. Longer text is a paragraph.
const MaxCaption = 300

// AllEmpty reports whether each cell is empty or holds blanks alone; so it does of a row without cells.
func AllEmpty(row []string) bool {
	return !slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

var (
	// TableRule is the line below the header of a table in Markdown.
	TableRule = regexp.MustCompile(`^\|?[ \t]*:?-+:?[ \t]*(\|[ \t]*:?-+:?[ \t]*)*\|?$`)
	// TableCaption is how a paragraph begins that stands above a table and belongs to it.
	TableCaption = regexp.MustCompile(`(?i)^[*_:\s]*(table|tab\.|tabelle|tableau|tabla|tabel|tabela|таблица|表|표)(\W|\d|$)`)
)
