package pdf

import (
	"cmp"
	"math"
	"slices"
)

// Many tables have only level lines: below each row, or around the names of the columns and below the last row. The
// gaps that run through all rows divide their columns. Such a table becomes a lattice, as one with lines around its
// cells is.

// levelLattices returns the tables that the level rules of a page may be. Tables of figures are left to findTables,
// which knows more about the names above them.
func (t *pdfText) levelLattices(rules []rule) []lattice {
	const most = 50 // tables of a page
	tables := stacks(rules)
	if len(tables) == 0 || len(tables) > most {
		return nil
	}
	lines := make([][]segment, len(t.lines))
	for i := range lines {
		lines[i] = t.segments(i)
	}
	var found []lattice
	for _, stack := range tables {
		if l, ok := t.levelLattice(stack, lines); ok {
			found = append(found, l)
		}
	}
	return found
}

// stacks groups level rules that begin and end at the same places, three at least, from the top down.
func stacks(rules []rule) [][]rule {
	const fewest, most = 3, 200   // rules
	const aside, narrow = 4, 100. // points between their ends; points of a table's width
	var groups [][]rule
	for _, r := range joinedRules(rules) {
		i := slices.IndexFunc(groups, func(g []rule) bool {
			return math.Abs(g[0].from-r.from) <= aside && math.Abs(g[0].to-r.to) <= aside
		})
		if i < 0 {
			groups = append(groups, []rule{r})
		} else if last := groups[i][len(groups[i])-1]; last.at-r.at > near {
			groups[i] = append(groups[i], r)
		}
	}
	return slices.DeleteFunc(groups, func(g []rule) bool {
		return len(g) < fewest || len(g) > most || g[0].to-g[0].from < narrow
	})
}

// joinedRules returns the level rules from the top down, one for those that touch each other, as the lines below
// the cells of one row do.
func joinedRules(rules []rule) []rule {
	level := slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return r.upright })
	slices.SortFunc(level, func(a, b rule) int {
		return cmp.Or(cmp.Compare(math.Round(b.at), math.Round(a.at)), cmp.Compare(a.from, b.from))
	})
	var joined []rule
	for _, r := range level {
		if n := len(joined); n > 0 && joined[n-1].meets(r) {
			joined[n-1].to = max(joined[n-1].to, r.to)
			continue
		}
		joined = append(joined, r)
	}
	return joined
}

// maxLevelRows bounds the rows of a table, each place of which is compared with each of its rules.
const maxLevelRows = 400

// levelLattice lays the lattice of a table between the rules of a stack. It reports false unless the text between them
// stands in columns.
func (t *pdfText) levelLattice(stack []rule, segments [][]segment) (lattice, bool) {
	first, last := stack[0], stack[len(stack)-1]
	area := rect{first.from - near, last.at, first.to + near, first.at}
	var cells []segment
	lines, figures := 0, 0
	for i, line := range segments {
		inside := slices.DeleteFunc(slices.Clone(line), func(s segment) bool {
			return !area.holds(rect{s.left, s.bottom, s.right, s.top})
		})
		if len(inside) == 0 {
			continue
		}
		if lines++; t.isRow(i) {
			figures++
		}
		cells = append(cells, inside...)
	}
	columns := columnsOf(cells)
	const fewest = 3 // lines of text

	ofFigures := figures*2 > lines && lines > len(stack) // the rules do not divide its rows
	if lines < fewest || ofFigures || len(columns) < 2 || len(columns) > maxInTable {
		return lattice{}, false
	}
	if names := t.namesAbove(first, columns, segments); len(names) > 0 {
		cells, columns = append(cells, names...), columnsOf(append(cells, names...))
		first.at = names[0].top + near
		stack = append([]rule{first}, stack...)
	}
	l := lattice{xs: []float64{first.from - near}}
	for i := 1; i < len(columns); i++ {
		l.xs = append(l.xs, (columns[i-1].right+columns[i].left)/2)
	}
	l.xs = append(l.xs, first.to+near)
	if l.ys = rowLevels(stack, cells, columns[0]); len(l.ys) > maxLevelRows {
		return lattice{}, false
	}
	for _, x := range l.xs {
		l.rules = append(l.rules, rule{upright: true, at: x, from: last.at, to: first.at})
	}
	for _, y := range l.ys {
		l.rules = append(l.rules, rule{at: y, from: first.from, to: first.to})
	}
	return l, true
}

// namesAbove returns the cells of the line right above a table's first rule, if they stand above its columns: names
// have no rule above them in some tables.
func (t *pdfText) namesAbove(top rule, columns []segment, lines [][]segment) []segment {
	const nearest = 0.8 // of a line's height
	for i, names := range lines {
		if len(names) < 2 || t.isRow(i) {
			continue
		}
		rise := names[0].bottom - top.at
		if rise > -near && rise < nearest*(names[0].top-names[0].bottom) && names[0].left > top.from-near &&
			len(columnsOf(append(slices.Clone(columns), names...))) == len(columns) {
			return names
		}
	}
	return nil
}

// columnsOf returns where cells overlap, from left to right.
func columnsOf(cells []segment) []segment {
	cells = slices.Clone(cells)
	slices.SortFunc(cells, func(a, b segment) int { return cmp.Compare(a.left, b.left) })
	var columns []segment
	for _, c := range cells {
		if n := len(columns); n > 0 && c.left < columns[n-1].right {
			columns[n-1].right = max(columns[n-1].right, c.right)
			continue
		}
		columns = append(columns, segment{left: c.left, right: c.right})
	}
	return columns
}

// rowLevels returns the places of the lines between rows, from the top down: those of the rules, and where few rules
// hold many lines of text, one above each line that begins a row.
func rowLevels(stack []rule, cells []segment, labels segment) []float64 {
	const few, many = 5, 3 // rules of a table without a line below each row; lines of text
	ys := []float64{stack[0].at}
	for i := 1; i < len(stack); i++ {
		inside := slices.DeleteFunc(slices.Clone(cells), func(s segment) bool {
			y := (s.bottom + s.top) / 2
			return y >= stack[i-1].at || y <= stack[i].at
		})
		if levels := textLevels(inside); len(stack) <= few && len(levels) >= many {
			ys = append(ys, betweenRows(levels, labels)...)
		}
		ys = append(ys, stack[i].at)
	}
	return ys
}

// textLevels groups cells that stand beside each other, from the top down.
func textLevels(cells []segment) [][]segment {
	slices.SortFunc(cells, func(a, b segment) int { return cmp.Compare(b.bottom+b.top, a.bottom+a.top) })
	var levels [][]segment
	for _, c := range cells {
		if n := len(levels); n > 0 && (c.bottom+c.top)/2 > levels[n-1][0].bottom {
			levels[n-1] = append(levels[n-1], c)
			continue
		}
		levels = append(levels, []segment{c})
	}
	return levels
}

// betweenRows returns the places between rows. A line of text without a label that stands close below another one goes
// on with its row.
func betweenRows(levels [][]segment, labels segment) (ys []float64) {
	const tight = 1.3 // of a line's height: lines of one cell are no further apart
	for i := 1; i < len(levels); i++ {
		above, here := levels[i-1][0], levels[i][0]
		goesOn := !slices.ContainsFunc(levels[i], labels.overlaps) &&
			above.top-here.top < tight*(here.top-here.bottom)
		if !goesOn {
			ys = append(ys, (above.bottom+here.top)/2)
		}
	}
	return ys
}
