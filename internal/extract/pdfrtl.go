package extract

import (
	"slices"
	"unicode"
)

// A PDF holds characters where they stand, and many programs write lines of Hebrew and Arabic from left to right.
// PDFium turns the letters of a word round, but not always, and not the words of a line. The places on the page tell.

// orderRightToLeft puts the words of right-to-left text in reading order.
func (t *pdfText) orderRightToLeft() {
	for i, l := range t.lines {
		if slices.ContainsFunc(l.chars, isRightToLeft) {
			t.lines[i] = t.inReadingOrder(l)
		}
	}
}

// wordSpan is a part of a line.
type wordSpan struct {
	begin, end int
	rtl        bool
}

func (t *pdfText) inReadingOrder(l rawLine) rawLine {
	if isRebuildable(l.chars) {
		if rebuilt, ok := t.fromPlaces(l); ok {
			return rebuilt
		}
	}
	words := wordsOf(l.chars)
	for _, w := range words {
		if w.rtl {
			t.turnWord(l, w)
		}
	}
	if runs := runsOf(words); isMostlyRightToLeft(l.chars) {
		if t.runsRight(l, words[0].begin, words[len(words)-1].begin) {
			slices.Reverse(runs)
			return l.joined(runs)
		}
		return l
	}
	return t.turned(l, words)
}

// turnWord puts the letters of a right-to-left word in the order in which they are read. The signs to the left of them
// end the word, and those to the right begin it.
func (t *pdfText) turnWord(l rawLine, w wordSpan) {
	first, last := w.begin, w.end-1
	for first < last && unicode.IsPunct(l.chars[first]) {
		first++
	}
	for last > first && unicode.IsPunct(l.chars[last]) {
		last--
	}
	isLeft := func(sign int) bool { return t.runsRight(l, sign, first) && t.runsRight(l, sign, last) }
	isTurned := t.runsRight(l, first, last)
	before, after := slices.Clone(l.chars[w.begin:first]), slices.Clone(l.chars[last+1:w.end])
	endsWord, beginsWord := len(before) > 0 && isLeft(w.begin), len(after) > 0 && !isLeft(w.end-1)
	if isTurned {
		reverse(l, wordSpan{begin: first, end: last + 1})
	}
	word := slices.Clone(l.chars[first : last+1])
	if endsWord {
		slices.Reverse(before)
		after, before = append(after, before...), nil
	}
	if beginsWord {
		signs := after[:w.end-1-last]
		slices.Reverse(signs)
		after, before = after[len(signs):], append(slices.Clone(signs), before...)
	}
	copy(l.chars[w.begin:], slices.Concat(before, word, after))
}

// turned turns round each run of right-to-left words in a line of the other direction.
func (t *pdfText) turned(l rawLine, words []wordSpan) rawLine {
	for i := 0; i < len(words); {
		end := i
		for end < len(words) && words[end].rtl == words[i].rtl {
			end++
		}
		if words[i].rtl && t.runsRight(l, words[i].begin, words[end-1].begin) {
			slices.Reverse(words[i:end])
		}
		i = end
	}
	return l.joined(words)
}

// runsRight reports whether the second character stands to the right of the first.
func (t *pdfText) runsRight(l rawLine, first, second int) bool {
	if first == second {
		return false
	}
	right, _ := t.distance(t.place(l, first), t.place(l, second))
	return right > 0
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

// runsOf joins neighbours that are read from left to right, as a name in Latin letters.
func runsOf(words []wordSpan) []wordSpan {
	var runs []wordSpan
	for _, w := range words {
		if n := len(runs); n > 0 && !w.rtl && !runs[n-1].rtl {
			runs[n-1].end = w.end
			continue
		}
		runs = append(runs, w)
	}
	return runs
}

// joined is the line of the parts in their order, with blanks between them.
func (l rawLine) joined(parts []wordSpan) rawLine {
	out := rawLine{start: l.start, at: []int{}}
	for i, p := range parts {
		if i > 0 {
			out.chars, out.at = append(out.chars, ' '), append(out.at, l.index(p.begin))
		}
		out.add(l, p.begin, p.end)
	}
	return out
}

// reverse turns the letters of a word round, and keeps numbers in it.
func reverse(l rawLine, w wordSpan) {
	slices.Reverse(l.chars[w.begin:w.end])
	for i := w.begin; i < w.end; {
		end := i
		for end < w.end && (unicode.IsDigit(l.chars[end]) || unicode.Is(unicode.Latin, l.chars[end])) {
			end++
		}
		slices.Reverse(l.chars[i:end])
		i = max(end, i+1)
	}
}

func isRightToLeft(r rune) bool {
	const firstHebrew = 0x590 // no such letter comes before it
	return r >= firstHebrew && unicode.IsLetter(r) &&
		unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}

func isMostlyRightToLeft(chars []rune) bool {
	rtl, ltr := 0, 0
	for _, r := range chars {
		switch {
		case isRightToLeft(r):
			rtl++
		case unicode.IsLetter(r):
			ltr++
		}
	}
	return rtl >= ltr
}
