package pdf

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"golang.org/x/text/unicode/norm"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// pdfText is the text of a page while it is put right, with the places of its characters in PDFium's own list.
type pdfText struct {
	*pdfReader
	page    references.FPDF_TEXTPAGE
	on      requests.Page // the page that the text is on
	text    address       // where PDFium keeps the text
	shown   address       // where PDFium keeps the page
	count   int           // how many characters PDFium knows
	boxes   []charBox     // by PDFium's index, of those that were asked for
	divided []pdfWord     // has the words of one line
	drawn   manner        // is that of the last text object that was asked for
	layered []rect        // are the forms that belong to layers
	pieced  [][]piece     // has the pieces of the lines, once they stay as they are
	blanks  blanksOf      // tells whose they are, once somebody asked
	exact   bool          // PDFium left no character out of the text
	upright turned        // is known after the words that nobody sees are dropped
	// transcribed reports whether OCR has read a picture that the page shows.
	transcribed bool
	lines       []rawLine
}

// rawLine is a line as PDFium gives it.
type rawLine struct {
	chars []rune
	start int   // of chars in the page's text
	at    []int // where chars were left out or moved, the place of each in the page's text
}

// index is the place of a character of the line in the page's text.
func (l rawLine) index(i int) int {
	if l.at != nil {
		return l.at[i]
	}
	return l.start + i
}

// add appends characters of another line.
func (l *rawLine) add(from rawLine, begin, end int) {
	for i := begin; i < end; i++ {
		l.chars, l.at = append(l.chars, from.chars[i]), append(l.at, from.index(i))
	}
}

// joinedBy is the line, a text, and another line.
func (l rawLine) joinedBy(text string, other rawLine) rawLine {
	out := rawLine{start: l.start, at: []int{}}
	out.add(l, 0, len(l.chars))
	for _, r := range text {
		place := l.start
		if n := len(out.at); n > 0 {
			place = out.at[n-1]
		}
		out.chars, out.at = append(out.chars, r), append(out.at, place)
	}
	out.add(other, 0, len(other.chars))
	return out
}

// written is another text in the place of a line.
func (l rawLine) written(text string) rawLine {
	place := l.index(max(firstVisible(l.chars), 0))
	out := rawLine{start: l.start, chars: []rune(text)}
	for range out.chars {
		out.at = append(out.at, place)
	}
	return out
}

// merge makes one line of a line and the next.
func (t *pdfText) merge(i int) {
	both := rawLine{start: t.lines[i].start, at: []int{}}
	for _, l := range t.lines[i : i+2] {
		both.add(l, 0, len(l.chars))
	}
	t.lines[i] = both
	t.lines = slices.Delete(t.lines, i+1, i+2)
}

// place is the index that PDFium knows a character of the line by.
func (t *pdfText) place(l rawLine, i int) int {
	index := l.index(i)
	if t.exact {
		return index
	}
	return t.charIndex(t.page, index)
}

// text reads a page's characters: PDFium puts columns in order, cells of a table row on one line, and \r\n
// between lines.
func (r *pdfReader) text(page references.FPDF_TEXTPAGE, on references.FPDF_PAGE, styled bool) (pdfPage, error) {
	count, err := r.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: page})
	if err != nil || count.Count <= 0 {
		return pdfPage{}, err
	}
	if err := r.limit.Take(count.Count); err != nil {
		return pdfPage{}, err
	}
	raw, err := r.rawText(page, count.Count)
	if err != nil {
		return pdfPage{}, err
	}
	if err := r.limit.Take(len(raw) - count.Count); err != nil {
		return pdfPage{}, err
	}
	t := &pdfText{pdfReader: r, page: page, on: requests.Page{ByReference: &on}, count: count.Count}
	t.text, t.shown = r.direct.addressOf(page), r.direct.addressOf(on)
	t.exact = unitsOf(raw) == count.Count
	t.split(raw)
	p := pdfPage{undecodable: t.dropUndecodable(raw)}
	p.undecodable += t.nameSymbols()
	paper, err := t.paper()
	if err != nil {
		return pdfPage{}, err
	}
	if p.hidden, err = t.dropHidden(paper); err != nil {
		return pdfPage{}, err
	}
	p.transcribed = t.transcribed
	t.findTurn(paper)
	t.mergeLevel()
	t.orderWords()
	t.orderRunningLines()
	t.orderColumns()
	t.joinInitials()
	t.mendBlanks()
	t.orderRightToLeft()
	t.markScripts()
	t.mergeDivided()
	p.tables = t.findTables()
	p.text = plain.Normalise(t.String())
	p.garbled = isGarbled(p.text) || mixesScripts(p.text) || hasUnlikelyLetters(p.text)
	p.lines = t.placed(p.text, styled)
	return p, nil
}

