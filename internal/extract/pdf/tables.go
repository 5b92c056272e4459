package pdf

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// A PDF draws a table's figures, and says nothing of its columns. Here a table is lines that end in figures, one below
// the other: cells are what wide gaps divide, columns are where cells of many lines overlap. Lines that do not fit stay
// as they are, and so does the whole table if a line has two cells in one column.

const (
	cellGap      = 0.7 // of a line's height: a wider gap divides cells
	nameGap      = 0.4 // likewise of names of columns, which are not justified
	maxLabels    = 4   // lines without figures between two rows
	longestLabel = 110 // code points
	maxInTable   = 24  // columns of figures
)

// cellValue is what a cell of figures holds: an amount, a share, a dash, or a mark for "not available".
var cellValue = regexp.MustCompile(`^([($€£¥+−–-]*([\d.,]*\d|[—–-])[)%x]*|N/?[AM]|n/?[am]|\*)$`)

// Parts of a cell that stand apart from its figure.
var currency, closing = regexp.MustCompile(`^[(]?([$€£¥]|US\$|EUR|USD)$`), regexp.MustCompile(`^[)%]+$`)

// segment is a part of a line between wide gaps.
type segment struct {
	begin, end  int // characters of the line
	left, right float64
	bottom, top float64
	text        string
}

// IsFigure reports whether a cell is a value and not a name.
func (s segment) isFigure() bool { return cellValue.MatchString(strings.ReplaceAll(s.text, " ", "")) }

func (s segment) middle() float64         { return (s.left + s.right) / 2 }
func (s segment) overlaps(o segment) bool { return s.left < o.right && o.left < s.right }

// pdfTable is a table as it is found: its lines are not yet placed in the page.
type pdfTable struct {
	caption, header string
	columns         []string
	lead            int       // how many of the lines stand above the rows
	lines           []string  // from the caption to the last row
	at              []segment // where the columns of figures stand
}

// figureRows are the lines of a table while it is looked for.
type figureRows struct {
	first, end int               // lines of the page
	cells      map[int][]segment // of the lines with figures
	columns    []segment         // where the figures stand
}

// findTables rewrites the lines of tables, a bar between two cells.
func (t *pdfText) findTables() []pdfTable {
	var tables []pdfTable
	var lines []rawLine
	ruled := t.findRuledTables()
	ruled = append(ruled, t.findWordTables(ruled)...)
	slices.SortFunc(ruled, func(a, b ruledTable) int { return a.first - b.first })
	done := 0
	for i := 0; i < len(t.lines); i++ {
		if len(ruled) > 0 && i == ruled[0].first {
			table := ruled[0]
			lines = append(append(lines, t.lines[done:i]...), table.written...)
			tables, ruled, done, i = append(tables, table.pdfTable), ruled[1:], table.end, table.end-1
			continue
		}
		if !t.isRow(i) {
			continue
		}
		rows := t.rowsFrom(i, ruled)
		i = rows.end - 1
		if !rows.findColumns() {
			continue
		}
		table, from, rewritten := t.tableOf(rows, done)
		if len(tables) == 0 && from < maxOnTop && table.header == "" {
			table.goOn(t.above, rows.columns)
		}
		if table.header == "" && !rows.areFull() {
			continue
		}
		table.at = rows.columns
		lines = append(append(lines, t.lines[done:from]...), rewritten...)
		tables, done = append(tables, table), rows.end
	}
	if done > 0 {
		t.lines = append(lines, t.lines[done:]...)
	}
	return tables
}

// maxOnTop is how many lines may stand on a page above the rest of a table from the page before.
const maxOnTop = 6

// goOn makes a table without a header the rest of the last one on the page before if its columns stand below its.
func (p *pdfTable) goOn(before *pdfTable, columns []segment) {
	if before == nil || !slices.EqualFunc(before.at, columns, segment.overlaps) {
		return
	}
	p.header, p.columns = before.header, before.columns
	if p.caption == "" {
		p.caption = before.caption
	}
}

// segments divides a line at its wide gaps. A currency belongs to the figure behind it, a bracket to that before it.
func (t *pdfText) segments(line int) []segment { return t.segmentsApart(line, cellGap) }

