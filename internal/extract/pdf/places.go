package pdf

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
)

// A PDF holds the characters of a line in the order in which its program drew them: many programs draw right-to-left
// text from left to right, those of another font last, and marks beside their letters. PDFium turns some words round,
// but not others, and takes marks for lines of their own. The places on the page tell.

const (
	longestLine = 4000 // characters: the places of a longer one, which no page shows, take too long to compare
	levelWith   = 0.3  // of a font's size: how far characters of one line may be above one another
	nextTo      = 1.0  // of a font's size: how far apart parts of one line may be
	cellDivides = 1.5  // of a font's size: how wide a gap between words of two cells is
)

// glyph is what is seen in one place: a letter with its marks, or a ligature.
type glyph struct {
	chars []rune
	begin int // of its characters in the line
	end   int
	index int // in the page's text
	box   rect
	inked bool    // reports whether box is where there is ink, which is narrower than a letter
	size  float64 // of its font
	gap   float64 // is the width of a blank, in sizes of the font
}

func (g glyph) first() rune   { return g.chars[0] }
func (g glyph) isBlank() bool { return g.first() == ' ' }

// mergeLevel makes one line of those that PDFium divided at a mark.
func (t *pdfText) mergeLevel() {
	for i := 0; i+1 < len(t.lines); i++ {
		for i+1 < len(t.lines) && t.isDividedAtMark(t.lines[i], t.lines[i+1]) {
			t.merge(i)
		}
	}
}

func (t *pdfText) isDividedAtMark(l, next rawLine) bool {
	if len(l.chars)+len(next.chars) > longestLine ||
		!slices.ContainsFunc(l.chars, drawsMarks) || !slices.ContainsFunc(next.chars, drawsMarks) {
		return false
	}
	from, to := t.place(l, lastVisible(l.chars)), t.place(next, firstVisible(next.chars))
	size := t.fontSize(to)
	if _, up := t.distance(from, to); math.Abs(up) > levelWith*size {
		return false
	}
	left, right := t.sides(l)
	nextLeft, nextRight := t.sides(next)
	return max(nextLeft-right, left-nextRight) < nextTo*size
}

// drawsMarks reports letters of scripts that set marks around them.
func drawsMarks(r rune) bool { return isRightToLeft(r) || isMarkedScript(r) }

// sides returns how far a line extends to the left and to the right.
func (t *pdfText) sides(l rawLine) (left, right float64) {
	left, right = math.Inf(1), math.Inf(-1)
	for i, r := range l.chars {
		if box, ok := t.looseBox(t.place(l, i)); ok && !unicode.IsSpace(r) {
			left, right = min(left, box.left), max(right, box.right)
		}
	}
	return left, right
}

// orderWords sorts the words of a line that were not drawn from left to right, as those in the font that stands in for
// signs which another font lacks.
func (t *pdfText) orderWords() {
	for i := range t.lines {
		if words := t.words(i); t.areOutOfOrder(i, words) {
			t.lines[i] = t.sorted(t.lines[i], words)
		}
	}
}

// areOutOfOrder places the words, and reports whether one begins to the left of the one before it.
func (t *pdfText) areOutOfOrder(line int, words []pdfWord) bool {
	if len(words) < 2 || slices.ContainsFunc(t.lines[line].chars, drawsMarks) {
		return false
	}
	found := false
	for i := range words {
		w := &words[i]
		var ok bool
		if w.box, ok = t.looseBox(t.place(t.lines[line], w.begin)); !ok {
			return false
		}
		if i == 0 {
			continue
		}
		before := words[i-1].box
		if math.Abs(w.box.bottom-before.bottom) > levelWith*before.height() {
			return false
		}
		found = found || w.box.left < before.left-1
	}
	return found
}

