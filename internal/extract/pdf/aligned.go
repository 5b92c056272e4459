package pdf

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// piece is a part of a line that stands in one cell.
type piece struct {
	segment
	line  int
	level int // of the text in the table, from the top down
	rtl   bool
}

// aligned is successive lines, the pieces of which stand in columns.
type aligned struct {
	first, end int
	pieces     []piece
	columns    []segment
	gap        float64 // the widest between two levels of text
	space      float64 // the least between two columns, of a line's height
}

const (
	maxAligned  = 300  // lines of a table, and of what is tried at once
	columnGap   = 0.35 // of a line's height: the least between two columns
	cellSpace   = 0.15 // likewise, of a program that draws the blanks between words
	maxRowGap   = 3    // likewise, the most between two rows
	maxRise     = 4    // likewise, how far a cell may begin above the one before it
	fewestWords = 3    // rows of a table
)

// beginsRow reports whether a line has several cells, or one of the next lines stands beside it.
func (t *pdfText) beginsRow(line, limit int) bool {
	const most = 8 // lines of a cell
	pieces := t.pieces(line)
	if len(pieces) != 1 {
		return len(pieces) > 1
	}
	for i := line + 1; i < min(limit, line+1+most); i++ {
		first := firstVisible(t.lines[i].chars)
		if first < 0 {
			continue
		}
		next, ok := t.looseBox(t.place(t.lines[i], first))
		if !ok || next.left > pieces[0].right && next.isBeside(pieces[0].box()) {
			return ok
		}
	}
	return false
}

func (s segment) box() rect       { return rect{s.left, s.bottom, s.right, s.top} }
func (s segment) height() float64 { return s.top - s.bottom }

// pieces divides a line, once, at its wide gaps, and where hyphens led PDFium to the next line.
func (t *pdfText) pieces(line int) []piece {
	if t.pieced == nil {
		t.pieced = make([][]piece, len(t.lines))
	}
	if t.pieced[line] == nil {
		t.pieced[line] = t.piecesOf(t.lines[line], line)
	}
	return t.pieced[line]
}

func (t *pdfText) piecesOf(l rawLine, line int) []piece {
	var found []piece
	for _, w := range wordsOf(l.chars) {
		for begin := w.begin; begin < w.end; {
			end := begin + 1
			for end < w.end && !isLineHyphen(l.chars[end-1]) {
				end++
			}
			box, ok := t.wordBox(l, begin, end, w.rtl)
			if !ok {
				return nil
			}
			p := piece{segment{begin, end, box.left, box.right, box.bottom, box.top, string(l.chars[begin:end])}, line, 0, w.rtl}
			if n := len(found); n > 0 && found[n-1].isNear(p) && (begin > w.begin || !t.beginsCell(l, w)) {
				found[n-1].goOn(p)
			} else {
				found = append(found, p)
			}
			begin = end
		}
	}
	return found
}

// wordBox is where a word stands: from its first letter to its last, or in right-to-left text around all of them.
func (t *pdfText) wordBox(l rawLine, begin, end int, rtl bool) (rect, bool) {
	for end > begin+1 && isLineHyphen(l.chars[end-1]) {
		end--
	}
	box, ok := t.looseBox(t.place(l, begin))
	step := max(end-1-begin, 1)
	if rtl {
		step = 1
	}
	for i := begin + step; ok && i < end; i += step {
		var b rect
		b, ok = t.looseBox(t.place(l, i))
		box = box.with(b)
	}
	return box, ok
}

// isNear reports whether a word belongs to the piece before it.
func (p piece) isNear(next piece) bool {
	gap := max(next.left-p.right, p.left-next.right)
	return p.box().isBeside(next.box()) && (gap < nameGap*next.height() && (next.left > p.left || next.rtl || p.rtl) ||
		currency.MatchString(p.text) || closing.MatchString(next.text))
}

func (p *piece) goOn(next piece) {
	p.end, p.left, p.right = next.end, min(p.left, next.left), max(p.right, next.right)
	p.text, p.rtl = p.text+" "+next.text, p.rtl || next.rtl
}

// alignedFrom returns the lines from one on whose pieces stand in columns.
func (t *pdfText) alignedFrom(first, limit int) aligned {
	a := aligned{first: first, end: first, space: columnGap}
	if t.drawsBlanks() {
		a.space = cellSpace
	}
	for i := first; i < min(limit, first+maxAligned); i++ {
		pieces := t.pieces(i)
		if firstVisible(t.lines[i].chars) >= 0 && (len(pieces) == 0 || !a.takes(t, pieces)) {
			break
		}
		a.end = i + 1
	}
	return a
}

