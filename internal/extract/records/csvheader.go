package records

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// csvHeader is the head of a table.
type csvHeader struct {
	preamble [][]string // the rows above the names
	names    []string   // of the columns; nil where no row names them
	rows     int        // how many rows the names stand in
	pairs    bool       // each row is a name and its value
}

// csvHead finds the rows above the header, and the header, among a table's first rows. Rows above it have fewer cells
// filled than half of the columns.
func csvHead(rows [][]string) csvHeader {
	rows = withoutEmptyEnds(rows)
	width := csvWidth(rows)
	if width < 2 {
		if len(rows) > 0 && IsCSVHeader(rows[0], rows[1:]) {
			return csvHeader{names: rows[0], rows: 1}
		}
		return csvHeader{}
	}
	if arePairs(rows) {
		return csvHeader{pairs: true}
	}
	for i := range min(len(rows)-2, maxAboveGroups) {
		if levels := groupedNames(rows[i:]); levels != nil {
			return csvHeader{preamble: rows[:i], names: document.ColumnNames(levels), rows: len(levels)}
		}
	}
	n := rowsAbove(rows, width)
	if names := namesOverIndex(rows[n:]); names != nil {
		return csvHeader{preamble: rows[:n], names: names, rows: 1}
	}
	head := csvHeader{preamble: rows[:n]}
	index := indexWidth(rows[n:])
	if index == 0 && !IsCSVHeader(rows[n], rows[n+1:]) {
		head.pairs = areNamed(rows[n:])
		return head
	}
	head.rows = 1
	if index > 0 {
		head.rows = indexedRows(rows[n:], index)
	}
	head.names = document.ColumnNames(rows[n : n+head.rows])
	head.names[0] = strings.TrimSpace(strings.TrimPrefix(head.names[0], "#"))
	if rows = rows[n+head.rows:]; index == 0 && areUnits(head.names, rows) {
		head.rows++
		for i, unit := range rows[0] {
			if unit = strings.Trim(strings.TrimSpace(unit), "[]()"); unit != "" && unit != "-" && !unitLabel.MatchString(unit) {
				head.names[i] += " (" + unit + ")"
			}
		}
	}
	return head
}

// withoutEmptyEnds are rows without the columns at their end that are empty in all of them.
func withoutEmptyEnds(rows [][]string) [][]string {
	width := 0
	for _, row := range rows {
		for i, cell := range row {
			if !IsBlank(cell) {
				width = max(width, i+1)
			}
		}
	}
	if width < 2 {
		return rows
	}
	cut := make([][]string, len(rows))
	for i, row := range rows {
		cut[i] = row[:min(len(row), width)]
	}
	return cut
}

// rowsAbove is how many rows stand above the names of a table with so many columns.
func rowsAbove(rows [][]string, width int) int {
	n := 0
	for n < len(rows)-1 && indexWidth(rows[n:]) == 0 && (isCSVTitle(rows[n], width) ||
		isComment(rows[n]) && isComment(rows[n+1]) || isShortTitle(rows[n:], width)) {
		n++
	}
	return n
}

// unitOfMeasure is how units are written below the names of columns: in brackets, or by their signs.
var unitOfMeasure = regexp.MustCompile(`^(?:[\[(][^\])]{1,12}[\])]|%|‰|°[CF]?|[kMGTmµμundch]?(?:m|g|s|l|L|A|V|W|K|J|N|Hz|Pa|bar|Wh|VA|` +
	`t|Ω|Ohm|mol|cd|lm|lx|B|bit|min|h|d|a|yr|rpm|psi|ppm|dB|pH|in|ft|lb|lbs|oz|kn|` +
	`EUR|USD|GBP|CHF|JPY|€|\$|£|pcs|pc|Stk?|deg[CF]?)[²³]?[23]?(?:[/*·][a-zA-Zµ°²³%]{1,4}[23]?)*|` +
	`(?i:(?:degrees? )?(?:celsius|fahrenheit|kelvin)|per ?cent|` +
	`(?:kilo|milli|centi)?(?:met(?:re|er)|gram|lit(?:re|er)|watt|volt)s?|` +
	`seconds?|minutes?|hours?|days?|years?|degrees?|pieces)(?i: per [a-z]+)?)$`)

var (
	// unitLabel is how a row of units calls itself.
	unitLabel = regexp.MustCompile(`(?i)^\[?(?:units?|einheit(?:en)?|unités?|unidad(?:es)?|unità|eenheid)\]?:?$`)
	// dateForm is how dates below are written.
	dateForm = regexp.MustCompile(`^[YMDTJAHhmsy]{2,4}(?:[-./: ]{1,2}[YMDTJAHhmsy]{2,4}){1,5}$`)
)