// sorted is the line with its words from left to right, and a blank in each gap that is seen.
func (t *pdfText) sorted(l rawLine, words []pdfWord) rawLine {
	for i := range words {
		if last, ok := t.looseBox(t.place(l, words[i].end-1)); ok {
			words[i].box.right = max(words[i].box.right, last.right)
		}
	}
	slices.SortStableFunc(words, func(a, b pdfWord) int { return cmp.Compare(a.box.left, b.box.left) })
	out := rawLine{start: l.start, at: []int{}}
	for i, w := range words {
		if i > 0 && w.box.left-words[i-1].box.right > wideGap*w.box.height() {
			out.chars, out.at = append(out.chars, ' '), append(out.at, l.index(w.begin))
		}
		out.add(l, w.begin, w.end)
	}
	return out
}

// orderRightToLeft puts the lines with right-to-left text in reading order, and numbers and names that such a sentence
// ends with on a line of their own.
func (t *pdfText) orderRightToLeft() {
	before := false
	for i, l := range t.lines {
		fits := len(l.chars) <= longestLine
		is := fits && slices.ContainsFunc(l.chars, isRightToLeft)
		if !is && (!fits || !before || !startsWithEnd(l.chars)) {
			before = false
			continue
		}
		before = is
		out := rawLine{start: l.start, at: []int{}}
		for _, g := range inReadingOrder(t.glyphs(l)) {
			for _, r := range g.chars {
				out.chars, out.at = append(out.chars, r), append(out.at, g.index)
			}
		}
		t.lines[i] = out
	}
}

// startsWithEnd reports whether the first sign of a line ends a sentence, and its last does not.
func startsWithEnd(chars []rune) bool {
	isEnd := func(i int) bool { return strings.ContainsRune(sentenceEnds, chars[i]) }
	first := firstVisible(chars)
	return first >= 0 && isEnd(first) && !isEnd(lastVisible(chars))
}

// glyphs are those of a line from left to right, with a blank in each gap.
func (t *pdfText) glyphs(l rawLine) []glyph {
	var found, marks []glyph
	for i := 0; i < len(l.chars); {
		end := i + 1
		for end < len(l.chars) && t.isSamePlace(l, i, end) {
			end++
		}
		if g, isMark := t.glyph(l, i, end); isMark {
			marks = append(marks, g)
		} else if g.chars != nil {
			found = append(found, g)
		}
		i = end
	}
	slices.SortStableFunc(found, func(a, b glyph) int { return cmp.Compare(a.box.left, b.box.left) })
	divideLamAlef(found)
	for _, m := range marks {
		if i := under(found, m); i >= 0 {
			found[i].chars = append(found[i].chars, m.chars...)
		}
	}
	return withBlanks(found, l)
}

// isSamePlace reports whether two neighbours are of one glyph: PDFium gives all of them its place.
func (t *pdfText) isSamePlace(l rawLine, i, j int) bool {
	if unicode.IsSpace(l.chars[i]) || unicode.IsSpace(l.chars[j]) {
		return false
	}
	x, y, ok := t.direct.origin(t.text, t.place(l, i))
	otherX, otherY, both := t.direct.origin(t.text, t.place(l, j))
	return ok && both && x == otherX && y == otherY
}

// glyph is that of some characters, and whether it is nothing but marks. It is empty for blanks: gaps tell of them.
func (t *pdfText) glyph(l rawLine, begin, end int) (g glyph, isMark bool) {
	chars := slices.Clone(l.chars[begin:end])
	if unicode.IsSpace(chars[0]) || isLineHyphen(chars[0]) {
		return glyph{}, false
	}
	isMark = !slices.ContainsFunc(chars, func(r rune) bool { return !unicode.IsMark(r) })
	box, _ := t.looseBox(t.place(l, begin))
	last, _ := t.looseBox(t.place(l, end-1))
	shape, ok := t.direct.tightBox(t.text, t.place(l, begin))
	shape = t.upright.place(shape)
	inked := end > begin+1 || ok && isAlike(shape.left, box.left) && isAlike(shape.right, box.right)
	if isMark && ok && shape.width() > 0 {
		box = shape
	}
	if slices.ContainsFunc(chars, isRightToLeft) && len(chars) > 1 && (box.left <= last.left || unicode.IsMark(chars[0])) {
		chars = ofLigature(chars)
	}
	box.left, box.right = min(box.left, last.left), max(box.right, last.right)
	g = glyph{chars: chars, begin: begin, end: end, index: l.index(begin), box: box, inked: inked}
	g.size = t.fontSize(t.place(l, begin))
	return g, isMark
}