// takes adds the pieces of a line if they stand below or beside the others, in columns with them.
func (a *aligned) takes(t *pdfText, pieces []piece) bool {
	if len(a.pieces) == 0 {
		for _, p := range pieces {
			a.columns, _ = withColumn(a.columns, p.segment, a.space)
		}
		a.pieces = slices.Clone(pieces)
		return len(a.columns) == len(pieces)
	}
	lowest, highest := a.extent()
	here := pieces[0]
	gap := lowest - here.top
	most := maxRowGap * here.height()
	if len(pieces) > 1 { // others of the row may stand above
		most *= 2
	}
	if here.top > highest+maxRise*here.height() || gap > most ||
		len(pieces) == 1 && a.isTitle(t, here, gap) {
		return false
	}
	columns := slices.Clone(a.columns)
	merged := false
	for _, p := range pieces {
		var was bool
		columns, was = withColumn(columns, p.segment, a.space)
		merged = merged || was
	}
	all := append(a.pieces, pieces...)
	if len(columns) > maxInTable || merged && (len(columns) == 1 || !areApart(all, columns)) ||
		!areApart(pieces, columns) {
		return false
	}
	a.pieces, a.columns, a.gap = all, columns, max(a.gap, gap)
	return true
}

// extent is where the lowest of the pieces ends, and where the first line begins.
func (a *aligned) extent() (lowest, highest float64) {
	lowest, highest = math.Inf(1), a.pieces[0].top
	for _, p := range a.pieces {
		lowest, highest = min(lowest, p.bottom), max(highest, p.top)
	}
	return lowest, highest
}

// isTitle reports whether a line of one piece does not belong to the rows above it: it stands apart, or is of another
// size.
func (a *aligned) isTitle(t *pdfText, p piece, gap float64) bool {
	const apart, points, several = 1.4, 2, 3
	if gap < 0 {
		return false
	}
	above := a.pieces[len(a.pieces)-1]
	sizes := func(p piece) float64 { return t.fontSize(t.place(t.lines[p.line], p.begin)) }
	return gap > apart*a.gap+points && len(a.pieces) > several*len(a.columns) ||
		math.Abs(sizes(p)-sizes(above)) > sizes(p)/20
}

// withColumn adds a place to columns, which are in order and so far apart, and reports whether it made one column of
// several.
func withColumn(columns []segment, s segment, space float64) (with []segment, merged bool) {
	space *= s.height()
	from := 0
	for from < len(columns) && columns[from].right+space <= s.left {
		from++
	}
	to := from
	column := segment{left: s.left, right: s.right}
	for to < len(columns) && columns[to].left < s.right+space {
		column.left, column.right = min(column.left, columns[to].left), max(column.right, columns[to].right)
		to++
	}
	return slices.Replace(columns, from, to, column), to-from > 1
}

// areApart reports whether no two pieces of one line stand in one column beside each other, and too far apart to be of
// one cell.
func areApart(pieces []piece, columns []segment) bool {
	for i := 1; i < len(pieces); i++ {
		before, p := pieces[i-1], pieces[i]
		gap := max(p.left-before.right, before.left-p.right)
		if before.line == p.line && p.box().isBeside(before.box()) && gap > cellGap*p.height() &&
			columnOf(columns, p) == columnOf(columns, before) {
			return false
		}
	}
	return true
}

func columnOf(columns []segment, p piece) int { return slices.IndexFunc(columns, p.overlaps) }

// trim leaves out the lines at the end that stand in the first column alone, as a heading below a table does.
func (a *aligned) trim() {
	for n := len(a.pieces) - 1; n > 0; n-- {
		p := a.pieces[n]
		alone := a.pieces[n-1].line != p.line && !a.pieces[n-1].box().isBeside(p.box()) && columnOf(a.columns, p) == 0
		if !alone {
			break
		}
		a.pieces, a.end = a.pieces[:n], p.line
	}
}

// cut leaves out the lines below a wide gap, and where the columns of the others stand then.
func (a *aligned) cut() {
	levels := a.findLevels()
	for i := 1; i < len(levels); i++ {
		if levels[i-1][0].bottom-levels[i][0].top < maxRowGap*levels[i][0].height() {
			continue
		}
		first := slices.IndexFunc(a.pieces, func(p piece) bool { return p.level >= i })
		a.pieces, a.end = a.pieces[:first], a.pieces[first].line
		a.columns = nil
		for _, p := range a.pieces {
			a.columns, _ = withColumn(a.columns, p.segment, a.space)
		}
		return
	}
}

