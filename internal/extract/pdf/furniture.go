package pdf

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Headers and footers that stand on most pages are furniture: they stay once in a document. Without them a sentence
// that a page's end divides reads on, and belongs to the page on which it begins.

const (
	furnitureLines = 3   // at most so many lines of furniture at either end of a page, and a third of its lines
	sentenceRest   = 600 // bytes of a sentence that follow a page's end
)

// tidy takes furniture out of pages and puts divided sentences together.
func tidy(pages []pdfPage) {
	on := furniture(pages)
	levels := on.levels(pages)
	sections := on.sections(pages)
	shown, heads, feet := map[string]bool{}, make([]string, len(pages)), make([]string, len(pages))
	for i := range pages {
		lines := strings.Split(pages[i].text, "\n")
		from, to := on.bounds(lines, i, pages[i].mayBeRunning(lines, levels, sections))
		if from == to && !pages[i].pictured {
			continue // a page of its own that looks like others, as a form that was not filled in
		}
		heads[i] = strings.Join(on.unshown(shown, lines[:from], i), "\n")
		feet[i] = strings.Join(on.unshown(shown, lines[to:], i), "\n")
		pages[i].cut(strings.Join(lines[:from], "\n"), "", strings.Join(lines[from:to], "\n"))
	}
	for i := range max(len(pages)-1, 0) {
		if rest := restOfSentence(pages[i].text, pages[i+1].text); rest != "" {
			pages[i].text = joinPages(pages[i].text, rest)
			after := strings.TrimLeftFunc(pages[i+1].text[len(rest):], unicode.IsSpace)
			gone := pages[i+1].text[:len(pages[i+1].text)-len(after)]
			pages[i+1].cut(strings.TrimSuffix(gone, "\n"), "", after)
		}
	}
	for i, foot := range feet {
		pages[i].cut("", heads[i], pages[i].text)
		if foot != "" {
			pages[i].text = strings.TrimLeft(pages[i].text+"\n"+foot, "\n")
		}
	}
}

// cut replaces the head of a page's text. Lines that are gone, or belong to no body, are no longer known.
func (p *pdfPage) cut(old, head, body string) {
	if body != "" && head != "" {
		head += "\n"
	}
	before, after := utf8.RuneCountInString(old), utf8.RuneCountInString(head)
	length := utf8.RuneCountInString(body) // once: a page may have tens of thousands of lines
	if old != "" {
		before++ // the line's end
	}
	var kept []pdfLine
	for _, l := range p.lines {
		if l.offset -= before; l.offset >= 0 && l.offset < length {
			l.offset += after
			kept = append(kept, l)
		}
	}
	p.lines, p.text = kept, head+body
}

// keys are the lines that stand on most pages.
type keys map[string]bool

// furniture finds the lines that stand at the ends of more than half of the pages with text, three at least, or of
// most pages from the first that has them to the last, or as the first or last lines of both pages.
func furniture(pages []pdfPage) keys {
	if len(pages) == 2 {
		return furnitureOfTwo(strings.Split(pages[0].text, "\n"), strings.Split(pages[1].text, "\n"))
	}
	on, full := map[string][]int{}, 0
	for i, p := range pages {
		if p.text == "" {
			continue
		}
		full++
		lines, seen := strings.Split(p.text, "\n"), map[string]bool{}
		for j, line := range lines {
			if most := min(furnitureLines, max(len(lines)/3, 1)); j >= most && j < len(lines)-most {
				continue
			}
			for _, key := range lineKeys(line, i) {
				if !seen[key] {
					seen[key] = true
					on[key] = append(on[key], i)
				}
			}
		}
	}
	found := keys{}
	for key, places := range on {
		if n := len(places); n > 2 && n*2 > full || areRunning(places) {
			found[key] = true
		}
	}
	return found
}

// areRunning reports whether pages follow each other, as those of a chapter do, or every other page does. Few may lack
// the line, as the first page of a section does.
func areRunning(pages []int) bool {
	const fewest = 4
	n := len(pages)
	if n < fewest {
		return false
	}
	span := pages[n-1] - pages[0] + 1
	if !slices.ContainsFunc(pages, func(page int) bool { return page%2 != pages[0]%2 }) {
		span = (span + 1) / 2
	}
	return n*4 >= span*3
}