const lam, alefs = 'ل', "اأإآٱ"

// isAlike reports places that nobody tells apart.
func isAlike(a, b float64) bool { return math.Abs(a-b) < 0.05 }

// ofLigature are the letters of a right-to-left ligature as they are read. PDFium turns them round as it does the
// letters of a word, but not those of the ligatures that Unicode knows.
func ofLigature(chars []rune) []rune {
	switch string(chars) {
	case "الله", "لله", "محمد", "صلى":
		return chars
	}
	if chars[0] == lam && strings.ContainsRune(alefs, chars[1]) {
		return chars
	}
	slices.Reverse(chars)
	return chars
}

// divideLamAlef puts alef to the left of the lam that it is drawn into.
func divideLamAlef(found []glyph) {
	for i := 0; i+1 < len(found); i++ {
		l, a := found[i], found[i+1]
		if l.first() == lam && strings.ContainsRune(alefs, a.first()) && l.box.right-a.box.left > a.box.width()/2 {
			found[i], found[i+1] = a, l
		}
	}
}

// under is the place of the glyph that a mark belongs to, or -1.
func under(letters []glyph, mark glyph) int {
	middle := (mark.box.left + mark.box.right) / 2
	nearest, least := -1, math.Inf(1)
	for i, g := range letters {
		if !unicode.IsLetter(g.first()) {
			continue
		}
		if away := max(g.box.left-middle, middle-g.box.right, 0); away < least {
			nearest, least = i, away
		}
	}
	return nearest
}

// withBlanks puts a blank in each gap that is seen, and turns each first bracket of a pair to the right.
func withBlanks(found []glyph, l rawLine) []glyph {
	opened := map[rune]bool{}
	var shown []glyph
	for i, g := range found {
		if i > 0 && isGap(found[i-1], g, l) {
			gap := (g.box.left - found[i-1].box.right) / g.size
			shown = append(shown, glyph{chars: []rune{' '}, index: g.index, gap: gap})
		}
		if r := g.first(); isBracket(r) {
			first := min(r, mirror(r))
			g.chars = []rune{first}
			if opened[first] {
				g.chars = []rune{mirror(first)}
			}
			opened[first] = !opened[first]
		}
		shown = append(shown, g)
	}
	return shown
}

// isGap reports whether a blank is between neighbours. PDFium knows where there is ink only of letters whose text the
// program told, and of a glyph for several letters a part of that: a blank of PDFium's tells then.
func isGap(before, g glyph, l rawLine) bool {
	switch width := g.box.left - before.box.right; {
	case width < closeGap*g.size:
		return false
	case width > cellDivides*g.size, !before.inked && !g.inked:
		return true
	}
	first, last := before.end, g.begin
	if g.begin < before.begin {
		first, last = g.end, before.begin
	}
	between := l.chars[first:max(first, last)]
	return len(between) > 0 || first > last
}

// wordSpan is a word of a line.
type wordSpan struct {
	begin, end int
	rtl        bool
}

func wordsOf(chars []rune) []wordSpan {
	var words []wordSpan
	for i := 0; i < len(chars); {
		if unicode.IsSpace(chars[i]) {
			i++
			continue
		}
		end := i
		for end < len(chars) && !unicode.IsSpace(chars[end]) {
			end++
		}
		words = append(words, wordSpan{i, end, slices.ContainsFunc(chars[i:end], isRightToLeft)})
		i = end
	}
	return words
}