// rows divides the pieces, which are in the order in which they were drawn, into those of each row. A program that
// draws cell after cell goes up again for the next cell of a row; a line without a label that stands close below
// another goes on with its row.
func (a *aligned) rows() [][]piece {
	levels := a.findLevels()
	joined := make([]bool, len(levels))  // with the one above
	isAfter := make([]bool, len(levels)) // drawn after what is below
	lowest := 0
	for _, p := range a.pieces {
		isAfter[p.level] = isAfter[p.level] || p.level < lowest
		for level := p.level + 1; level <= lowest; level++ {
			joined[level] = true
		}
		lowest = max(lowest, p.level)
	}
	labels := a.columns[0]
	if a.isFromRight() {
		labels = a.columns[len(a.columns)-1]
	}
	for i := 1; i < len(levels); i++ {
		joined[i] = joined[i] || !isAfter[i] && a.goesOn(levels[i-1], levels[i], labels)
	}
	a.joinParts(levels, joined)
	var rows [][]piece
	for i, level := range levels {
		if i > 0 && joined[i] {
			rows[len(rows)-1] = append(rows[len(rows)-1], level...)
		} else {
			rows = append(rows, level)
		}
	}
	return rows
}

// joinParts joins a level of one piece to the level below it if they are nearer to each other than rows are, as lines
// of a cell are beside cells that stand at its foot.
func (a *aligned) joinParts(levels [][]piece, joined []bool) {
	const nearer = 0.85
	distance := func(i int) float64 { return levels[i-1][0].top - levels[i][0].top }
	pitch := math.Inf(1)
	for i := 1; i < len(levels); i++ {
		if !joined[i] && len(levels[i-1]) > 1 && len(levels[i]) > 1 {
			pitch = min(pitch, distance(i))
		}
	}
	for i := 1; i < len(levels) && pitch < math.Inf(1); i++ {
		joined[i] = joined[i] || len(levels[i-1]) == 1 && distance(i) < nearer*pitch
	}
}

// goesOn reports whether the pieces of a level go on with the cells above them: none is a label, and all stand close
// below text, or below a line that had no room for the first of their words.
func (a *aligned) goesOn(above, here []piece, labels segment) bool {
	const tight, close = 1.3, 1.7 // of a line's height
	if slices.ContainsFunc(here, func(p piece) bool { return labels.overlaps(p.segment) }) {
		return false
	}
	distance := above[0].top - here[0].top
	return distance < tight*here[0].height() || distance < close*here[0].height() &&
		!slices.ContainsFunc(here, func(p piece) bool { return !a.isWrapped(above, p) })
}

// isWrapped reports whether the line above a piece in its column had no room for its first word.
func (a *aligned) isWrapped(above []piece, p piece) bool {
	column := columnOf(a.columns, p)
	word, _, _ := strings.Cut(p.text, " ")
	width := (p.right - p.left) * float64(len(word)) / float64(len(p.text))
	if first, _ := utf8.DecodeRuneInString(p.text); unicode.IsLower(first) {
		width += (a.columns[column].right - a.columns[column].left) / 10
	}
	return slices.ContainsFunc(above, func(o piece) bool {
		return columnOf(a.columns, o) == column && o.right+width > a.columns[column].right-1
	})
}

// findLevels groups the pieces that stand beside each other, from the top down.
func (a *aligned) findLevels() [][]piece {
	order := make([]int, len(a.pieces))
	for i := range order {
		order[i] = i
	}
	middle := func(i int) float64 { return a.pieces[i].bottom + a.pieces[i].top }
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(middle(j), middle(i)) })
	var levels [][]piece
	for _, i := range order {
		p := &a.pieces[i]
		if n := len(levels); n > 0 && middle(i)/2 > levels[n-1][0].bottom {
			p.level = n - 1
			levels[n-1] = append(levels[n-1], *p)
			continue
		}
		p.level = len(levels)
		levels = append(levels, []piece{*p})
	}
	for _, level := range levels {
		slices.SortStableFunc(level, func(p, o piece) int {
			if p.rtl && o.rtl {
				return cmp.Compare(o.right, p.right)
			}
			return cmp.Compare(p.left, o.left)
		})
	}
	return levels
}

// texts are the cells of the rows.
func (a *aligned) texts(rows [][]piece) [][]string {
	var texts [][]string
	for _, row := range rows {
		cells := make([]string, len(a.columns))
		for _, p := range row {
			cell := &cells[columnOf(a.columns, p)]
			last, _ := utf8.DecodeLastRuneInString(*cell)
			if *cell != "" && !isLineHyphen(last) {
				*cell += " "
			}
			*cell += p.text
		}
		texts = append(texts, cells)
	}
	return texts
}

// isFromRight reports whether more cells hold right-to-left text than other words.
func (a *aligned) isFromRight() bool {
	n := 0
	for _, p := range a.pieces {
		switch {
		case p.rtl:
			n++
		case strings.ContainsFunc(p.text, unicode.IsLetter):
			n--
		}
	}
	return n > 0
}
