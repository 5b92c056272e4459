package pdf

import (
	"math"
	"slices"
	"unicode"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// A PDF knows no exponents, only small characters above the line, or below: 106 is ten to the sixth when its last
// character is smaller and higher than the others.

const (
	smallest, small = 0.4, 0.93 // a script's size, to that of what it belongs to
	least, most     = 0.08, 0.8 // its distance from the line, to that size
)

// markScripts writes raised and lowered characters so that they cannot be read as part of what stands before them.
// PDFium takes some of them for a line, and ends the line after others: it goes on here.
func (t *pdfText) markScripts() {
	for i := 0; i < len(t.lines); i++ {
		for ended := t.markWhole(i); ended && t.goesOn(i); t.mergeApart(i) {
			ended = t.markWhole(i + 1)
		}
	}
}

// markWhole marks the scripts of a line and of those that PDFium divided it into, and reports whether it ends with
// one or with a fraction.
func (t *pdfText) markWhole(i int) (ended bool) {
	for {
		switch isFraction, endsLine := t.joinFraction(i); {
		case isFraction:
			ended = endsLine
		case t.isFollowedByScript(i):
			ended = false
		default:
			return t.markLine(i) || ended
		}
		t.merge(i)
	}
}

// isFollowedByScript reports whether the next line begins with a script at the end of this one.
func (t *pdfText) isFollowedByScript(i int) bool {
	if i+1 == len(t.lines) || endsBlank(t.lines[i].chars) || firstVisible(t.lines[i+1].chars) != 0 {
		return false
	}
	l := t.lines[i]
	last, next := t.place(l, len(l.chars)-1), t.place(t.lines[i+1], 0)
	size, other := t.fontSize(last), t.fontSize(next)
	if isAlike(size, other) {
		return t.isOtherScript(l, next)
	}
	if other >= small*size || other <= smallest*size {
		return false
	}
	right, up := t.distance(last, next)
	return right > 0 && right < 1.5*size && math.Abs(up) < most*size
}

// isOtherScript reports whether a character is an index below a power with which a line ends, or a power above an
// index: both begin right of the same letter.
func (t *pdfText) isOtherScript(l rawLine, next int) bool {
	const longest = 4    // characters of the script at the line's end
	const farthest = 1.3 // of the size: how far apart a power and an index are
	size := t.fontSize(next)
	if _, up := t.distance(t.place(l, len(l.chars)-1), next); math.Abs(up) > farthest*size {
		return false
	}
	for i := len(l.chars) - 1; i > 0 && len(l.chars)-i <= longest; i-- {
		right, up := t.distance(t.place(l, i), next)
		if math.Abs(up) < least*size {
			return false
		}
		if math.Abs(right) > least*size {
			continue
		}
		base := t.place(l, i-1)
		_, rise := t.distance(base, t.place(l, i))
		_, fall := t.distance(base, next)
		return unicode.IsLetter(l.chars[i-1]) && size < small*t.fontSize(base) && rise*fall < 0
	}
	return false
}

// goesOn reports whether the next line is the rest of one that a script ends: it stands as high, and further right.
func (t *pdfText) goesOn(i int) bool {
	if i+1 == len(t.lines) {
		return false
	}
	l, next := t.lines[i], t.lines[i+1]
	first, second := firstVisible(l.chars), firstVisible(next.chars)
	if first < 0 || second < 0 {
		return false
	}
	right, up := t.distance(t.place(l, len(l.chars)-1), t.place(next, second))
	_, level := t.distance(t.place(l, first), t.place(next, second))
	return right > 0 && math.Abs(level) < math.Abs(up)/2
}

// markLine marks the scripts of a line, and reports whether it ends with one.
func (t *pdfText) markLine(i int) (ended bool) {
	l := t.lines[i]
	for begin := 0; begin < len(l.chars); {
		end := begin
		for end < len(l.chars) && !unicode.IsSpace(l.chars[end]) {
			end++
		}
		ended = false
		if t.mayHoldScript(l, begin, end) {
			if marked, found, last := t.markWord(l, begin, end); found {
				grown := len(marked.chars) - len(l.chars)
				l, end, ended = marked, end+grown, last
			}
		}
		begin = end + 1
	}
	t.lines[i] = l
	return ended && !endsBlank(l.chars)
}

func endsBlank(chars []rune) bool { return len(chars) == 0 || unicode.IsSpace(chars[len(chars)-1]) }

// mayHoldScript looks at words only whose sense a script would change, since each size is a call into PDFium: those
// with figures, and short names as x or CO. Of a plain number the ends tell.
func (t *pdfText) mayHoldScript(l rawLine, begin, end int) bool {
	figures, letters := false, false
	for _, r := range l.chars[begin:end] {
		figures = figures || unicode.IsDigit(r) || r == '+' || r == '−'
		letters = letters || unicode.IsLetter(r)
	}
	const short = 3
	switch {
	case end-begin < 2 || !figures && end-begin > short:
		return false
	case figures && letters:
		return true
	}
	first, ok := t.looseBox(t.place(l, begin))
	if !ok {
		return false
	}
	last, ok := t.looseBox(t.place(l, end-1))
	return ok && math.Abs(first.height()-last.height()) > 0.01*first.height()
}

// markWord marks the scripts of a word; last reports whether the word ends with one.
func (t *pdfText) markWord(l rawLine, begin, end int) (marked rawLine, found, last bool) {
	isSmall, full := t.smallChars(l, begin, end)
	base := begin + slices.Index(isSmall, false)
	marked = rawLine{start: l.start}
	marked.add(l, 0, begin)
	for i := begin; i < end; {
		run := i
		for run < end && isSmall[run-begin] && t.isOnSameSide(l, base, i, run) {
			run++
		}
		if run == i {
			base, run = i, i+1
			marked.add(l, i, run)
		} else {
			text, ok := t.script(l, base, i, run, full)
			for _, r := range text {
				marked.chars, marked.at = append(marked.chars, r), append(marked.at, l.index(i))
			}
			found, last = found || ok, ok && run == end
		}
		i = run
	}
	marked.add(l, end, len(l.chars))
	return marked, found, last
}

// smallChars tells for each character of a word whether it is smaller than the largest, whose size is full.
func (t *pdfText) smallChars(l rawLine, begin, end int) (isSmall []bool, full float64) {
	sizes := make([]float64, end-begin)
	for i := range sizes {
		sizes[i] = t.fontSize(t.place(l, begin+i))
		full = max(full, sizes[i])
	}
	isSmall = make([]bool, len(sizes))
	for i, size := range sizes {
		isSmall[i] = size < small*full && size > smallest*full
	}
	return isSmall, full
}

// isOnSameSide reports whether two characters are both above the line of another one, or both not.
func (t *pdfText) isOnSameSide(l rawLine, base, i, j int) bool {
	if i == j {
		return true
	}
	_, rise := t.distance(t.place(l, base), t.place(l, i))
	_, other := t.distance(t.place(l, base), t.place(l, j))
	return rise > 0 == (other > 0)
}

// script is how small characters are written, and whether they are raised or lowered.
func (t *pdfText) script(l rawLine, base, begin, end int, full float64) (string, bool) {
	text := string(l.chars[begin:end])
	_, rise := t.distance(t.place(l, base), t.place(l, begin))
	switch rise /= full; {
	case rise > least && rise < most:
		return plain.Superscript(text), true
	case rise < -least && rise > -most:
		return plain.Subscript(text), true
	}
	return text, false
}

// distance is how far a character stands to the right of another and above it, in points.
func (t *pdfText) distance(from, to int) (right, up float64) {
	x, y, known := t.direct.origin(t.text, from)
	toX, toY, both := t.direct.origin(t.text, to)
	if !known || !both {
		return 0, 0
	}
	here, there := t.upright.place(rect{x, y, x, y}), t.upright.place(rect{toX, toY, toX, toY})
	return there.left - here.left, there.bottom - here.bottom
}
