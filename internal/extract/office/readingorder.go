package office

import (
	"cmp"
	"slices"
)

// area is the place of a shape on a slide, in any unit.
type area struct {
	known                    bool
	left, top, right, bottom int
}

// union is the smallest area around two.
func (a area) union(b area) area {
	if !a.known || !b.known {
		if a.known {
			return a
		}
		return b
	}
	return area{
		known: true, left: min(a.left, b.left), top: min(a.top, b.top),
		right: max(a.right, b.right), bottom: max(a.bottom, b.bottom),
	}
}

// readingOrder is the order in which people read shapes: the title, then from top to bottom, and where columns stand
// side by side one column after the other. Shapes whose place is not known keep their order, after the title.
func readingOrder(shapes []slideShape) []slideShape {
	var titles, unplaced, placed []slideShape
	for _, s := range shapes {
		switch {
		case s.title:
			titles = append(titles, s)
		case !s.known:
			unplaced = append(unplaced, s)
		default:
			placed = append(placed, s)
		}
	}
	slices.SortStableFunc(titles, byTop)
	return slices.Concat(titles, unplaced, inOrder(placed, 0))
}

func byTop(a, b slideShape) int {
	return cmp.Or(cmp.Compare(a.top, b.top), cmp.Compare(a.left, b.left))
}

// inOrder cuts shapes apart along white space, across or down, and orders what lies between the cuts.
func inOrder(shapes []slideShape, depth int) []slideShape {
	const many = 500 // shapes of a drawing rather than of a text
	if len(shapes) > 1 && len(shapes) <= many && depth < maxDepth {
		columns, rows := cut(shapes, across), cut(shapes, down)
		if isGrid(columns, rows) {
			return inOrderEach(rows, depth)
		}
		if len(columns) > 1 {
			return inOrderEach(columns, depth)
		}
		if rows = joinColumns(rows); len(rows) > 1 {
			return inOrderEach(rows, depth)
		}
	}
	ordered := slices.Clone(shapes)
	slices.SortStableFunc(ordered, byTop)
	return ordered
}

func inOrderEach(groups [][]slideShape, depth int) []slideShape {
	var ordered []slideShape
	for _, group := range groups {
		ordered = append(ordered, inOrder(group, depth+1)...)
	}
	return ordered
}

// span is what an area covers of an axis.
type span struct{ from, to int }

func across(a area) span { return span{a.left, a.right} }

func down(a area) span { return span{a.top, a.bottom} }

// cut groups shapes that overlap on an axis. Frames are larger than their texts, so a small overlap does not count.
func cut(shapes []slideShape, axis func(area) span) [][]slideShape {
	sorted := slices.Clone(shapes)
	slices.SortStableFunc(sorted, func(a, b slideShape) int { return cmp.Compare(axis(a.area).from, axis(b.area).from) })
	var groups [][]slideShape
	end := 0
	for _, s := range sorted {
		reach := axis(s.area)
		tolerance := (reach.to - reach.from) / 10
		if len(groups) == 0 || reach.from+tolerance >= end {
			groups = append(groups, nil)
			end = reach.to
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], s)
		end = max(end, reach.to)
	}
	return groups
}

// maxGridText is how many bytes the shapes of a grid hold on average: more is text that runs down a column.
const maxGridText = 40

// isGrid reports whether shapes stand in at least three rows with one in each column, as in a table.
func isGrid(columns, rows [][]slideShape) bool {
	if len(rows) < 3 || len(columns) < 2 {
		return false
	}
	shapes, size := 0, 0
	for _, row := range rows {
		if len(row) != len(columns) {
			return false
		}
		shapes += len(row)
		for _, s := range row {
			for _, b := range s.blocks {
				size += len(b.Text)
			}
		}
	}
	return size <= maxGridText*shapes
}

// joinColumns joins neighbouring rows that are parts of the same columns, so that a column is read to its end.
func joinColumns(rows [][]slideShape) [][]slideShape {
	var joined [][]slideShape
	for _, row := range rows {
		if last := len(joined) - 1; last >= 0 {
			both := slices.Concat(joined[last], row)
			if n := len(cut(both, across)); n > 1 && n == len(cut(row, across)) && n == len(cut(joined[last], across)) {
				joined[last] = both
				continue
			}
		}
		joined = append(joined, row)
	}
	return joined
}
