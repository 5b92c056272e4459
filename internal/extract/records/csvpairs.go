package records

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Pairs are rows of a name and a value that no row above names: data sheets, the lines of a form, signatures.

// arePairs reports whether the rows of a table of two columns are pairs: their values have units of several kinds.
// Where these are two only, and the first row has no figure, that may name the columns.
func arePairs(rows [][]string) bool {
	units := map[string]bool{}
	for _, row := range rows {
		if m := document.Quantity.FindStringSubmatch(strings.TrimSpace(cellAt(row, 1))); m != nil {
			units[m[1]] = true
		}
	}
	return areNamed(rows) && (len(units) > 2 || len(units) == 2 && strings.ContainsFunc(rows[0][1], unicode.IsDigit) ||
		document.IsNameAndValue(rows[0], rows[1:]))
}

// areNamed reports whether each of the rows begins with a name of its own, of at most one value.
func areNamed(rows [][]string) bool {
	seen := map[string]bool{}
	for _, row := range rows {
		if len(row) > 2 || IsBlank(row[0]) || isCSVNumber(strings.TrimSpace(row[0])) || seen[row[0]] {
			return false
		}
		seen[row[0]] = true
	}
	return len(rows) > 1 && len(rows[0]) == 2
}

func cellAt(row []string, i int) string {
	if i < len(row) {
		return row[i]
	}
	return ""
}

// pairsAbove reports whether a text begins with pairs and goes on, below a blank line, with a table.
func (r *csvRecords) pairsAbove() bool {
	at := *r
	at.warnings = nil
	first, more, err := at.next()
	if !more || err != nil {
		return false
	}
	rows, before := [][]string{first}, at
	for len(rows) < csvPeek {
		before = at
		row, more, err := at.next()
		if !more || err != nil {
			return false
		}
		if at.gap {
			break
		}
		rows = append(rows, row)
	}
	if !areNamed(rows) || slices.ContainsFunc(rows, func(row []string) bool { return isCSVNumber(cellAt(row, 1)) }) {
		return false
	}
	figures := func(row []string) bool { return strings.ContainsFunc(cellAt(row, 1), unicode.IsDigit) }
	words := func(row []string) bool { return !figures(row) }
	if !slices.ContainsFunc(rows, figures) || !slices.ContainsFunc(rows, words) {
		return false
	}
	_, found := nextTable(before, nil, 2)
	return found
}

var signatureLine = regexp.MustCompile(`_{3,}`)

// pairsBelow reports whether the next records, which a blank row divides from a table of so many columns, are pairs and
// none of its rows.
func pairsBelow(records csvRecords, width int) bool {
	records.warnings = nil
	first, more, err := records.next()
	if !more || err != nil {
		return false
	}
	labels, short, figures := false, true, false
	rows := records.untilBlank(first)
	for _, row := range rows {
		if FilledCells(row) > 2 {
			return false
		}
		short = short && len(row) == 2
		figures = figures || isCSVNumber(strings.TrimSpace(cellAt(row, 1)))
		for _, cell := range row {
			labels = labels || signatureLine.MatchString(cell) || width > 2 && strings.HasSuffix(strings.TrimSpace(cell), ":")
		}
	}
	return labels || short && width > 2 && !figures && len(rows) > 1
}

// csvPair is a row as a pair; of other cells, the row with bars between them.
func csvPair(row []string) (lines []string, dropped int) {
	cells := make([]string, len(row))
	for i, cell := range row {
		var n int
		cells[i], n = plain.WithoutPayloads(cell)
		cells[i] = plain.Fold(cells[i])
		dropped += n
	}
	if FilledCells(cells) == 2 && len(cells) > 1 && cells[0] != "" && cells[1] != "" {
		return []string{strings.TrimSuffix(cells[0], ":") + ": " + cells[1]}, dropped
	}
	cells = slices.DeleteFunc(cells, IsBlank)
	if line := document.Barred(cells); line != "" {
		lines = []string{line}
	}
	return lines, dropped
}
