package pdf

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

// A table of words without rules is known by its columns: cells that stand below each other, with the same gaps between
// them through several rows, drawn row after row. Text in columns is drawn column after column; where it is not,
// orderColumns has put it so.

// findWordTables returns the tables of words on the page that no rules show, in order, but for the places of others.
func (t *pdfText) findWordTables(ruled []ruledTable) []ruledTable {
	var found []ruledTable
	for i := 0; i < len(t.lines); {
		limit := len(t.lines)
		if len(ruled) > 0 {
			if i >= ruled[0].first {
				i, ruled = max(i, ruled[0].end), ruled[1:]
				continue
			}
			limit = ruled[0].first
		}
		if !t.beginsRow(i, limit) {
			i++
			continue
		}
		a := t.alignedFrom(i, limit)
		table, ok := t.wordTable(&a)
		if ok {
			found, i = append(found, table), table.end
			continue
		}
		const long = 60 // lines, each of which is not tried as the first of a table again
		if i++; a.end > i+long {
			i = a.end
		}
	}
	return found
}

// wordTable makes a table of lines whose pieces stand in columns. It reports false if they may be anything else.
func (t *pdfText) wordTable(a *aligned) (table ruledTable, ok bool) {
	if a.trim(); len(a.pieces) < 2*fewestWords {
		return table, false
	}
	a.cut()
	if len(a.columns) < 2 || len(a.pieces) < 2*fewestWords {
		return table, false
	}
	rows := a.rows()
	if len(rows) < fewestWords || !a.isTable(t, rows) {
		return table, false
	}
	texts, columns := a.texts(rows), slices.Clone(a.columns)
	if a.isFromRight() {
		slices.Reverse(columns)
		for _, row := range texts {
			slices.Reverse(row)
		}
	}
	table.first, table.end, table.at = a.first, a.end, columns
	table.unnamed = !t.isHeaderRow(rows, texts)
	t.write(&table, texts)
	return table, true
}

// listMarker is what stands before an item of a list.
var listMarker = regexp.MustCompile(`^([^\pL\pN]{1,3}|[(\[]?(\d{1,3}|\pL|[ivxIVX]{1,5})[.)\]]{1,2}|(\d{1,3}\.)+\d{0,3}|o)$`)

// isTable reports whether rows are those of a table: most have several cells, and each column is filled, aligned, and
// no running text.
func (a *aligned) isTable(t *pdfText, rows [][]piece) bool {
	texts := a.texts(rows)
	if !a.hasRows(t, rows, texts) {
		return false
	}
	wordy, prose, lists := 0, 0, 0
	for column := range a.columns {
		c := a.column(column, texts)
		if c.filled < 2 || c.filled*4 < len(rows) || c.longest > longestCell || !c.isAligned() {
			return false
		}
		wordy += c.ifMost(c.words)
		lists += c.ifMost(c.markers)
		if c.isProse() {
			prose++
		}
	}
	byFigures := !a.isFromRight() && !a.isNarrow() // findTables reads them if there is one column of words
	isWordy := wordy > 1 || wordy == 1 && !byFigures
	return isWordy && prose < 2 && len(a.columns)-lists > 1
}

// hasRows reports whether most rows have several cells, and few are figures that findTables reads.
func (a *aligned) hasRows(t *pdfText, rows [][]piece, texts [][]string) bool {
	full := 0
	for _, cells := range texts {
		if records.FilledCells(cells) > 1 {
			full++
		}
	}
	if full < fewestWords || full*2 <= len(rows) {
		return false
	}
	if a.isNarrow() {
		return true
	}
	figures := 0
	for _, row := range rows {
		if t.isRow(row[0].line) {
			figures++
		}
	}
	ofFigures := figures > 1 && figures*4 >= len(rows) || t.leadsToFigures(a.end)
	return !ofFigures
}

// leadsToFigures reports whether rows of figures follow soon, which tableOf reads better with what stands above them.
func (t *pdfText) leadsToFigures(line int) bool {
	for i := line; i < min(len(t.lines), line+maxLabelsBefore); i++ {
		if t.isRow(i) {
			return true
		}
	}
	return false
}

// wordColumn is what is known of a column.
type wordColumn struct {
	segment
	pieces                 []piece
	filled, words, markers int // cells
	longest                int // code points of a cell
}

func (a *aligned) column(index int, texts [][]string) wordColumn {
	c := wordColumn{segment: a.columns[index]}
	for _, row := range texts {
		if row[index] == "" {
			continue
		}
		c.filled++
		c.longest = max(c.longest, utf8.RuneCountInString(row[index]))
		if listMarker.MatchString(row[index]) {
			c.markers++
		} else if strings.ContainsFunc(row[index], unicode.IsLetter) {
			c.words++
		}
	}
	for _, p := range a.pieces {
		if c.overlaps(p.segment) {
			c.pieces = append(c.pieces, p)
		}
	}
	return c
}

// ifMost is 1 for most of the filled cells.
func (c wordColumn) ifMost(n int) int {
	if n*2 > c.filled {
		return 1
	}
	return 0
}

// isAligned reports whether most pieces share an edge, or their middle.
func (c wordColumn) isAligned() bool {
	const same = 2.5 // points
	for _, place := range []func(piece) float64{
		func(p piece) float64 { return p.left },
		func(p piece) float64 { return p.right },
		func(p piece) float64 { return p.middle() },
	} {
		for _, at := range c.pieces[:min(len(c.pieces), 3)] {
			n := 0
			for _, p := range c.pieces {
				if math.Abs(place(p)-place(at)) < same {
					n++
				}
			}
			if n*10 >= len(c.pieces)*7 {
				return true
			}
		}
	}
	return false
}

// isProse reports whether lines fill the column, and go on with a sentence from the line before.
func (c wordColumn) isProse() bool {
	const long, full = 20, 0.75 // code points of a piece; of a column's width
	length, small, width := 0, 0, 0.0
	for _, p := range c.pieces {
		length += utf8.RuneCountInString(p.text)
		width += p.right - p.left
		if first, _ := utf8.DecodeRuneInString(p.text); unicode.IsLower(first) {
			small++
		}
	}
	n := len(c.pieces)
	return small*3 >= n && length >= long*n && width >= full*float64(n)*(c.right-c.left)
}

// isHeaderRow reports whether the first row names the columns: it is bold and the next is not, or all of many columns
// have a name without figures.
func (t *pdfText) isHeaderRow(rows [][]piece, texts [][]string) bool {
	if records.FilledCells(texts[0]) < 2 {
		return false
	}
	bold := func(row []piece) bool {
		return !slices.ContainsFunc(row, func(p piece) bool { return !t.isBold(t.page, t.place(t.lines[p.line], p.begin)) })
	}
	if bold(rows[0]) && !bold(rows[1]) {
		return true
	}
	const several = 3 // columns
	digits := slices.ContainsFunc(texts[0], func(s string) bool { return strings.ContainsFunc(s, unicode.IsDigit) })
	return len(texts[0]) >= several && len(texts) > several && records.FilledCells(texts[0]) == len(texts[0]) && !digits
}
