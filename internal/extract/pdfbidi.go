package extract

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// Of a right-to-left line with brackets PDFium turns some brackets round, and puts blanks on their wrong side. Such a
// line is put together anew from the places of its characters.

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

// isRebuildable reports lines with brackets and right-to-left letters, none of which has marks of its own.
func isRebuildable(chars []rune) bool {
	return slices.ContainsFunc(chars, isBracket) && slices.ContainsFunc(chars, isRightToLeft) &&
		!slices.ContainsFunc(chars, unicode.IsMark)
}

// glyph is a character where it stands.
type glyph struct {
	r     rune
	index int // in the page's text
	box   rect
}

// fromPlaces is the line in the order in which it is read, by the places of its characters.
func (t *pdfText) fromPlaces(l rawLine) (rawLine, bool) {
	shown, ok := t.glyphs(l)
	if !ok {
		return l, false
	}
	rtl := isMostlyRightToLeft(l.chars)
	if rtl {
		slices.Reverse(shown)
	}
	turnRuns(shown, rtl)
	out := rawLine{start: l.start, at: []int{}}
	for _, g := range shown {
		out.chars, out.at = append(out.chars, g.r), append(out.at, g.index)
	}
	return out, true
}

// glyphs are a line's characters from left to right, with a blank in each gap.
func (t *pdfText) glyphs(l rawLine) ([]glyph, bool) {
	var found []glyph
	for i, r := range l.chars {
		if unicode.IsSpace(r) {
			continue
		}
		box, ok := t.looseBox(t.place(l, i))
		if !ok {
			return nil, false
		}
		found = append(found, glyph{r, l.index(i), box})
	}
	slices.SortStableFunc(found, func(a, b glyph) int { return cmp.Compare(a.box.left, b.box.left) })
	opened := map[rune]bool{}
	var shown []glyph
	for i, g := range found {
		const blank = 0.15 // of a line's height: no gap between letters is so wide
		if i > 0 && g.box.left-found[i-1].box.right > blank*g.box.height() {
			shown = append(shown, glyph{r: ' ', index: g.index})
		}
		if isBracket(g.r) { // the first that is seen of a pair opens to the right
			first := min(g.r, mirror(g.r))
			g.r = first
			if opened[first] {
				g.r = mirror(first)
			}
			opened[first] = !opened[first]
		}
		shown = append(shown, g)
	}
	return shown, true
}

// turnRuns turns the runs round that are read against the line's direction: words and numbers from left to right in a
// right-to-left line, which was turned round as a whole; right-to-left words in another.
func turnRuns(line []glyph, rtl bool) {
	against := func(r rune) bool {
		if rtl {
			return unicode.IsDigit(r) || unicode.IsLetter(r) && !isRightToLeft(r)
		}
		return isRightToLeft(r)
	}
	for i := 0; i < len(line); {
		if !against(line[i].r) {
			if rtl {
				line[i].r = mirror(line[i].r)
			}
			i++
			continue
		}
		end := i + 1
		for j := end; j < len(line) && !isBracket(line[j].r); j++ {
			if against(line[j].r) {
				end = j + 1
			} else if unicode.IsLetter(line[j].r) || unicode.IsDigit(line[j].r) {
				break
			}
		}
		slices.Reverse(line[i:end])
		i = end
	}
}