// furnitureOfTwo finds the lines with which both of two pages begin or end.
func furnitureOfTwo(first, second []string) keys {
	on := keys{}
	most := min(furnitureLines, len(first)/3, len(second)/3)
	for i := range most {
		if !on.addShared(first[i], second[i]) {
			break
		}
	}
	for i := range most {
		if !on.addShared(first[len(first)-1-i], second[len(second)-1-i]) {
			break
		}
	}
	return on
}

// addShared adds what both lines are known by, and reports whether there is anything.
func (k keys) addShared(first, second string) bool {
	others, shared := lineKeys(second, 1), false
	for _, key := range lineKeys(first, 0) {
		if slices.Contains(others, key) {
			k[key], shared = true, true
		}
	}
	return shared
}

var (
	numberInLine = regexp.MustCompile(`\d+`)
	// endsWithNumber is what may follow a page's number: nothing, or the number of pages.
	endsWithNumber = regexp.MustCompile(`^(\s*(of|/|von|de|sur|di|van|z)\s*\d+)?\W*$`)
	// beforePage and afterPage tell a page's number from others wherever it stands in a line.
	beforePage = regexp.MustCompile(`(?i)(^|[|·•–—,;:/-]\s*)(page|pages|seite|blatt|sheet|folio|p\.|s\.|página|pág\.|pagina|pag\.|sida|` +
		`side|strona|str\.|стр\.|страница)\s*$`)
	afterPage = regexp.MustCompile(`^\s*(of|von|de|sur|di|van|z|из)\s+\d+\b|^\s*(页|頁|ページ|쪽)`)
	// romanInLine is a roman number at either end of a line, as the first pages of a book have.
	romanInLine = regexp.MustCompile(`^[ivxlc]+\b|\b[ivxlc]+$|^[IVXLC]+$`)
)

// lineKeys are what a line is known by on other pages: itself, and itself with a number that counts the pages. Other
// numbers, as that of an invoice, make it another line.
func lineKeys(line string, page int) []string {
	const mostFrontPages = 30
	line = plain.OneLine(line)
	if line == "" {
		return nil
	}
	found := []string{line}
	for _, at := range numberInLine.FindAllStringIndex(line, furnitureLines) {
		n, err := strconv.Atoi(line[at[0]:at[1]])
		before, after := line[:at[0]], line[at[1]:]
		if before != "" && !endsWithNumber.MatchString(after) && !beforePage.MatchString(before) &&
			!afterPage.MatchString(after) {
			continue
		}
		if offset := n - page - 1; err == nil && offset >= -mostFrontPages && offset <= mostFrontPages {
			found = append(found, before+"\x00"+strconv.Itoa(offset)+"\x00"+after)
		}
	}
	for _, at := range romanInLine.FindAllStringIndex(line, furnitureLines) {
		if offset := fromRoman(line[at[0]:at[1]]) - page - 1; offset >= -mostFrontPages && offset <= mostFrontPages {
			found = append(found, line[:at[0]]+"\x01"+strconv.Itoa(offset)+"\x01"+line[at[1]:])
		}
	}
	return found
}

// fromRoman returns the value of a roman number.
func fromRoman(number string) int {
	values := map[rune]int{'i': 1, 'v': 5, 'x': 10, 'l': 50, 'c': 100}
	sum, before := 0, 0
	for _, r := range strings.ToLower(number) {
		value := values[r]
		if sum += value; before < value {
			sum -= 2 * before
		}
		before = value
	}
	return sum
}

// key is what a line of furniture is known by, empty for other lines.
func (k keys) key(line string, page int) string {
	for _, key := range lineKeys(line, page) {
		if k[key] {
			return key
		}
	}
	return ""
}

// levels counts the pages on which furniture stands at a height, in points.
func (k keys) levels(pages []pdfPage) map[int]int {
	levels := map[int]int{}
	for i, p := range pages {
		for j, l := range p.lines {
			if j >= furnitureLines && j < len(p.lines)-furnitureLines {
				continue
			}
			if len(l.boxes) > 0 && k.key(l.text, i) != "" {
				levels[int(math.Round(l.boxes[0].bottom))]++
			}
		}
	}
	return levels
}