func (t *pdfText) segmentsApart(line int, gap float64) []segment {
	l := t.lines[line]
	var found []segment
	for _, w := range wordsOf(l.chars) {
		first, ok := t.looseBox(t.place(l, w.begin))
		last, both := t.looseBox(t.place(l, w.end-1))
		if !ok || !both || w.rtl {
			return nil
		}
		s := segment{w.begin, w.end, first.left, last.right, first.bottom, first.top, string(l.chars[w.begin:w.end])}
		if n := len(found); n > 0 {
			before := &found[n-1]
			near := s.left-before.right < gap*first.height() && s.left > before.left
			if near || currency.MatchString(before.text) || closing.MatchString(s.text) {
				before.end, before.right, before.text = s.end, s.right, before.text+" "+s.text
				continue
			}
		}
		found = append(found, s)
	}
	return found
}

// isRow reports whether a line ends in a figure that stands apart from what is before it.
func (t *pdfText) isRow(line int) bool {
	text := strings.TrimSpace(string(t.lines[line].chars))
	if !endsInFigure(text) {
		return false
	}
	found := t.segments(line)
	return len(found) > 1 && found[len(found)-1].isFigure() && !onlyYears(found)
}

// endsInFigure costs no call into PDFium.
func endsInFigure(line string) bool {
	last := lastWord(line)
	return last != line && (cellValue.MatchString(last) || closing.MatchString(last))
}

// onlyYears reports whether the figures of a line are those above the columns of a table.
func onlyYears(cells []segment) bool {
	for _, c := range cells {
		if c.isFigure() && !year.MatchString(c.text) {
			return false
		}
	}
	return true
}

// rowsFrom are the lines from a row to the last of its table, which ends above the next of those with rules: rows below
// each other, and labels between them.
func (t *pdfText) rowsFrom(first int, ruled []ruledTable) figureRows {
	limit := len(t.lines)
	if len(ruled) > 0 {
		limit = ruled[0].first
	}
	rows := figureRows{first: first, end: first + 1, cells: map[int][]segment{first: t.segments(first)}}
	above := rows.cells[first]
	for i := first + 1; i < limit && i-rows.end <= maxLabels; i++ {
		if !t.isRow(i) {
			if !t.isLabel(i, above) {
				break
			}
			continue
		}
		cells := t.segments(i)
		if !slices.ContainsFunc(cells[1:], func(c segment) bool { return slices.ContainsFunc(above[1:], c.overlaps) }) {
			break
		}
		rows.cells[i], rows.end, above = cells, i+1, cells
	}
	return rows
}

// isLabel reports whether a line without figures may stand between rows: alone, on the left, and no sentence.
func (t *pdfText) isLabel(line int, row []segment) bool {
	text := string(t.lines[line].chars)
	if utf8.RuneCountInString(text) > longestLabel || isSentence(text) {
		return false
	}
	found := t.segments(line)
	return len(found) == 1 && found[0].left < row[1].left && !strings.HasPrefix(text, "(")
}

// findColumns reports whether the figures stand in columns.
func (r *figureRows) findColumns() bool {
	const fewest = 2
	if len(r.cells) < fewest {
		return false
	}
	var all []segment
	left := 0.0
	for _, cells := range r.cells {
		if left == 0 || cells[1].left < left {
			left = cells[1].left
		}
	}
	for _, line := range slices.Sorted(maps.Keys(r.cells)) {
		r.joinLabel(line)
	}
	for line, cells := range r.cells {
		if cells[0].middle() >= left { // a row without a label
			r.cells[line] = append([]segment{{begin: cells[0].begin, end: cells[0].begin}}, cells...)
		}
		all = append(all, r.cells[line][1:]...)
	}
	slices.SortFunc(all, func(a, b segment) int {
		switch {
		case a.left < b.left:
			return -1
		case a.left > b.left:
			return 1
		}
		return 0
	})
	for _, s := range all {
		if n := len(r.columns); n > 0 && s.left < r.columns[n-1].right {
			r.columns[n-1].right = max(r.columns[n-1].right, s.right)
			continue
		}
		r.columns = append(r.columns, segment{left: s.left, right: s.right})
	}
	return len(r.columns) <= maxInTable && r.fit() && r.hasAmounts(all)
}

// joinLabel puts the parts of a row's label together, which a gap divides: no other row has a cell there.
func (r *figureRows) joinLabel(line int) {
	cells := r.cells[line]
	for len(cells) > 2 && !cells[1].isFigure() {
		for other, row := range r.cells {
			if other != line && slices.ContainsFunc(row[1:], cells[1].overlaps) {
				return
			}
		}
		label := cells[0]
		label.end, label.right, label.text = cells[1].end, cells[1].right, label.text+" "+cells[1].text
		cells = append([]segment{label}, cells[2:]...)
		r.cells[line] = cells
	}
}

