package pdf

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// A PDF without an outline says nothing of its headings but how they look. A heading here is a line of its own
// that could be one by its words, and stands out: larger than the body text, or bold, or in capitals. Lines that
// come again on many pages are running heads and the heads of tables; bold lines of the body's size must be
// followed by running text, or stand between the rows of a table. Levels follow size, then capitals or a number,
// then weight, then the number's depth.

// label is how numbered headings begin: a word and its number, or the number alone.
var label = regexp.MustCompile(`^(?i:(part|chapter|section|item|note|appendix|annex|article|schedule|kapitel|abschnitt|anhang|chapitre|capítulo)\s+([0-9]+[a-z]?|[ivxlc]+|[a-z])\b|\d{1,2}(\.\d{1,2}){0,4}[.)]?\s|([IVX]+|[A-Z])[.)]\s)`)

var numbering = regexp.MustCompile(`^\d{1,2}(\.\d{1,2})*`)

// mayBeHeading judges a line by its words: some letters, no sentence, no figures of a table.
func mayBeHeading(s string) bool {
	if n := utf8.RuneCountInString(s); n < 3 || n > 120 {
		return false
	}
	if strings.HasSuffix(s, ",") || strings.HasSuffix(s, ";") || strings.ContainsAny(s, "$€£%@…") ||
		strings.Contains(s, ". . ") || strings.Contains(s, "....") {
		return false
	}
	first, _ := utf8.DecodeRuneInString(s)
	if !unicode.IsUpper(first) && !unicode.IsDigit(first) && first != '§' && !isUncased(first) {
		return false
	}
	if strings.Contains(s+" ", " | ") || numberedTable.MatchString(s) {
		return false
	}
	return hasWords(s) && !isTabular(s) && !isSentence(s)
}

// numberedTable is how the caption of a table begins.
var numberedTable = regexp.MustCompile(`^(?i:table|tabelle|tab\.|tableau|tabla)\s+\d`)

// isUncased reports letters of scripts without capitals.
func isUncased(r rune) bool {
	return unicode.IsLetter(r) && !unicode.IsLower(r)
}

func hasWords(s string) bool {
	letters := 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	return letters >= 3 && letters*2 > utf8.RuneCountInString(s)
}

// isTabular recognises rows and heads of tables, dates, addresses and lines of a table of contents by their numbers.
func isTabular(s string) bool {
	words := strings.Fields(s)
	numbers := 0
	for i, w := range words {
		digits := strings.TrimFunc(w, func(r rune) bool { return !unicode.IsDigit(r) })
		if digits == "" {
			continue
		}
		numbers++
		if i > 1 && (numbers > 2 || len(digits) > 4) {
			return true
		}
		isPage := i == len(words)-1 && i > 1 && w == digits && len(digits) < 4
		if isPage {
			return true
		}
	}
	return numbers*2 > len(words) || numbers > 1 && !label.MatchString(s)
}

// isSentence recognises running text by its full stop, but abbreviations may end a short heading.
func isSentence(s string) bool {
	return strings.HasSuffix(s, ".") && strings.Count(s, " ") > 4
}

// style is what ranks headings.
type style struct {
	size    float64
	bold    bool
	strong  bool // in capitals, or labelled with a number
	depth   int  // of the number: 1 for 1.2
	inTable bool // between rows
}