// mayBeRunning tells for each line of a page whether it stands where other pages have furniture, as the title of
// a chapter does that is shorter than others, and does not belong to a table.
func (p *pdfPage) mayBeRunning(lines []string, levels map[int]int, sections map[int]bool) []bool {
	const fewest = 3 // pages
	may := make([]bool, len(lines))
	offset, next := 0, 0
	for i, line := range lines {
		for next < len(p.lines) && p.lines[next].offset < offset {
			next++
		}
		if next < len(p.lines) && p.lines[next].offset == offset && len(p.lines[next].boxes) > 0 {
			at := int(math.Round(p.lines[next].boxes[0].bottom))
			may[i] = levels[at-1]+levels[at]+levels[at+1] >= fewest && !isRow(line) || sections[at]
		}
		offset += utf8.RuneCountInString(line) + 1
	}
	return may
}

// bounds returns those of the page's own lines, where may tells which others stand in the places of furniture. A line
// that heads a table is the page's own.
func (k keys) bounds(lines []string, page int, may []bool) (from, to int) {
	most := min(furnitureLines, max(len(lines)/3, 1))
	for from < len(lines) && from < most && (may[from] || k.key(lines[from], page) != "") {
		from++
	}
	if from > 0 && from < len(lines) && lines[from] != "" && isRow(lines[from]) {
		from--
	}
	to = len(lines)
	for to > from && len(lines)-to < most && (may[to-1] || k.key(lines[to-1], page) != "") {
		to--
	}
	return from, to
}

// unshown returns the lines of furniture that no page before showed, but for the page's number in them.
func (k keys) unshown(shown map[string]bool, lines []string, page int) []string {
	var kept []string
	for _, line := range lines {
		known := lineKeys(line, page)
		if key := k.key(line, page); key != "" {
			known = []string{key}
		} else if pageLabel.MatchString(line) {
			known = []string{"\x00"}
		}
		if !slices.ContainsFunc(known, func(key string) bool { return shown[key] }) {
			kept = append(kept, line)
		}
		for _, key := range known {
			shown[key] = true
		}
	}
	return kept
}

// mayContinue reports whether a page may begin with the rest of a sentence: by a small letter, or by
// a name after a word such as "of".
func mayContinue(before, after string) bool {
	first, _ := utf8.DecodeRuneInString(after)
	return unicode.IsLower(first) || unicode.IsUpper(first) && commonWords[strings.ToLower(lastWord(before))]
}

// restOfSentence is the beginning of a page that belongs to the sentence with which the page before ends.
func restOfSentence(before, after string) string {
	if !isUnfinished(before) {
		return ""
	}
	if !mayContinue(before, after) {
		return ""
	}
	for _, at := range sentenceEnd.FindAllStringIndex(after[:min(len(after), sentenceRest)], -1) {
		end := at[0] + 1
		word := lastWord(after[:at[0]])
		if utf8.RuneCountInString(word) > 3 || plain.IsWord(word) && strings.ToLower(word) == word {
			return after[:end]
		}
	}
	return ""
}

var sentenceEnd = regexp.MustCompile(`[.!?](\s|$)`)

// isUnfinished reports text that ends in the middle of a sentence, after a line of running text.
func isUnfinished(text string) bool {
	const shortest = 25
	line := text[strings.LastIndexByte(text, '\n')+1:]
	last, _ := utf8.DecodeLastRuneInString(line)
	return utf8.RuneCountInString(line) >= shortest && !isRow(line) && !strings.Contains(line, " | ") &&
		(unicode.IsLetter(last) || last == ',' || last == '-')
}

// joinPages puts the halves of a sentence together.
func joinPages(before, rest string) string {
	if word, hyphenated := strings.CutSuffix(before, "-"); hyphenated {
		return word + hyphenBetween(lastWord(word), firstWord(rest)) + rest
	}
	return before + "\n" + rest
}