// fit reports whether no row has two cells in one column, and lays the cells out by column.
func (r *figureRows) fit() bool {
	for line, cells := range r.cells {
		laid := make([]segment, len(r.columns)+1)
		laid[0] = cells[0]
		for _, c := range cells[1:] {
			at := slices.IndexFunc(r.columns, c.overlaps) + 1
			if at == 0 || laid[at].text != "" {
				return false
			}
			laid[at] = c
		}
		r.cells[line] = laid
	}
	return true
}

// areFull reports whether each column has a cell in most of the rows, as it has in a table that lacks names.
func (r *figureRows) areFull() bool {
	for column := range r.columns {
		filled := 0
		for _, cells := range r.cells {
			if cells[column+1].text != "" {
				filled++
			}
		}
		if filled*2 <= len(r.cells) {
			return false
		}
	}
	return true
}

// hasAmounts tells a table from one of contents, whose only figures are the numbers of pages.
func (r *figureRows) hasAmounts(cells []segment) bool {
	const longestPage = 4
	in := map[int]bool{}
	for _, s := range cells {
		if !s.isFigure() {
			continue
		}
		in[slices.IndexFunc(r.columns, s.overlaps)] = true
		if len(in) > 1 || len(s.text) > longestPage || strings.ContainsAny(s.text, "$€£¥%.,(") {
			return true
		}
	}
	return false
}

// tableOf writes a table anew. It begins at the line from, which is not before another.
func (t *pdfText) tableOf(rows figureRows, after int) (table pdfTable, from int, lines []rawLine) {
	head := t.headOf(rows, after)
	lines = slices.Clone(t.lines[head.from:head.first])
	table = pdfTable{caption: head.caption, columns: head.columns}
	switch {
	case table.columns != nil:
		var levels []string
		for _, level := range head.levels {
			levels = append(levels, document.Barred(level))
			lines = append(lines, t.lines[head.first].written(document.Barred(level)))
		}
		table.header = strings.Join(levels, "\n")
	case head.first < head.rows:
		lines = append(lines, t.lines[head.first:head.rows]...)
		table.header = linesAsText(t.lines[head.first:head.rows], "\n")
	}
	table.lead = len(lines)
	lines = append(lines, t.rowLines(rows, head.rows)...)
	table.lines = strings.Split(linesAsText(lines, "\n"), "\n")
	return table, head.from, lines
}

// linesAsText is the text of lines, each on a single line.
func linesAsText(lines []rawLine, separator string) string {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = plain.Fold(l.String())
	}
	return strings.Join(texts, separator)
}

// rowLines are the lines of a table's rows and labels.
func (t *pdfText) rowLines(rows figureRows, from int) []rawLine {
	var lines []rawLine
	wrapped := rawLine{}
	for i := from; i < rows.end; i++ {
		cells, ok := rows.cells[i]
		switch {
		case ok && len(wrapped.chars) > 0:
			lines, wrapped = append(lines, wrapped.joinedBy(" ", t.lines[i].barred(cells))), rawLine{}
		case ok:
			lines = append(lines, t.lines[i].barred(cells))
		case t.isWrapped(rows, i):
			wrapped = t.lines[i]
		default:
			lines = append(lines, t.lines[i])
		}
	}
	return lines
}

// isWrapped reports whether a line is the beginning of the label of the row that follows.
func (t *pdfText) isWrapped(rows figureRows, line int) bool {
	next, ok := rows.cells[line+1]
	if !ok || strings.HasSuffix(strings.TrimSpace(string(t.lines[line].chars)), ":") {
		return false
	}
	first, _ := utf8.DecodeRuneInString(next[0].text)
	return next[0].text != "" && strings.ToLower(string(first)) == string(first) && hasWords(next[0].text)
}

// barred is a row of cells with bars between them.
func (l rawLine) barred(cells []segment) rawLine {
	out := rawLine{start: l.start, at: []int{}}
	last := len(cells) - 1
	for last > 0 && cells[last].text == "" {
		last--
	}
	for i, c := range cells[:last+1] {
		if i > 0 {
			out = out.joinedBy(" | ", rawLine{})
		}
		if c.text != "" {
			out.add(l, c.begin, c.end)
		}
	}
	if cells[0].text == "" {
		out.chars, out.at = out.chars[1:], out.at[1:] // the blank before the first bar
	}
	return out
}
