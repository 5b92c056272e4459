package pdf

import (
	"math"
	"regexp"
	"slices"
	"strings"
)

// A running line may change from page to page: it names the section, and has the page's number behind it. It is known
// by its place, at one height above or below the text of most pages, and apart from it.

// runningLine is a line that may be such a line.
type runningLine struct {
	page int
	text string
}

// sections returns the heights, in points, at which lines stand on most pages that change with the section.
func (k keys) sections(pages []pdfPage) map[int]bool {
	found := map[int]bool{}
	heads, feet, full := map[int][]runningLine{}, map[int][]runningLine{}, 0
	for i, p := range pages {
		if p.text != "" {
			full++
		}
		k.collect(heads, p, i, func(j int) int { return j })
		k.collect(feet, p, i, func(j int) int { return len(p.lines) - 1 - j })
	}
	counts := map[string]int{}
	for _, p := range pages {
		for _, l := range p.lines {
			counts[l.text]++
		}
	}
	for _, at := range []map[int][]runningLine{heads, feet} {
		for level := range at {
			near := slices.Concat(at[level-1], at[level], at[level+1])
			if len(near) > 2 && len(near)*2 > full && areSections(near, counts) {
				found[level] = true
			}
		}
	}
	return found
}

// collect adds a page's first line that is not known as furniture, by its height, if it stands apart from the next one
// and is no larger than most lines. The lines are counted from one end of the page.
func (k keys) collect(at map[int][]runningLine, p pdfPage, page int, line func(int) int) {
	const fewest, apart, larger = 4, 0.8, 1.15 // lines; of its height; of the height of most lines
	if len(p.lines) < fewest {
		return
	}
	j := 0
	for j < furnitureLines && k.key(p.lines[line(j)].text, page) != "" {
		j++
	}
	l, next := p.lines[line(j)], p.lines[line(j+1)]
	most := p.lines[len(p.lines)/2]
	if j == furnitureLines || len(l.boxes) == 0 || len(next.boxes) == 0 || len(most.boxes) == 0 {
		return
	}
	box, other := l.boxes[0], next.boxes[0]
	gap := max(box.bottom-other.top, other.bottom-box.top)
	if gap < apart*box.height() || box.height() > larger*most.boxes[0].height() || strings.Contains(l.text, " | ") {
		return
	}
	level := int(math.Round(box.bottom))
	at[level] = append(at[level], runningLine{page, l.text})
}

// areSections reports whether most of the lines count the pages, or are lines of the document elsewhere too, as the
// title of a section is. counts are how often the document has each line.
func areSections(lines []runningLine, counts map[string]int) bool {
	counted, named := map[string]int{}, 0
	for _, l := range lines {
		for _, key := range lineKeys(l.text, l.page)[1:] {
			if from, to := strings.IndexAny(key, "\x00\x01"), strings.LastIndexAny(key, "\x00\x01"); from < to {
				counted[key[from:to]]++
			}
		}
		if counts[l.text] > 1 || pageLabel.MatchString(l.text) {
			named++
		}
	}
	for _, n := range counted {
		if n*2 > len(lines) {
			return true
		}
	}
	return named*2 > len(lines)
}

// pageLabel is a page's number in any style, with that of its chapter perhaps: "– 4 –", "B-12", "XII".
var pageLabel = regexp.MustCompile(`^\W*(\d{1,4}|[A-Z]|[ivxlc]{1,6}|[IVXLC]{1,6})([-–./]\d{1,4})?\W*$`)