// compare puts the higher style first.
func (s style) compare(t style) int {
	return cmp.Or(compareBool(t.inTable, s.inTable), cmp.Compare(t.size, s.size),
		compareBool(s.strong, t.strong), compareBool(s.bold, t.bold), cmp.Compare(s.depth, t.depth))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func styleOf(l pdfLine) style {
	return style{
		size:   l.size,
		bold:   l.bold,
		strong: isCapitals(l.text) || label.MatchString(l.text),
		depth:  strings.Count(numbering.FindString(l.text), "."),
	}
}

// isCapitals allows a few small letters, as in "(Unaudited)".
func isCapitals(s string) bool {
	upper, lower := 0, 0
	for _, r := range s {
		switch {
		case unicode.IsUpper(r):
			upper++
		case unicode.IsLower(r):
			lower++
		}
	}
	return upper >= 4 && upper > 2*lower
}

// placeDetected finds headings by their looks and puts them into the pages.
func placeDetected(pages []document.Page, read []pdfPage) {
	body, _ := bodySize(read...)
	d := detector{body: body, repeated: repeatedLines(read), running: runningLines(pages)}
	var found []placed
	for i, p := range read {
		onPage := detector{body: d.bodyOf(p), repeated: d.repeated, running: d.running}
		found = append(found, onPage.headings(i, p.lines)...)
	}
	levels := levelsOf(found)
	for _, f := range found {
		p := &pages[f.page]
		p.Headings = append(p.Headings, document.Heading{Offset: f.offset, Level: levels[f.style], Text: f.text})
	}
}

// placed is a heading before its level is known.
type placed struct {
	page   int
	offset int
	style  style
	text   string
}

// detector knows what the document's lines have in common.
type detector struct {
	body     float64         // size of most of the text
	repeated map[string]bool // lines that look and read the same on many pages
	running  map[string]bool // lines at the top of many pages
}

// bodySize is the size in which most of the text is set, and how many characters are.
func bodySize(pages ...pdfPage) (body float64, most int) {
	chars := map[float64]int{}
	for _, p := range pages {
		for _, l := range p.lines {
			chars[l.size] += l.length()
		}
	}
	for size, n := range chars {
		if n > most || n == most && size < body {
			body, most = size, n
		}
	}
	return body, most
}

// bodyOf is the body size that a page's headings stand out from: the document's, but a page full of larger text,
// as in an appendix, has its own.
func (d *detector) bodyOf(p pdfPage) float64 {
	const full = 800
	if size, n := bodySize(p); n > full {
		return max(size, d.body)
	}
	return d.body
}

// onMany is the keys that stand on more than 3 pages and more than a twelfth of all.
func onMany(pages int, keys func(page int, yield func(string))) map[string]bool {
	on := map[string]int{}
	for i := range pages {
		seen := map[string]bool{}
		keys(i, func(key string) {
			if !seen[key] {
				seen[key] = true
				on[key]++
			}
		})
	}
	many := map[string]bool{}
	for key, n := range on {
		if n > 3 && n*12 > pages {
			many[key] = true
		}
	}
	return many
}

func repeatedLines(pages []pdfPage) map[string]bool {
	return onMany(len(pages), func(page int, yield func(string)) {
		for _, l := range pages[page].lines {
			if l.mayBe {
				yield(repeatKey(l))
			}
		}
	})
}

func repeatKey(l pdfLine) string { return strconv.FormatFloat(l.size, 'f', 1, 64) + " " + l.text }

// runningLines are the running heads: lines that stand among the first of many pages, whatever their numbers.
func runningLines(pages []document.Page) map[string]bool {
	const top = 4
	return onMany(len(pages), func(page int, yield func(string)) {
		n := 0
		for line := range strings.Lines(pages[page].Text) {
			if n++; n > top {
				return
			}
			yield(runningKey(line))
		}
	})
}

func runningKey(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return '#'
		}
		return r
	}, plain.OneLine(line))
}

// headings are those of one page. Headings that follow each other, and a running head before them, hold from
// where the first begins: a chunk that begins there is about what the last of them says.
func (d *detector) headings(page int, lines []pdfLine) []placed {
	var found []placed
	chain := -1 // the line with which headings without text between them began
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		if chain < 0 {
			chain = i
		}
		s, ok := d.judge(lines, i)
		if !ok {
			if !d.running[runningKey(l.text)] && !strings.HasPrefix(l.text, "(") {
				chain = -1
			}
			continue
		}
		text := l.text
		for i+1 < len(lines) && d.continues(text, lines[i], lines[i+1]) {
			i++
			text += " " + lines[i].text
		}
		found = append(found, placed{page: page, offset: lines[chain].offset, style: s,
			text: plain.OneLine(strings.TrimSuffix(text, ":"))})
	}
	return found
}

