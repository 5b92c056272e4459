package markup

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// Tables whose cells stand below each other with blanks between them.

var (
	dashedRule  = regexp.MustCompile(`^\s*-{2,}(?:[ \t]+-{2,})+$`)
	alignedCell = regexp.MustCompile(`\S(?: \S|\S)*`)
	figureInRow = regexp.MustCompile(`\d`)
)

// partsOf are where the parts of a line begin.
func partsOf(rule string) []int {
	var starts []int
	before := ' '
	for i, c := range []rune(rule) {
		if before == ' ' && c != ' ' {
			starts = append(starts, i)
		}
		before = c
	}
	return starts
}

// cutAt are the parts of a line between places.
func cutAt(line string, starts []int) []string {
	runes := []rune(line)
	cells := make([]string, len(starts))
	for i, start := range starts {
		end := len(runes)
		if i+1 < len(starts) {
			end = min(end, starts[i+1])
		}
		if start = min(start, end); i == 0 {
			start = 0
		}
		cells[i] = string(runes[start:end])
	}
	return cells
}

// crosses reports whether a word of a line stands across a place where a column begins.
func crosses(line string, starts []int) bool {
	runes := []rune(line)
	return slices.ContainsFunc(starts[1:], func(at int) bool {
		return at < len(runes) && runes[at-1] != ' ' && runes[at] != ' '
	})
}

// dashedTable takes names over lines of dashes, and rows up to a blank line, as many programs write them.
func dashedTable(r *lineScanner) bool {
	if !dashedRule.MatchString(r.line(1)) {
		return false
	}
	starts := partsOf(r.line(1))
	n := r.block()
	var rows [][]document.GridCell
	for i := range n {
		line := r.line(i)
		if i == 1 || dashedRule.MatchString(line) || strings.Trim(line, "- ") == "" {
			continue
		}
		if strings.ContainsRune(line, '\t') || crosses(line, starts) {
			return false
		}
		rows = append(rows, plainCells(cutAt(line, starts)))
	}
	return len(rows) > 1 && r.table(rows, 1, n)
}

// tabbedTable takes lines with the same number of tabs between their cells.
func tabbedTable(r *lineScanner) bool {
	tabs := strings.Count(r.line(0), "\t")
	if tabs == 0 {
		return false
	}
	n := r.count(func(line string) bool { return strings.Count(line, "\t") == tabs && line[0] != '\t' })
	if n < 3 {
		return false
	}
	var rows [][]document.GridCell
	for _, line := range r.lines[r.at : r.at+n] {
		rows = append(rows, plainCells(strings.Split(line, "\t")))
	}
	return r.table(rows, -1, n)
}

// alignedTable takes lines whose cells stand below each other with blanks between them, as programs list things: names
// first, then rows of which most have figures.
func alignedTable(r *lineScanner) bool {
	n := r.block()
	if n < 3 || strings.ContainsRune(r.line(0), '\t') || len(alignedCell.FindAllString(r.line(0), 3)) < 2 {
		return false
	}
	lines := r.lines[r.at : r.at+n]
	starts := commonColumns(lines)
	names := alignedCell.FindAllString(lines[0], -1)
	if len(starts) < 2 || len(starts) != len(names) {
		return false
	}
	rows := make([][]document.GridCell, n)
	figures := 0
	for i, line := range lines {
		rows[i] = plainCells(cutAt(line, starts))
		if slices.ContainsFunc(rows[i], func(c document.GridCell) bool { return c.Text == "" }) && len(starts) == 2 {
			return false
		}
		if figureInRow.MatchString(line) {
			figures++
		}
	}
	if figureInRow.MatchString(lines[0]) || figures*2 < n-1 {
		return false
	}
	return r.table(rows, 1, n)
}

// commonColumns are where the columns of lines begin: behind two blanks or more that stand in all of them.
func commonColumns(lines []string) []int {
	width := 0
	for _, line := range lines {
		width = max(width, len([]rune(line)))
	}
	filled := make([]bool, min(width, document.MaxSpan))
	for _, line := range lines {
		for i, c := range []rune(line) {
			if i < len(filled) && c != ' ' {
				filled[i] = true
			}
		}
	}
	var starts []int
	for i, is := range filled {
		if is && (i == 0 || i > 1 && !filled[i-1] && !filled[i-2] || len(starts) == 0) {
			starts = append(starts, i)
		}
	}
	return starts
}
