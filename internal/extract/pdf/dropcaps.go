package pdf

import "unicode"

// The first letter of a chapter may be as high as several lines. PDFium takes it for a line of its own.

// joinInitials puts large first letters before the rest of their words.
func (t *pdfText) joinInitials() {
	lines := t.lines[:0]
	for i := 0; i < len(t.lines); i++ {
		l := t.lines[i]
		if i+1 < len(t.lines) && t.isInitial(i) {
			initial := l
			l = rawLine{start: initial.start, at: []int{}}
			l.add(initial, 0, 1)
			l.add(t.lines[i+1], 0, len(t.lines[i+1].chars))
			i++
		}
		lines = append(lines, l)
	}
	t.lines = lines
}

// isInitial reports whether a line is one large letter, beside the top of which the next line begins.
func (t *pdfText) isInitial(i int) bool {
	const larger, apart = 1.8, 1.0 // times the size of the text; of that size
	l, next := t.lines[i], t.lines[i+1]
	if firstVisible(l.chars) != 0 || lastVisible(l.chars) != 0 || !unicode.IsUpper(l.chars[0]) ||
		firstVisible(next.chars) != 0 || len(next.chars) < 2 || !unicode.IsLetter(next.chars[0]) {
		return false
	}
	letter, rest := t.place(l, 0), t.place(next, 0)
	size := t.fontSize(rest)
	if t.fontSize(letter) < larger*size {
		return false
	}
	box, known := t.direct.tightBox(t.text, letter)
	box = t.upright.place(box)
	after, both := t.looseBox(rest)
	middle := (after.bottom + after.top) / 2
	return known && both && after.left > box.left && after.left-box.right < apart*size &&
		middle > (box.bottom+box.top)/2 && middle < box.top+size
}