// judge decides whether a line is a heading, and of which style.
func (d *detector) judge(lines []pdfLine, i int) (style, bool) {
	l := lines[i]
	if !d.standsOut(l) || d.repeated[repeatKey(l)] {
		return style{}, false
	}
	s := styleOf(l)
	s.inTable = i > 0 && isTableLine(lines[i-1].text) && followedByRow(lines[i+1:])
	weak := !s.strong && l.size <= d.body*larger
	if weak && !s.inTable && !d.headsText(lines, i) {
		return style{}, false
	}
	return s, true
}

// larger is how much larger than the body's a heading's size is; within it, only weight and capitals count.
const larger = 1.12

func (d *detector) standsOut(l pdfLine) bool {
	if !l.mayBe || l.size < d.body*0.97 {
		return false
	}
	return l.size > d.body*larger || l.bold || isCapitals(l.text) && strings.Contains(l.text, " ")
}

// headsText reports whether running text follows, after one more heading at most: the heads of columns come in
// many lines, with dates and figures below them.
func (d *detector) headsText(lines []pdfLine, i int) bool {
	if i > 0 && styleOf(lines[i-1]) == styleOf(lines[i]) && d.standsOut(lines[i-1]) &&
		i > 1 && styleOf(lines[i-2]) == styleOf(lines[i]) {
		return false
	}
	for _, l := range lines[i+1 : min(i+3, len(lines))] {
		if !d.standsOut(l) {
			return l.length() > 40 && !isRow(l.text)
		}
	}
	return false
}

// figure is a number, an amount or a dash, as cells of tables hold them.
var figure = regexp.MustCompile(`^[($€£+-]*[\d.,]*\d[)%]*$|^[—–-]$`)

// isRow recognises a table's row: a few words, with a figure at the end that is not a year.
func isRow(s string) bool {
	words := strings.Fields(s)
	last := words[len(words)-1]
	return len(s) < 120 && figure.MatchString(last) && !year.MatchString(last) && strings.ContainsFunc(s, unicode.IsLetter)
}

var year = regexp.MustCompile(`^(19|20)\d\d$`)

// isTableLine recognises the lines of a table: rows, and the dates and years above their columns.
func isTableLine(s string) bool {
	words := strings.Fields(s)
	return isRow(s) || len(words) < 9 && year.MatchString(words[len(words)-1])
}

// followedByRow looks at the next two lines: the first may be a group's label.
func followedByRow(lines []pdfLine) bool {
	for _, l := range lines[:min(2, len(lines))] {
		if isRow(l.text) {
			return true
		}
	}
	return false
}

// unfinished are words with which no heading ends.
var unfinished = regexp.MustCompile(`(?i)(\b(of|and|the|for|in|to|with|on|or|a|an|by|from|at|our|its|as|und|der|die|das|für|von|de|la|le|les|et|du|y|el)|[&,–—:-])$`)

// continues reports whether next is the rest of a heading that did not fit its line. A heading that only its words tell
// from the text below is not broken before it is as long as a line.
func (d *detector) continues(text string, l, next pdfLine) bool {
	const line = 30
	first, _ := utf8.DecodeRuneInString(next.text)
	isUnlike := l.bold || l.size > d.body*larger
	return next.size == l.size && next.bold == l.bold && next.length() < 150 && !strings.Contains(next.text, " | ") &&
		(isUnlike || utf8.RuneCountInString(text) > line) &&
		(unfinished.MatchString(l.text) || unicode.IsLower(first)) && !label.MatchString(next.text)
}

// levelsOf ranks the styles of all headings.
func levelsOf(found []placed) map[style]int {
	var styles []style
	for _, f := range found {
		if !slices.Contains(styles, f.style) {
			styles = append(styles, f.style)
		}
	}
	slices.SortFunc(styles, style.compare)
	levels := map[style]int{}
	for i, s := range styles {
		levels[s] = i + 1
	}
	return levels
}
