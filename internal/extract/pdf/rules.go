package pdf

import (
	"math"
	"slices"

	"github.com/klippa-app/go-pdfium/enums"
)

// Bounds on what is looked at of a page's drawings: a map has more lines than any table.
const (
	maxDrawn = 4000 // objects
	maxRules = 2000
)

// near is how far apart, in points, lines may be that are drawn as one.
const near = 2.5

// rule is a straight line of a drawing, or an edge of a box with an outline.
type rule struct {
	upright  bool
	at       float64 // is x if it is upright, else y
	from, to float64 // are the ends on the other axis
}

// meets reports whether two rules touch or cross.
func (r rule) meets(o rule) bool {
	if r.upright == o.upright {
		return math.Abs(r.at-o.at) <= near && r.from <= o.to+near && o.from <= r.to+near
	}
	return r.from-near <= o.at && o.at <= r.to+near && o.from-near <= r.at && r.at <= o.to+near
}

// rules are the lines that a page draws; none if it draws a picture of them.
func (t *pdfText) rules() []rule {
	var found []rule
	count := t.direct.count(pageObjects, t.shown)
	if count > maxDrawn {
		return nil
	}
	for i := range count {
		object, kind, ok := t.direct.object(pageObject, t.shown, i)
		if !ok || kind != enums.FPDF_PAGEOBJ_PATH || !t.direct.isRuled(object) {
			continue
		}
		if found = t.direct.rulesOf(found, object); len(found) > maxRules {
			return nil
		}
	}
	for i, r := range found {
		found[i] = t.upright.rule(r)
	}
	return found
}

// isRuled reports whether a path is drawn as a line, or as a box so thin that it looks like one. Other boxes without an
// outline are the ground of cells, or of anything else.
func (d *direct) isRuled(path address) bool {
	const thickest = 4 // points
	if d.isOutlined(path) {
		return true
	}
	box, ok := d.bounds(path)
	return ok && min(box.width(), box.height()) <= thickest && d.isFilled(path)
}

// rulesOf appends the upright and level lines of a path.
func (d *direct) rulesOf(found []rule, path address) []rule {
	const shortest = 4 // points
	if !d.fills(objectMatrix, path, whole, 1, 24) {
		return found
	}
	var m [6]float64
	for i := range m {
		m[i] = d.float32(i)
	}
	var x, y, startX, startY float64
	add := func(toX, toY float64) {
		switch width, height := math.Abs(toX-x), math.Abs(toY-y); {
		case width < 1 && height >= shortest:
			found = append(found, rule{upright: true, at: (x + toX) / 2, from: min(y, toY), to: max(y, toY)})
		case height < 1 && width >= shortest:
			found = append(found, rule{at: (y + toY) / 2, from: min(x, toX), to: max(x, toX)})
		}
	}
	for i := range min(d.count(pathSegments, path), maxRules) {
		segment, ok := d.call(pathSegment, path, uint64(i))
		if !ok || segment == 0 || !d.fills(segmentPoint, segment, whole, 2, 4) {
			return found
		}
		px, py := d.float32(0), d.float32(1)
		toX, toY := m[0]*px+m[2]*py+m[4], m[1]*px+m[3]*py+m[5]
		kind, _ := d.call(segmentKind, segment)
		switch enums.FPDF_SEGMENT(int32(kind)) {
		case enums.FPDF_SEGMENT_MOVETO:
			startX, startY = toX, toY
		case enums.FPDF_SEGMENT_LINETO:
			add(toX, toY)
		}
		x, y = toX, toY
		if closes, _ := d.call(segmentCloses, segment); int32(closes) != 0 {
			add(startX, startY)
		}
	}
	return found
}

// lattice is rules that cross, as the lines around the cells of a table do.
type lattice struct {
	rules []rule
	xs    []float64 // of the lines between columns, from left to right
	ys    []float64 // of the lines between rows, from top to bottom
}

// lattices are the groups of rules that could be a table: they make two rows and two columns at least.
func lattices(rules []rule) []lattice {
	const fewest = 3 // lines on either axis
	var found []lattice
	for _, group := range connected(rules) {
		l := lattice{rules: group}
		for _, r := range group {
			if r.upright {
				l.xs, l.ys = append(l.xs, r.at), append(l.ys, r.from, r.to)
			} else {
				l.ys, l.xs = append(l.ys, r.at), append(l.xs, r.from, r.to)
			}
		}
		l.xs, l.ys = distinct(l.xs), distinct(l.ys)
		slices.Reverse(l.ys)
		if len(l.xs) >= fewest && len(l.ys) >= fewest && len(l.xs) <= maxInTable+1 {
			found = append(found, l)
		}
	}
	return found
}

// connected are the groups of rules that touch each other.
func connected(rules []rule) [][]rule {
	var groups [][]rule
	rules = slices.Clone(rules)
	for len(rules) > 0 {
		group, rest := rules[:1:1], rules[1:]
		for next := 0; next < len(group); next++ {
			apart := rest[:0] // in place: there may be thousands
			for _, r := range rest {
				if group[next].meets(r) {
					group = append(group, r)
				} else {
					apart = append(apart, r)
				}
			}
			rest = apart
		}
		groups, rules = append(groups, group), rest
	}
	return groups
}

// distinct are the places in ascending order, one for those that are near each other.
func distinct(places []float64) []float64 {
	slices.Sort(places)
	var kept []float64
	for _, p := range places {
		if n := len(kept); n == 0 || p-kept[n-1] > near {
			kept = append(kept, p)
		}
	}
	return kept
}

// divides reports whether a rule stands between two cells: at a place on one axis, and across another on the other.
func (l lattice) divides(upright bool, at, across float64) bool {
	return slices.ContainsFunc(l.rules, func(r rule) bool {
		return r.upright == upright && math.Abs(r.at-at) <= 2*near && r.from <= across && across <= r.to
	})
}

// cellAt is the place of the cell that a point is in.
func (l lattice) cellAt(x, y float64) (row, column int, ok bool) {
	column = slices.IndexFunc(l.xs, func(at float64) bool { return x < at }) - 1
	row = slices.IndexFunc(l.ys, func(at float64) bool { return y > at }) - 1
	return row, column, row >= 0 && column >= 0
}

// merged are the cells of the lattice, in rows: each place has the number of its cell, one for those that no rule
// divides. apart is how many cells there are.
func (l lattice) merged() (cells [][]int, apart int) {
	rows, columns := len(l.ys)-1, len(l.xs)-1
	cells = make([][]int, rows)
	for i := range cells {
		cells[i] = make([]int, columns)
		for j := range cells[i] {
			cells[i][j] = i*columns + j
			x, y := (l.xs[j]+l.xs[j+1])/2, (l.ys[i]+l.ys[i+1])/2
			if j > 0 && !l.divides(true, l.xs[j], y) {
				cells[i][j] = cells[i][j-1]
			}
			if i > 0 && !l.divides(false, l.ys[i], x) {
				cells[i][j] = cells[i-1][j]
			}
			if cells[i][j] == i*columns+j {
				apart++
			}
		}
	}
	return cells, apart
}
