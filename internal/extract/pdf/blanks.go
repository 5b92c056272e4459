package pdf

import (
	"slices"
	"strings"
	"unicode"
)

// PDFium puts a blank where the next character stands further right than it expects. It expects too little after a
// ligature, of which it keeps one letter, and between a letter and a mark that is drawn above or below it. It puts no
// blank after a power. The gap that is seen on the page decides.

const (
	closeGap  = 0.16 // of a font's size: few blanks are so narrow
	wideGap   = 0.15 // of a line's height: no gap within a word is so wide
	vowelSign = 0.26 // of a font's size: its width
	ligature  = 0.48 // of a font's size: no letter f is so wide
)

// mendBlanks removes the blanks that are not seen on the page, and what PDFium gives twice.
func (t *pdfText) mendBlanks() {
	for i, l := range t.lines {
		if len(l.chars) <= longestLine && slices.ContainsFunc(l.chars, isMarkedScript) {
			l = t.withoutReplays(l)
		}
		if mayHoldFalseBlank(l.chars) {
			l = t.withoutFalseBlanks(l)
		}
		t.lines[i] = l
	}
}

// withoutReplays is the line without letters that PDFium gives again: a program may tell the text of a letter and its
// marks together, which PDFium repeats at the place of a mark.
func (t *pdfText) withoutReplays(l rawLine) rawLine {
	out := rawLine{start: l.start, at: []int{}}
	told := map[string][]rect{} // where PDFium gave them
	for i := 0; i < len(l.chars); {
		end := i + 1
		for end < len(l.chars) && t.isSamePlace(l, i, end) {
			end++
		}
		if end > i+1 {
			first, _ := t.looseBox(t.place(l, i))
			last, _ := t.looseBox(t.place(l, end-1))
			box := rect{first.left, first.bottom, last.right, last.top}
			text := string(l.chars[i:end])
			if slices.ContainsFunc(told[text], func(before rect) bool { return before.spans((box.left + box.right) / 2) }) {
				i = end
				continue
			}
			told[text] = append(told[text], box)
		}
		out.add(l, i, end)
		i = end
	}
	return out
}

// mayHoldFalseBlank costs no call into PDFium.
func mayHoldFalseBlank(chars []rune) bool {
	for i := 1; i+1 < len(chars); i++ {
		if chars[i] == ' ' && (isCutLigature(chars, i) || isAmongMarks(chars, i)) {
			return true
		}
	}
	return false
}

// isCutLigature reports whether a blank may stand for the second letter of a ligature such as ff or ffi.
func isCutLigature(chars []rune, blank int) bool {
	return chars[blank-1] == 'f' && unicode.IsLower(chars[blank+1])
}

// isAmongMarks reports whether a blank stands between two characters of a script that draws marks around its letters.
func isAmongMarks(chars []rune, blank int) bool {
	return isMarkedScript(chars[blank-1]) && isMarkedScript(chars[blank+1])
}

func isMarkedScript(r rune) bool {
	const firstDevanagari = 0x900 // no such script comes before it
	return r >= firstDevanagari && unicode.In(r, unicode.Devanagari, unicode.Bengali, unicode.Gurmukhi,
		unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu, unicode.Kannada, unicode.Malayalam,
		unicode.Sinhala, unicode.Thai, unicode.Lao, unicode.Myanmar, unicode.Khmer)
}

func (t *pdfText) withoutFalseBlanks(l rawLine) rawLine {
	mended := rawLine{start: l.start, at: []int{}}
	hasBlanks := t.hasOwnBlanks(l)
	for i := range l.chars {
		isInner := i > 0 && i+1 < len(l.chars) && l.chars[i] == ' '
		switch {
		case isInner && isCutLigature(l.chars, i) && t.isLigature(l, i):
			mended.chars, mended.at = append(mended.chars, 'f'), append(mended.at, l.index(i-1))
		case isInner && isAmongMarks(l.chars, i) && (unicode.IsMark(l.chars[i+1]) || t.isClose(l, i) ||
			t.isAfterMarks(l, i, hasBlanks)):
		default:
			mended.add(l, i, i+1)
		}
	}
	return mended
}

// hasOwnBlanks reports whether most blanks of a line are the document's, so that PDFium need not guess them.
func (t *pdfText) hasOwnBlanks(l rawLine) bool {
	own, added := t.countBlanks(l)
	return own > 2*added
}

// countBlanks returns how many blanks of a line are the document's own, and how many PDFium added.
func (t *pdfText) countBlanks(l rawLine) (own, added int) {
	for i, r := range l.chars {
		switch {
		case r != ' ':
		case t.direct.isAdded(t.text, t.place(l, i)):
			added++
		default:
			own++
		}
	}
	return own, added
}

// isAfterMarks reports whether a blank that PDFium added follows several characters in one place, of which it knows a
// part of the width only, in a line with blanks of its own or a script that has none between words.
func (t *pdfText) isAfterMarks(l rawLine, blank int, hasBlanks bool) bool {
	const two = 2
	return blank >= two && t.isSamePlace(l, blank-two, blank-1) &&
		(hasBlanks || unicode.In(l.chars[blank-1], unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar))
}

// isLigature reports whether the letter f before a blank is as wide as two, and the letters around the blank are a word
// with two of them. A single f of italics is as wide.
func (t *pdfText) isLigature(l rawLine, blank int) bool {
	place := t.place(l, blank-1)
	box, ok := t.looseBox(place)
	if !ok || box.width() <= ligature*t.fontSize(place) || !t.isClose(l, blank) {
		return false
	}
	before := trailingLetters(string(l.chars[:blank]))
	return !endInF[strings.ToLower(before)] && isKnownWord(before+"f"+leadingLetters(string(l.chars[blank+1:])))
}

// endInF are the short words that end in one f.
var endInF = wordSet("of if")

// isClose reports whether nobody sees a gap where a blank stands. A mark may be drawn to the left of its letter.
func (t *pdfText) isClose(l rawLine, blank int) bool {
	const letterAndMarks = 3
	next, ok := t.looseBox(t.place(l, blank+1))
	right, gap := 0.0, closeGap
	for i := max(0, blank-letterAndMarks); ok && i < blank; i++ {
		var box rect
		if box, ok = t.looseBox(t.place(l, i)); ok {
			right = max(right, box.right)
		}
		isLast := i == blank-1 || t.isSamePlace(l, i, blank-1)
		if i > 0 && isLast && isVowelSign(l.chars[i]) && t.isSamePlace(l, i-1, i) { // the box is that of the letter
			gap = closeGap + vowelSign
		}
	}
	return ok && next.left-right < gap*t.fontSize(t.place(l, blank+1))
}

// isVowelSign reports the vowels of Indic scripts that stand to the right of their letters.
func isVowelSign(r rune) bool {
	const shortI = 'ि' // stands to the left
	return unicode.Is(unicode.Mc, r) && r != shortI
}

// mergeApart makes one line of a line and the next, with a blank where they stand apart.
func (t *pdfText) mergeApart(i int) {
	l, next := t.lines[i], t.lines[i+1]
	before, ok := t.looseBox(t.place(l, len(l.chars)-1))
	after, both := t.looseBox(t.place(next, 0))
	if ok && both && !unicode.IsSpace(next.chars[0]) && after.left-before.right > wideGap*after.height() {
		t.lines[i] = l.joinedBy(" ", rawLine{})
	}
	t.merge(i)
}