// areUnits reports whether the first of the rows below the names gives units: figures stand below each of its cells,
// and most are units by their form.
func areUnits(names []string, rows [][]string) bool {
	if len(rows) < 2 || len(rows[0]) != len(names) {
		return false
	}
	units, filled := 0, 0
	labelled := unitLabel.MatchString(strings.TrimSpace(rows[0][0]))
	for i, cell := range rows[0] {
		below := strings.TrimSpace(cellAt(rows[1], i))
		if cell = strings.TrimSpace(cell); cell == "" || cell == "-" || i == 0 && labelled ||
			dateForm.MatchString(cell) && strings.ContainsAny(below, "0123456789") {
			continue
		}
		filled++
		if isCSVNumber(cell) || isCSVNumber(names[i]) || !isCSVNumber(below) {
			return false
		}
		if labelled || unitOfMeasure.MatchString(cell) {
			units++
		}
	}
	return filled > 0 && units*2 > filled
}

// isComment reports whether a row is marked as a comment.
func isComment(row []string) bool { return strings.HasPrefix(strings.TrimSpace(row[0]), "#") }

// maxAboveGroups is how many rows may stand above two rows of names.
const maxAboveGroups = 5

// groupedNames are the first two rows of a table if the first names groups of the columns that the second names, as a
// merged cell does that was saved as CSV: only in the first column of each group. Names then come again in each group.
func groupedNames(rows [][]string) [][]string {
	groups, names := slices.Clone(rows[0]), rows[1]
	if len(groups) != len(names) {
		return nil
	}
	if IsCSVHeader(groups, rows[1:]) {
		return repeatedGroups(rows)
	}
	first := slices.IndexFunc(names, func(s string) bool { return !IsBlank(s) })
	if first < 0 || !IsCSVHeader(names[first:], nil) || allDifferent(names[first:]) {
		return nil
	}
	found := 0
	for i := range groups {
		switch {
		case isFraction(groups[i]):
			return nil
		case !IsBlank(groups[i]):
			found++
		case found > 0 && IsBlank(names[i]):
			return nil
		case i > 0 && i >= first:
			groups[i] = groups[i-1]
		}
	}
	if found < 2 {
		return nil
	}
	return [][]string{groups, names}
}

// repeatedGroups are the first two rows of a table if the first names the group of each column: names in it come again
// beside each other, names below them differ, and figures stand below those.
func repeatedGroups(rows [][]string) [][]string {
	groups, names := rows[0], rows[1]
	if len(rows) < 3 || len(rows[2]) != len(groups) || slices.ContainsFunc(names, isCSVNumber) ||
		!slices.ContainsFunc(rows[2], isCSVNumber) {
		return nil
	}
	again := 0
	for i := 1; i < len(groups); i++ {
		if IsBlank(names[i]) || isCSVNumber(strings.TrimSpace(names[i])) {
			return nil
		}
		if groups[i] == groups[i-1] {
			again++
		}
	}
	if again == 0 || !allDifferent(document.ColumnNames([][]string{groups, names})) {
		return nil
	}
	return [][]string{groups, names}
}

func allDifferent(names []string) bool {
	seen := map[string]bool{}
	for _, name := range names {
		seen[name] = true
	}
	return len(seen) == len(names)
}

// indexWidth returns how many columns at the left of a table number or name its rows. The first row has no names for
// them, but names each of the other columns, and the rows below have values in them.
func indexWidth(rows [][]string) int {
	first := rows[0]
	index := 0
	for index < len(first) && strings.TrimSpace(first[index]) == "" {
		index++
	}
	if index == 0 || index == len(first) || slices.ContainsFunc(first[index:], IsBlank) || len(rows) < 2 {
		return 0
	}
	last := rows[len(rows)-1]
	if len(last) != len(first) || slices.ContainsFunc(last[:index], IsBlank) ||
		index == 1 && !IsCSVHeader(first, rows[1:]) || slices.ContainsFunc(first[index:], isFraction) {
		return 0
	}
	return index
}

// indexedRows is how many rows name the columns of a table with an index, as pandas writes them: the levels of the
// names, and perhaps a row that names the index.
func indexedRows(rows [][]string, index int) int {
	n := 1
	level := func(row []string) bool {
		return len(row) == len(rows[0]) && !slices.ContainsFunc(row[:index], func(s string) bool { return !IsBlank(s) }) &&
			!slices.ContainsFunc(row[index:], isFraction) && !document.AllEmpty(row)
	}
	for n < len(rows)-1 && n < 4 && level(rows[n]) {
		n++
	}
	if n < len(rows)-1 && len(rows[n]) == len(rows[0]) && document.AllEmpty(rows[n][index:]) &&
		!document.AllEmpty(rows[n]) {
		n++
	}
	return n
}

// IsBlank reports whether a cell is empty or holds blanks alone.
func IsBlank(cell string) bool { return strings.TrimSpace(cell) == "" }

