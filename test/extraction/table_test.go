package extraction

import (
	"slices"
	"strings"
)

// cellsKept counts the cells of a table that stand in a row with the row's first cell, below the names of their
// column. Empty cells do not count, but those that follow them must be in their own columns.
func cellsKept(b block, r reading) ratio {
	var kept ratio
	lines := strings.Split(r.text, "\n")
	for _, row := range b.Rows[b.Header:] {
		best := cellsInLines(b, row, lines)
		for _, g := range r.tables {
			best = max(best, cellsInGrid(b, row, g))
		}
		kept.right += best
		for _, cell := range row {
			if cell != "" {
				kept.all++
			}
		}
	}
	return kept
}

// columnNames are the names of a column, from the top.
func columnNames(b block, column int) []string {
	var names []string
	for _, row := range b.Rows[:b.Header] {
		if name := row[column]; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// cellsInGrid is how many cells of a row are kept in the row of a table that keeps most of them.
func cellsInGrid(b block, row []string, g grid) int {
	best := 0
	for _, got := range g.rows {
		if g.names == nil {
			best = max(best, cellsInRecord(b, row, got))
			continue
		}
		if !slices.ContainsFunc(got, func(s string) bool { return same(s, row[0]) }) {
			continue
		}
		kept := 0
		for column, cell := range row {
			for k, s := range got {
				if cell != "" && same(s, cell) && named(g, k, b, column) {
					kept++
					break
				}
			}
		}
		best = max(best, kept)
	}
	return best
}

// named reports whether a table's column k has the names of the truth's column. Rows of names that the table does not
// have as such are its first rows.
func named(g grid, k int, b block, column int) bool {
	rows := append([][]string{g.names}, g.rows...)
	if strings.Join(g.names, "") == "" {
		rows = g.rows
	}
	var names []string
	for _, row := range rows[:min(len(rows), b.Header)] {
		if k < len(row) {
			names = append(names, words(row[k])...)
		}
	}
	want := words(strings.Join(columnNames(b, column), " "))
	return shared(want, names) == len(want)
}

// cellsInRecord is how many cells of a row are kept in lines of "column: value".
func cellsInRecord(b block, row, lines []string) int {
	kept := 0
	for column, cell := range row {
		line := strings.Join(columnNames(b, column), " ") + " " + cell
		has := slices.ContainsFunc(lines, func(s string) bool { return same(s, line) })
		if column == 0 && !has {
			return 0
		}
		if cell != "" && has {
			kept++
		}
	}
	return kept
}

// cellsInLines is how many cells of a row are kept in a line of text without columns. Their order shows the columns
// up to an empty cell; the names of the columns stand somewhere above.
func cellsInLines(b block, row []string, lines []string) int {
	best := 0
	for i, line := range lines {
		rest, ok := afterWords(words(line), words(row[0]))
		if !ok {
			continue
		}
		kept := 0
		if namesAbove(b, 0, lines[:i]) {
			kept++
		}
		for column := 1; column < len(row) && row[column] != ""; column++ {
			want := words(row[column])
			if len(rest) < len(want) || !slices.Equal(rest[:len(want)], want) {
				break
			}
			rest = rest[len(want):]
			if namesAbove(b, column, lines[:i]) {
				kept++
			}
		}
		best = max(best, kept)
	}
	return best
}

// namesAbove reports whether each of a column's names stands in one of the lines, together with that of the next
// column.
func namesAbove(b block, column int, lines []string) bool {
	for _, row := range b.Rows[:b.Header] {
		want := words(row[column])
		if next := column + 1; next < len(row) && row[next] != row[column] {
			want = append(want, words(row[next])...)
		}
		if !slices.ContainsFunc(lines, func(s string) bool { return shared(want, words(s)) == len(want) }) {
			return false
		}
	}
	return true
}

// afterWords is what follows the first occurrence of the wanted words.
func afterWords(line, want []string) ([]string, bool) {
	for i := 0; i+len(want) <= len(line); i++ {
		if slices.Equal(line[i:i+len(want)], want) {
			return line[i+len(want):], true
		}
	}
	return nil, false
}

func same(a, b string) bool { return slices.Equal(words(a), words(b)) }
