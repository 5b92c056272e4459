package pdf

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// A table whose cells have lines around them is read by these: a cell is what stands in one place between them, on as
// many lines as it takes.

// ruledTable is such a table, and the lines of the page that it takes the place of.
type ruledTable struct {
	pdfTable
	first, end int
	written    []rawLine
	unnamed    bool // the first row names no columns
}

// findRuledTables returns the tables of the page that have lines around their cells or between their rows, in order.
func (t *pdfText) findRuledTables() []ruledTable {
	const fewest = 2 // lines of text
	if len(t.lines) < fewest {
		return nil
	}
	var found []ruledTable
	rules := t.rules()
	for _, l := range append(lattices(rules), t.levelLattices(rules)...) {
		if table, ok := t.ruledTable(l); ok {
			found = append(found, table)
		}
	}
	slices.SortStableFunc(found, func(a, b ruledTable) int { return a.first - b.first })
	return slices.CompactFunc(found, func(next, last ruledTable) bool { return next.first < last.end })
}

// longestCell is the most code points of a cell: one of a page's layout has more.
const longestCell = 400

// ruledTable reads the table that a lattice may be. It reports false unless the lattice holds lines of their own, one
// after the other, and several cells with text in most rows. No line of text may run on from one cell into the next.
func (t *pdfText) ruledTable(l lattice) (table ruledTable, ok bool) {
	cells, apart := l.merged()
	if apart*2 < len(cells)*len(cells[0]) {
		return table, false // lines below names and sums make no cells
	}
	texts := map[int]string{}
	table.first, table.end = -1, -1
	for i, line := range t.lines {
		inside, outside, readable := t.intoCells(line, l, cells, texts)
		switch {
		case !readable, inside && outside, inside && table.end >= 0 && i != table.end:
			return table, false
		case inside && table.first < 0:
			table.first, table.end = i, i+1
		case inside, table.end == i && firstVisible(line.chars) < 0:
			table.end = i + 1
		}
	}
	if table.first < 0 {
		return table, false
	}
	rows, full := rowsOf(cells, texts)
	for _, text := range texts {
		if utf8.RuneCountInString(text) > longestCell {
			return table, false
		}
	}
	if len(rows) < 2 || full*2 < len(rows) {
		return table, false
	}
	for i := range len(l.xs) - 1 {
		table.at = append(table.at, segment{left: l.xs[i], right: l.xs[i+1]})
	}
	if isFromRight(texts) {
		slices.Reverse(table.at)
		for _, row := range rows {
			slices.Reverse(row)
		}
	}
	t.write(&table, rows)
	return table, true
}

// intoCells adds the words of a line to the cells that they stand in. It reports whether there are words in and out of
// the lattice, and whether the line can be read so.
func (t *pdfText) intoCells(line rawLine, l lattice, cells [][]int, texts map[int]string) (in, out, ok bool) {
	const blank = 0.3 // of a word's height: cells stand further apart
	var beside rect
	before := -1
	for _, w := range wordsOf(line.chars) {
		box, known := t.cellWordBox(line, w)
		row, column, inside := l.cellAt((box.left+box.right)/2, (box.bottom+box.top)/2)
		if !known || !inside {
			out = true
			continue
		}
		in = true
		cell := cells[row][column]
		if len(texts[cell]) > longestCell*utf8.UTFMax { // adding to it again and again would take long
			return in, out, false
		}
		gap := box.left - beside.right
		if w.rtl {
			gap = max(gap, beside.left-box.right)
		}
		if before >= 0 && cell != before && gap < blank*box.height() && gap > 0 {
			return in, out, false
		}
		texts[cell] = strings.TrimSpace(texts[cell] + " " + string(line.chars[w.begin:w.end]))
		beside, before = box, cell
	}
	return in, out, true
}

// cellWordBox is where a word stands: from its first letter to its last, at the height of the first.
func (t *pdfText) cellWordBox(line rawLine, w wordSpan) (rect, bool) {
	if w.rtl {
		return t.wordBox(line, w.begin, w.end, true)
	}
	first, known := t.looseBox(t.place(line, w.begin))
	last, both := t.looseBox(t.place(line, w.end-1))
	return rect{first.left, first.bottom, last.right, first.top}, known && both
}

// isFromRight reports whether more cells hold right-to-left text than other words.
func isFromRight(texts map[int]string) bool {
	n := 0
	for _, text := range texts {
		switch {
		case strings.ContainsFunc(text, isRightToLeft):
			n++
		case strings.ContainsFunc(text, unicode.IsLetter):
			n--
		}
	}
	return n > 0
}

// rowsOf are the rows of cells without those, and without the columns, that are empty; full is how many have two
// different texts or more.
func rowsOf(cells [][]int, texts map[int]string) (rows [][]string, full int) {
	used := make([]bool, len(cells[0]))
	for _, row := range cells {
		for j, cell := range row {
			used[j] = used[j] || texts[cell] != "" && (j == 0 || row[j-1] != cell)
		}
	}
	for _, row := range cells {
		var laid []string
		different := map[string]bool{}
		for j, cell := range row {
			if used[j] {
				laid = append(laid, texts[cell])
				different[texts[cell]] = true
			}
		}
		if delete(different, ""); len(different) == 0 {
			continue
		}
		if rows = append(rows, laid); len(different) > 1 {
			full++
		}
	}
	return rows, full
}

// write makes the lines of a table of its rows. A line above that says that it is a caption is the caption, and a first
// row of one cell is, too.
func (t *pdfText) write(table *ruledTable, rows [][]string) {
	place := t.lines[table.first]
	line := func(text string) { table.written = append(table.written, place.written(text)) }
	if above := table.first - 1; above >= 0 {
		if text := plain.OneLine(t.lines[above].String()); document.TableCaption.MatchString(text) &&
			len(text) <= document.MaxCaption {
			table.first, table.caption = above, text
			line(text)
		}
	}
	if titled := !slices.ContainsFunc(rows[0], func(s string) bool { return s != rows[0][0] }); titled && len(rows) > 2 {
		if line(rows[0][0]); table.caption == "" {
			table.caption = rows[0][0]
		}
		rows = rows[1:]
	}
	headers := document.HeaderRows(rows, 0)
	if table.unnamed {
		headers = 0
	}
	if above := t.above; above != nil && above.header != "" && table.first < maxOnTop &&
		slices.EqualFunc(above.at, table.at, segment.overlaps) && document.Barred(rows[0]) != above.header {
		headers = 0
		table.goOn(above, table.at)
	}
	var names []string
	for _, row := range rows[:headers] {
		names = append(names, document.Barred(row))
		line(document.Barred(row))
	}
	if headers > 0 {
		table.header, table.columns = strings.Join(names, "\n"), document.ColumnNames(rows[:headers])
	}
	table.lead = len(table.written)
	for _, row := range rows[headers:] {
		line(document.Barred(row))
	}
	table.lines = strings.Split(linesAsText(table.written, "\n"), "\n")
}
