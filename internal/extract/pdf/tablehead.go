package pdf

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// The names of a PDF table's columns stand above its figures in several lines, of which some are about more than one
// column. They become a row for each number of columns that a name is about.

const (
	maxHeaderLines  = 16
	maxLabelsBefore = 3 // lines between the header and the first row
	longestCaption  = 300
	maxCaptionLines = 4
	headerOverhang  = 40 // points that a name may stand out from its columns
	longestName     = 100
)

// tableHead is what stands above the rows of a table.
type tableHead struct {
	from, first, rows int // lines: where the title or caption begins, the header, and the rows
	caption           string
	columns           []string   // their names, that of the labels first; nil if they are not certain
	levels            [][]string // of the header: the names by column, those of most columns first
}

// headOf finds the head of a table, no line of which is before another.
func (t *pdfText) headOf(rows figureRows, after int) tableHead {
	head := tableHead{rows: rows.first}
	for head.rows > after && rows.first-head.rows < maxLabelsBefore && t.isLabelAbove(head.rows-1, rows) {
		head.rows--
	}
	var lines [][]segment
	head.first = head.rows
	for head.first > after && len(lines) < maxHeaderLines {
		found := t.segmentsApart(head.first-1, nameGap)
		if !rows.isHeader(found) || t.isFarAbove(found, head.first) {
			break
		}
		lines = append([][]segment{found}, lines...)
		head.first--
	}
	if len(lines) == 0 {
		head.rows, head.first = rows.first, rows.first
	} else if names, levels, certain := rows.names(lines); certain && areDistinct(names[1:]) {
		head.columns, head.levels = names, levels
	}
	caption := t.captionAbove(head.first, after)
	head.from = t.titleAbove(caption, after)
	head.caption = linesAsText(t.lines[head.from:head.first], " ")
	if utf8.RuneCountInString(head.caption) > longestCaption/2 {
		head.caption = linesAsText(t.lines[caption:head.first], " ")
	}
	return head
}

// areDistinct reports whether each column has a name of its own: else it is not certain which name is whose.
func areDistinct(names []string) bool {
	seen := map[string]bool{"": true}
	for _, name := range names {
		if seen[name] {
			return false
		}
		seen[name] = true
	}
	return true
}

// isLabelAbove reports whether a line between the header and the first row is a label of the rows.
func (t *pdfText) isLabelAbove(line int, rows figureRows) bool {
	return t.isLabel(line, rows.cells[rows.first]) && !rows.isHeader(t.segmentsApart(line, nameGap))
}

// measure is a value with a unit or decimals, which names no column.
var measure = regexp.MustCompile(`^[$€£]?\d+([.,]\d|\s(years?|days?)\b)`)

// isHeader reports whether a line may name columns: all of it stands above them, but for the name of the labels, and
// there are no figures but years.
func (r *figureRows) isHeader(line []segment) bool {
	left, right := r.columns[0].left, r.columns[len(r.columns)-1].right
	for i, s := range line {
		switch {
		case s.isFigure() && !year.MatchString(s.text), measure.MatchString(s.text),
			utf8.RuneCountInString(s.text) > longestName:
			return false
		case i == 0 && len(line) > 1 && s.middle() < left:
		case s.left < left-headerOverhang || s.middle() < left || s.right > right+headerOverhang:
			return false
		}
	}
	return len(line) > 0
}

// names gives each column the parts of its name, from the top down, and the header's levels their names. It is not
// certain of a name that is about some of the columns, unless those of its line divide the columns evenly.
func (r *figureRows) names(lines [][]segment) (names []string, levels [][]string, certain bool) {
	names = make([]string, len(r.columns)+1)
	bySize := make([][]string, len(r.columns)+1)
	for _, line := range lines {
		if line[0].right < r.columns[0].left || len(line) == 1 && isParenthesised(line[0].text) {
			addName(&bySize[1], names, line[0].text, 0, 1)
			line = line[1:]
		}
		groups := r.groups(line)
		for i, s := range line {
			from, to := r.nearest(s)
			if groups != nil {
				from, to = groups[i], groups[i+1]
			} else if to-from != 1 && to-from != len(r.columns) {
				return nil, nil, false
			}
			addName(&bySize[to-from], names, s.text, from+1, to+1)
		}
	}
	for _, level := range slices.Backward(bySize) {
		if level != nil {
			levels = append(levels, level)
		}
	}
	return names, levels, true
}

// addName adds a part to the names of columns, and to the level of the header that it is on.
func addName(level *[]string, names []string, part string, from, to int) {
	part = rawLine{chars: []rune(part)}.String()
	if *level == nil {
		*level = make([]string, len(names))
	}
	(*level)[from] = plain.Fold((*level)[from] + " " + part)
	for column := from; column < to; column++ {
		names[column] = plain.Fold(names[column] + " " + part)
	}
}