// rawText is a page's text as PDFium gives it. go-pdfium would take U+FFFE and U+FEFF at its beginning for a byte order
// mark. PDFium writes U+FFFE for characters without a meaning.
func (r *pdfReader) rawText(page references.FPDF_TEXTPAGE, count int) (string, error) {
	const without, byteOrderMark = 0, '\ufeff'
	var begin []rune
	for len(begin) < count {
		first, err := r.FPDFText_GetUnicode(&requests.FPDFText_GetUnicode{TextPage: page, Index: len(begin)})
		if err != nil || first.Unicode != without && first.Unicode != hyphenByFont && first.Unicode != byteOrderMark {
			break
		}
		if first.Unicode == without {
			first.Unicode = hyphenByFont
		}
		begin = append(begin, rune(first.Unicode))
	}
	if len(begin) == count {
		return string(begin), nil
	}
	rest, err := r.FPDFText_GetText(&requests.FPDFText_GetText{
		TextPage: page, StartIndex: len(begin), Count: count - len(begin),
	})
	if err != nil {
		return "", err
	}
	return string(begin) + rest.Text, nil
}

func (t *pdfText) split(raw string) {
	index := 0
	for text := range strings.SplitSeq(raw, "\r\n") {
		l := rawLine{chars: []rune(text), start: index}
		units := unitsOf(text)
		if units != len(l.chars) {
			l.at = placesOf(l.chars, index)
		}
		t.lines = append(t.lines, l)
		index += units + 2
	}
}

// unitsOf counts the places that a text takes in PDFium's list, which holds UTF-16: a letter of mathematics has two.
func unitsOf(text string) int {
	units := 0
	for _, r := range text {
		units += utf16.RuneLen(r)
	}
	return units
}

// placesOf are the places of characters that follow each other from an index on.
func placesOf(chars []rune, index int) []int {
	at := make([]int, len(chars))
	for i, r := range chars {
		at[i] = index
		index += utf16.RuneLen(r)
	}
	return at
}

// String is the text with hyphens joined.
func (t *pdfText) String() string {
	var b strings.Builder
	for i, l := range t.lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(l.String())
	}
	return b.String()
}

// String is the line with hyphens joined, and the private characters that fonts of symbols leave behind replaced.
func (l rawLine) String() string { return plain.InFont("", plainLetters(joinHyphens(string(l.chars)))) }

// plainLetters takes ligatures and the forms of Arabic and Hebrew letters apart, by which nobody searches.
func plainLetters(s string) string {
	if !strings.ContainsFunc(s, isPresentation) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isPresentation(r) {
			b.WriteString(norm.NFKC.String(string(r)))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isPresentation reports the characters of the blocks of presentation forms.
func isPresentation(r rune) bool { return r >= 0xfb00 && r <= 0xfdff || r >= 0xfe70 && r <= 0xfefc }

// dropUndecodable leaves out the characters whose fonts do not tell which they are, and is their number. PDFium
// takes the codes of such a font for characters, which they are by chance only. Each line is tried at its ends, since
// asking for each character would take longer than reading them.
func (t *pdfText) dropUndecodable(raw string) int {
	if !strings.ContainsFunc(raw, isNoText) && !t.isUndecodableSomewhere() && !t.holdsFalseHyphens(raw) {
		return 0
	}
	dropped := 0
	for i, l := range t.lines {
		kept := rawLine{start: l.start, at: []int{}}
		for j, r := range l.chars {
			if r != ' ' && (isNoText(r) || t.isUndecodable(t.place(l, j)) || t.isFalseHyphen(l, j)) {
				dropped++
				continue
			}
			kept.add(l, j, j+1)
		}
		t.lines[i] = kept
	}
	return dropped
}

// isNoText reports control characters, which no font shows, and the mark of what could not be decoded.
func isNoText(r rune) bool {
	return r == utf8.RuneError || unicode.IsControl(r) && !unicode.IsSpace(r) && !isLineHyphen(r)
}

func (t *pdfText) isUndecodableSomewhere() bool {
	for _, l := range t.lines {
		first := firstVisible(l.chars)
		if first < 0 {
			continue
		}
		last := len(l.chars) - 1
		for unicode.IsSpace(l.chars[last]) {
			last--
		}
		if t.isUndecodable(t.place(l, first)) || t.isUndecodable(t.place(l, last)) {
			return true
		}
	}
	return false
}

func (t *pdfText) isUndecodable(index int) bool { return t.direct.isUnmapped(t.text, index) }

// holdsFalseHyphens reports whether PDFium wrote a hyphen for a character of the page that is not one.
func (t *pdfText) holdsFalseHyphens(raw string) bool {
	if !strings.ContainsRune(raw, hyphenByFont) {
		return false
	}
	for _, l := range t.lines {
		for i := range l.chars {
			if t.isFalseHyphen(l, i) {
				return true
			}
		}
	}
	return false
}

// isFalseHyphen reports a character whose font maps it to U+0000, for which PDFium writes the same as for a hyphen.
func (t *pdfText) isFalseHyphen(l rawLine, i int) bool {
	return l.chars[i] == hyphenByFont && !t.direct.isHyphen(t.text, t.place(l, i))
}

// firstVisible returns the index of the first character that is not blank, or -1 if all are blank.
func firstVisible(chars []rune) int {
	for i, r := range chars {
		if !unicode.IsSpace(r) {
			return i
		}
	}
	return -1
}