// FilledCells counts the cells of a row that are not blank.
func FilledCells(row []string) (n int) {
	for _, cell := range row {
		if !IsBlank(cell) {
			n++
		}
	}
	return n
}

// isFraction reports whether a cell is a number that is not whole, which names no column.
func isFraction(cell string) bool {
	_, err := strconv.Atoi(strings.TrimSpace(cell))
	return err != nil && isCSVNumber(strings.TrimSpace(cell))
}

// isCSVTitle reports whether a row above the header is a title, a comment, or blank.
func isCSVTitle(row []string, width int) bool {
	filled := FilledCells(row)
	comment := strings.HasPrefix(strings.TrimSpace(row[0]), "#") && len(row) != width
	return comment || filled <= 1 && width > 1 || filled*2 < width
}

// isShortTitle reports whether a row has fewer cells than the table and stands above its names, perhaps with others
// such: figures stand below the names, not below the row.
func isShortTitle(rows [][]string, width int) bool {
	names := slices.IndexFunc(rows, func(row []string) bool { return len(row) >= width })
	figures := func(row []string) bool { return slices.ContainsFunc(row, isCSVNumber) }
	if names < 1 || names > maxAboveGroups || names > 1 && slices.ContainsFunc(rows[:names], figures) {
		return false
	}
	rows = rows[names-1:]
	if len(rows) < 3 || slices.ContainsFunc(rows[1], IsBlank) ||
		!IsCSVHeader(rows[1], rows[2:]) {
		return false
	}
	return slices.ContainsFunc(rows[2], isCSVNumber) && !slices.ContainsFunc(rows[1], isCSVNumber)
}

// namesOverIndex are the names of columns of which the first, an index, has none: each row below has one cell more, as
// R writes tables. Where that is always empty, only a delimiter ends each row.
func namesOverIndex(rows [][]string) []string {
	if len(rows) < 3 || !IsCSVHeader(rows[0], nil) || slices.ContainsFunc(rows[0], IsBlank) {
		return nil
	}
	filled := false
	for i, row := range rows[1:] {
		if len(row) != len(rows[0])+1 || IsBlank(row[0]) || i > 0 && row[0] == rows[i][0] {
			return nil
		}
		filled = filled || !IsBlank(row[len(row)-1])
	}
	if !filled {
		return nil
	}
	return append([]string{""}, rows[0]...)
}

// csvWidth is the number of columns that most rows have. Comments do not count.
func csvWidth(rows [][]string) int {
	counts := map[int]int{}
	width := 0
	for _, row := range rows {
		n := len(row)
		if n == 1 && strings.HasPrefix(row[0], "#") {
			continue
		}
		if counts[n]++; counts[n] > counts[width] || counts[n] == counts[width] && n > width {
			width = n
		}
	}
	return width
}

// IsCSVHeader reports whether a row names the columns of those that follow. Cells of names are neither empty, but for
// the first, over an index, nor numbers, but for years and for numbers that count from 0 or 1.
func IsCSVHeader(row []string, body [][]string) bool {
	var numbers []int
	for i, cell := range row {
		cell = strings.TrimSpace(cell)
		n, isInteger := strconv.Atoi(cell)
		switch {
		case cell == "" && (i > 0 && i < len(row)-1 || len(row) == 1):
			return false
		case isInteger == nil:
			numbers = append(numbers, n)
		case isCSVNumber(cell):
			return false
		}
	}
	if document.IsNameAndValue(row, body) {
		return false
	}
	if len(numbers) == 0 {
		return !document.AllEmpty(row)
	}
	if len(numbers) == len(row) {
		return false
	}
	return areYears(numbers) && !yearsBelow(row, body) || len(numbers) > 2 && areCounted(numbers)
}

func isCSVNumber(cell string) bool {
	_, err := strconv.ParseFloat(strings.ReplaceAll(cell, ",", "."), 64)
	return err == nil
}

func areYears(numbers []int) bool {
	before := 0
	for _, n := range numbers {
		if n < 1800 || n > 2200 || n == before {
			return false
		}
		before = n
	}
	return true
}

// yearsBelow reports whether years stand below the years of a row, so that they are values like those.
func yearsBelow(row []string, body [][]string) bool {
	for i, cell := range row {
		if _, err := strconv.Atoi(strings.TrimSpace(cell)); err != nil {
			continue
		}
		for _, below := range body {
			if i >= len(below) {
				continue
			}
			if n, err := strconv.Atoi(strings.TrimSpace(below[i])); err == nil && areYears([]int{n}) {
				return true
			}
		}
	}
	return false
}

func areCounted(numbers []int) bool {
	for i, n := range numbers {
		if n != numbers[0]+i {
			return false
		}
	}
	return numbers[0] == 0 || numbers[0] == 1
}