// groups divides the columns evenly among the names of a line if each stands above its own: it is where each group
// begins, nil if they do not.
func (r *figureRows) groups(line []segment) []int {
	if len(line) < 2 || len(r.columns)%len(line) != 0 {
		return nil
	}
	each := len(r.columns) / len(line)
	begins := []int{0}
	for i, s := range line {
		from, to := i*each, (i+1)*each
		left, right := r.columns[from].left, r.columns[to-1].right
		if from > 0 {
			left = (r.columns[from-1].right + left) / 2
		} else {
			left -= headerOverhang
		}
		if to < len(r.columns) {
			right = (right + r.columns[to].left) / 2
		} else {
			right += headerOverhang
		}
		if s.middle() < left || s.middle() > right {
			return nil
		}
		begins = append(begins, to)
	}
	return begins
}

// nearest are the columns whose middle is nearest to that of a name. More columns must be nearer by a part of the
// distance between two.
func (r *figureRows) nearest(s segment) (from, to int) {
	const nearer = 0.15
	last := len(r.columns) - 1
	least := nearer * (r.columns[last].middle() - r.columns[0].middle()) / float64(max(last, 1))
	best := math.Inf(1)
	for size := 1; size <= len(r.columns); size++ {
		for i := 0; i+size <= len(r.columns); i++ {
			group := segment{left: r.columns[i].left, right: r.columns[i+size-1].right}
			if distance := math.Abs(group.middle() - s.middle()); distance < best-least {
				best, from, to = distance, i, i+size
			}
		}
	}
	return from, to
}

func isParenthesised(s string) bool { return strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") }

// captionAbove is the line with which the caption begins: the unit of the figures in brackets, and the sentence with a
// colon that leads to the table.
func (t *pdfText) captionAbove(line, after int) int {
	from, text := line, t.textAt
	for from > after && isParenthesised(text(from-1)) {
		from--
	}
	if from == after || !strings.HasSuffix(text(from-1), ":") {
		return from
	}
	begin := from - 1
	for begin > after && from-begin < maxCaptionLines && !beginsSentence(text(begin-1), text(begin)) {
		begin--
	}
	length := 0
	for i := begin; i < line; i++ {
		length += len(t.lines[i].chars)
	}
	if length > longestCaption {
		return from
	}
	return begin
}

func (t *pdfText) textAt(line int) string { return strings.TrimSpace(string(t.lines[line].chars)) }

// titleAbove is the first of a few short lines that lead to a line, as titles do.
func (t *pdfText) titleAbove(line, after int) int {
	const most, longest = 5, 100
	from := line
	for from > after && line-from < most {
		text := t.textAt(from - 1)
		first, _ := utf8.DecodeRuneInString(text)
		if n := utf8.RuneCountInString(text); n == 0 || n > longest || strings.HasSuffix(text, ".") ||
			unicode.IsLower(first) || endsInFigure(text) {
			break
		}
		from--
	}
	return from
}

// isFarAbove reports whether there is room for lines between a line and the next one.
func (t *pdfText) isFarAbove(found []segment, next int) bool {
	const lines = 2.5
	below := t.segments(next)
	return len(below) > 0 && found[0].bottom-below[0].top > lines*(found[0].top-found[0].bottom)
}

// beginsSentence reports whether a line does not go on with the one before.
func beginsSentence(before, line string) bool {
	const full = 60 // code points of a line of running text
	first, _ := utf8.DecodeRuneInString(line)
	return !unicode.IsLower(first) && (utf8.RuneCountInString(before) < full || strings.HasSuffix(before, ".") ||
		strings.HasSuffix(before, ":"))
}

// placeTables finds the tables of a page in its text, after what was cut or moved. A title or the names of the columns
// may be gone, where they are the head of many pages.
func placeTables(p *document.Page, tables []pdfTable) {
	lines := strings.Split(p.Text, "\n")
	begins, flat := make([]int, len(lines)), make([]string, len(lines))
	at := 0
	for i, line := range lines {
		begins[i], flat[i] = at, plain.Fold(line)
		at += utf8.RuneCountInString(line) + 1
	}
	from := 0
	for n, t := range tables {
		i := indexOfLines(flat, t.lines, from)
		for ; i < 0 && t.lead > 0; i = indexOfLines(flat, t.lines, from) {
			t.lines, t.lead = t.lines[1:], t.lead-1
		}
		if i < 0 {
			continue
		}
		from = i + len(t.lines)
		if n == len(tables)-1 {
			from += shortRest(lines[from:])
		}
		p.Tables = append(p.Tables, document.Table{
			Start: begins[i], End: begins[from-1] + utf8.RuneCountInString(lines[from-1]),
			Caption: t.caption, Header: t.header, Columns: t.columns, Rows: begins[i+t.lead : from],
		})
	}
}

// indexOfLines is where lines stand among others, at the earliest at from; -1 where they do not.
func indexOfLines(lines, want []string, from int) int {
	for i := from; i+len(want) <= len(lines); i++ {
		if slices.Equal(lines[i:i+len(want)], want) {
			return i
		}
	}
	return -1
}

// shortRest is how many lines below the last table of a page belong to it: all, if they are few, as notes are.
func shortRest(lines []string) int {
	const most, longest = 4, 200
	length := 0
	for _, line := range lines {
		if length += utf8.RuneCountInString(line); line == "" {
			return 0
		}
	}
	if len(lines) > most || length > longest {
		return 0
	}
	return len(lines)
}
