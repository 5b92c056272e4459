package pdf

import (
	"math"
	"slices"
	"unicode"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// PDFium ends a line between the numerator of a fraction and the denominator below it. On one line they are a fraction
// again: 12/5.

// joinFraction replaces a numerator at the end of a line, and a denominator at the beginning of the next, by a
// fraction, and reports whether it did: both lines are one then. endsLine reports whether nothing follows it.
func (t *pdfText) joinFraction(i int) (is, endsLine bool) {
	if i+1 >= len(t.lines) || endsBlank(t.lines[i].chars) || firstVisible(t.lines[i+1].chars) != 0 {
		return false, false
	}
	above, below := t.lines[i], t.lines[i+1]
	from, to := t.levelFrom(above), t.levelTo(below)
	const longest = 12
	if len(above.chars)-from > longest || to > longest || holdsWord(above.chars[from:]) || holdsWord(below.chars[:to]) {
		return false, false
	}
	numerator, known := t.extent(above, from, len(above.chars))
	denominator, both := t.extent(below, 0, to)
	if !known || !both || !isOver(numerator, denominator) || !t.isBetween(i, from, to) || t.areScripts(i, from) {
		return false, false
	}
	text := plain.Fraction(string(above.chars[from:]), string(below.chars[:to]))
	if from > 0 && !unicode.IsSpace(above.chars[from-1]) {
		text = " " + text
	}
	if to < len(below.chars) && !unicode.IsSpace(below.chars[to]) && unicode.IsLetter(below.chars[to]) {
		text += " "
	}
	joined := rawLine{start: above.start, at: []int{}}
	joined.add(above, 0, from)
	for _, r := range text {
		joined.chars, joined.at = append(joined.chars, r), append(joined.at, above.index(from))
	}
	rest := rawLine{start: below.start, at: []int{}}
	rest.add(below, to, len(below.chars))
	t.lines[i], t.lines[i+1] = joined, rest
	return true, firstVisible(rest.chars) < 0
}

// areScripts reports whether the parts of what looks like a fraction are a power and an index of the letter right
// before them.
func (t *pdfText) areScripts(i, from int) bool {
	l, base := t.lines[i], from-1
	if from == 0 && i > 0 {
		l = t.lines[i-1]
		base = len(l.chars) - 1
	}
	if base < 0 || !unicode.IsLetter(l.chars[base]) {
		return false
	}
	letter, power := t.place(l, base), t.place(t.lines[i], from)
	before, known := t.looseBox(letter)
	after, both := t.looseBox(power)
	size := t.fontSize(letter)
	return known && both && t.fontSize(power) < small*size && math.Abs(after.left-before.right) < wideGap*size
}

// holdsWord reports whether the letters form a word, and not the name of a quantity. Words above each
// other are the names of columns.
func holdsWord(chars []rune) bool {
	const shortest = 4
	run := 0
	for _, r := range chars {
		if run++; !unicode.IsLetter(r) {
			run = 0
		}
		if run == shortest {
			return true
		}
	}
	return false
}

// levelFrom is where the characters at the end of a line begin that stand on one level with the last.
func (t *pdfText) levelFrom(l rawLine) int {
	from := len(l.chars) - 1
	for from > 0 && !unicode.IsSpace(l.chars[from-1]) && t.isLevel(l, from-1, from) {
		from--
	}
	return from
}

// levelTo is where the characters at the beginning of a line end that stand on one level with the first.
func (t *pdfText) levelTo(l rawLine) int {
	to := 1
	for to < len(l.chars) && !unicode.IsSpace(l.chars[to]) && t.isLevel(l, to, 0) {
		to++
	}
	return to
}

func (t *pdfText) isLevel(l rawLine, i, j int) bool {
	_, up := t.distance(t.place(l, i), t.place(l, j))
	return math.Abs(up) < 0.1*t.fontSize(t.place(l, j))
}

// extent is the box around characters of a line.
func (t *pdfText) extent(l rawLine, from, to int) (rect, bool) {
	first, ok := t.looseBox(t.place(l, from))
	last, both := t.looseBox(t.place(l, to-1))
	first.right = last.right
	return first, ok && both
}

// isOver reports whether a numerator stands over a denominator: above it, near, and in the middle.
func isOver(numerator, denominator rect) bool {
	height := denominator.height()
	rise := numerator.bottom - denominator.bottom
	aside := math.Abs(numerator.left + numerator.right - denominator.left - denominator.right)
	return rise > 0.6*height && rise < 2*height && aside < 0.6*height
}

// isBetween reports whether the line that a fraction stands on is between its parts, as what is before or after it
// shows.
func (t *pdfText) isBetween(i, from, to int) bool {
	above, below := t.lines[i], t.lines[i+1]
	line, beside := above, lastVisible(above.chars[:from])
	switch next := firstVisible(below.chars[to:]); {
	case beside >= 0:
	case next >= 0:
		line, beside = below, to+next
	case i > 0: // the fraction is alone on its lines
		line = t.lines[i-1]
		beside = lastVisible(line.chars)
	}
	if beside < 0 {
		return false
	}
	size := t.fontSize(t.place(line, beside))
	_, up := t.distance(t.place(line, beside), t.place(above, from))
	_, down := t.distance(t.place(line, beside), t.place(below, 0))
	return up > 0.1*size && down < -0.1*size
}

// lastVisible returns the index of the last character that is not blank, or -1 if all are blank.
func lastVisible(chars []rune) int {
	for i, r := range slices.Backward(chars) {
		if !unicode.IsSpace(r) {
			return i
		}
	}
	return -1
}
