package pdf

import (
	"slices"
	"strings"
	"unicode"
)

// A line with right-to-left text is put back into the order in which it is read: the Unicode Bidirectional Algorithm
// (UAX 9) says how it came to be shown as it is. Where it would show two texts alike, the more likely one is taken.

const brackets = "()[]{}<>«»"

// mirror is the other bracket of a pair, and any other character itself.
func mirror(r rune) rune {
	pairs := []rune(brackets)
	if i := slices.Index(pairs, r); i >= 0 {
		return pairs[i^1]
	}
	return r
}

func isBracket(r rune) bool { return strings.ContainsRune(brackets, r) }

func isRightToLeft(r rune) bool {
	const firstHebrew = 0x590 // no such letter comes before it
	return r >= firstHebrew && unicode.IsLetter(r) &&
		unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}

func isLeftToRight(r rune) bool { return unicode.IsLetter(r) && !isRightToLeft(r) }

// isSided reports characters that have a direction of their own.
func isSided(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// inReadingOrder are the glyphs of a line, which are given from left to right, as they are read.
func inReadingOrder(shown []glyph) []glyph {
	if len(shown) == 0 {
		return nil
	}
	if beginsRight(shown) {
		return readFromRight(shown)
	}
	return readFromLeft(shown)
}

// sentenceEnds are the signs that no sentence begins with.
const sentenceEnds = ".,:;!?،؛؟"

// beginsRight reports whether a line is read from the right: the sign that ends a sentence is on its left, or it has
// right-to-left words at both ends, or as many as others.
func beginsRight(shown []glyph) bool {
	endsLeft := strings.ContainsRune(sentenceEnds, shown[0].first())
	if endsLeft != strings.ContainsRune(sentenceEnds, shown[len(shown)-1].first()) {
		return endsLeft
	}
	var words []bool // right-to-left or not
	isWithin := false
	for _, g := range shown {
		isLetter := unicode.IsLetter(g.first())
		if isLetter && !isWithin {
			words = append(words, isRightToLeft(g.first()))
		}
		isWithin = isLetter || isWithin && !g.isBlank()
	}
	if len(words) == 0 {
		return endsLeft
	}
	if words[0] && words[len(words)-1] {
		return true
	}
	others := len(slices.DeleteFunc(slices.Clone(words), func(rtl bool) bool { return rtl }))
	return others*2 <= len(words)
}

// readFromLeft turns the right-to-left words of a line round.
func readFromLeft(shown []glyph) []glyph {
	for i := 0; i < len(shown); i++ {
		if !isRightToLeft(shown[i].first()) {
			continue
		}
		begin, end := i, i+1
		for j := end; j < len(shown) && !isLeftToRight(shown[j].first()) && !isBracket(shown[j].first()); j++ {
			if isRightToLeft(shown[j].first()) {
				end = j + 1
			}
		}
		// A sign after a blank that touches the word ends it.
		if begin > 1 && shown[begin-2].isBlank() && strings.ContainsRune(".,:;!?؟،", shown[begin-1].first()) {
			begin--
		}
		copy(shown[begin:end], readFromRight(slices.Clone(shown[begin:end])))
		i = end - 1
	}
	return shown
}

// readFromRight turns a line round, but for words and numbers in it that are read from the left.
func readFromRight(shown []glyph) []glyph {
	isArabic := slices.ContainsFunc(shown, func(g glyph) bool { return unicode.Is(unicode.Arabic, g.first()) })
	var parts [][]glyph // from left to right
	for i := 0; i < len(shown); {
		end := i + 1
		if beginsRun(shown, i) {
			end = endOfRun(shown, i)
			parts = append(parts, piecesOf(shown[i:end], isArabic)...)
		} else {
			shown[i].chars[0] = mirror(shown[i].first())
			parts = append(parts, shown[i:end])
		}
		i = end
	}
	slices.Reverse(parts)
	return slices.Concat(parts...)
}

// beginsRun reports whether a run that is read from the left begins with a glyph: a letter, a number, or the sign of a
// number before it.
func beginsRun(shown []glyph, i int) bool {
	r := shown[i].first()
	if unicode.IsDigit(r) || isLeftToRight(r) {
		return true
	}
	isSign := strings.ContainsRune("+-−#~", r) || unicode.Is(unicode.Sc, r)
	return isSign && i+1 < len(shown) && unicode.IsDigit(shown[i+1].first()) &&
		(i == 0 || shown[i-1].isBlank() || isBracket(shown[i-1].first()))
}

// endOfRun is the end of a run: after the last character that has a direction before one that is read from the right,
// or before a gap between cells. What closes a bracket within the run, and the sign of a last number, are part of it.
func endOfRun(shown []glyph, begin int) int {
	end, open, openAt := begin+1, 0, 0
	for j := begin + 1; j < len(shown); j++ {
		r := shown[j].first()
		switch {
		case isRightToLeft(r), shown[j].gap > cellDivides:
			j = len(shown)
		case isSided(r):
			end = j + 1
		case isBracket(r) && r == min(r, mirror(r)):
			open, openAt = open+1, j
		case isBracket(r) && open == 0:
			j = len(shown)
		case isBracket(r):
			open, end = open-1, j+1
		case end == j && unicode.IsDigit(shown[j-1].first()) && (strings.ContainsRune("%‰°", r) || unicode.Is(unicode.Sc, r)):
			end = j + 1
		}
	}
	if open > 0 { // the bracket is closed outside of the run
		end = openAt
		for end > begin+1 && !isSided(shown[end-1].first()) {
			end--
		}
	}
	return end
}

// ownGap is wider than the blank between two words of most lines, in sizes of the font.
const ownGap = 0.45

// piecesOf divides a run, from left to right, where a number is read before what stands on its left: a unit, another
// number, or in Arabic the end of a range.
func piecesOf(run []glyph, isArabic bool) [][]glyph {
	var pieces [][]glyph
	begin := 0
	for i := 1; i+1 < len(run); i++ {
		if run[i].gap < ownGap && !unicode.IsDigit(run[i+1].first()) {
			continue
		}
		left, sign := charsOf(run[begin:i]), run[i].first()
		isRange := isArabic && (sign == '-' || sign == '–') && isFalling(left, charsOf(run[i+1:]))
		if !isRange && (!run[i].isBlank() || !isReadAfterNumber(left)) {
			continue
		}
		end := i
		for !isSided(run[end-1].first()) {
			end--
		}
		pieces = append(pieces, run[begin:end])
		for ; end <= i; end++ {
			pieces = append(pieces, run[end:end+1])
		}
		begin = i + 1
	}
	return append(pieces, run[begin:])
}

func charsOf(glyphs []glyph) string {
	var b strings.Builder
	for _, g := range glyphs {
		b.WriteString(string(g.chars))
	}
	return b.String()
}

// isReadAfterNumber reports whether a text to the left of a number is read after it: units, and numbers but those of a
// telephone.
func isReadAfterNumber(left string) bool {
	if units[strings.Trim(lastWord(left), "°")] {
		return true
	}
	return !strings.ContainsFunc(left, unicode.IsLetter) && !strings.HasPrefix(left, "+")
}

var units = wordSet("mm cm m km m² m³ mg g kg t ml l L dl s ms min h Hz kHz MHz GHz V mV kV A mA W mW kW MW kWh Wh Ah" +
	" mAh VA kVA N kN Nm J kJ Pa kPa MPa bar mbar psi C F K dB ppm px pt KB MB GB TB kbps Mbps Gbps rpm USD EUR SAR AED" +
	" ILS NIS EGP")

// isFalling reports whether two numbers would be a range from right to left only.
func isFalling(left, right string) bool {
	a, isNumber := leadingNumber(left)
	b, both := leadingNumber(right)
	isMore := func(r rune) bool { return unicode.IsLetter(r) || r == '-' }
	return isNumber && both && b < a && !strings.ContainsFunc(left, isMore)
}

// leadingNumber is the whole number that a text begins with, in digits of any script.
func leadingNumber(s string) (n int, ok bool) {
	const most = 1e9
	for _, r := range s {
		if !unicode.IsDigit(r) || n > most {
			break
		}
		zero := r
		for unicode.IsDigit(zero-1) && r-zero < 9 {
			zero--
		}
		n, ok = n*10+int(r-zero), true
	}
	return n, ok
}
