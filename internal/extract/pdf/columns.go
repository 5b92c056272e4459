package pdf

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// PDFium reads columns of text one after the other if the program drew them so. Some programs draw the first lines of
// all columns, then the second lines. Gaps that run down through many lines tell such columns; long lines that fill
// them tell them from a table.

// columnedLines are successive lines that are divided by the same gaps.
type columnedLines struct {
	first, end int
	pieces     [][]segment // by line
	columns    []segment
}

// orderColumns puts the lines of columns that were drawn row by row in the order in which they are read.
func (t *pdfText) orderColumns() {
	if !t.mayHoldColumns() {
		return
	}
	var ordered []rawLine
	for i := 0; i < len(t.lines); {
		c := t.columnedFrom(i)
		if c.end > i && c.isProse() {
			ordered = append(ordered, t.columnByColumn(c)...)
		} else {
			c.end = max(c.end, i+1)
			ordered = append(ordered, t.lines[i:c.end]...)
		}
		i = c.end
	}
	t.lines = ordered
}

// mayHoldColumns reports whether some of a sample of long lines have gaps, since each word of a line costs calls into
// PDFium.
func (t *pdfText) mayHoldColumns() bool {
	const sample, long = 24, 40 // lines; characters
	divided := 0
	for i := 0; i < len(t.lines); i += max(1, len(t.lines)/sample) {
		if len(t.lines[i].chars) < long {
			continue
		}
		if len(t.segments(i)) > 1 {
			divided++
		}
	}
	return divided > 1
}

// columnedFrom returns the lines from one on that the same gaps divide.
func (t *pdfText) columnedFrom(first int) columnedLines {
	c := columnedLines{first: first, end: first}
	for i := first; i < len(t.lines); i++ {
		pieces := t.segments(i)
		if i == first {
			c.columns = pieces
		}
		columns := columnsOf(append(slices.Clone(c.columns), pieces...))
		if len(pieces) == 0 || len(columns) < 2 || len(columns) != len(c.columns) || len(pieces) > len(columns) ||
			i > first && pieces[0].top > c.pieces[i-first-1][0].top || slices.ContainsFunc(t.lines[i].chars, isLineHyphen) {
			break
		}
		c.columns, c.pieces, c.end = columns, append(c.pieces, pieces), i+1
	}
	return c
}

// isProse reports whether the lines are running text: enough of them, most of which fill each of the columns, and
// go on with a sentence from the line before.
func (c columnedLines) isProse() bool {
	const fewest, most = 5, 4   // lines; columns
	const long, full = 20, 0.75 // code points of a piece; of a column's width
	if len(c.pieces) < fewest || len(c.columns) > most {
		return false
	}
	for _, column := range c.columns {
		n, length, small, width := 0, 0, 0, 0.0
		from, to := len(c.pieces), 0 // a sidebar may be shorter than the text beside it
		for i, line := range c.pieces {
			for _, piece := range line {
				if !column.overlaps(piece) {
					continue
				}
				from, to = min(from, i), i+1
				n, width = n+1, width+piece.right-piece.left
				length += utf8.RuneCountInString(piece.text)
				if first, _ := utf8.DecodeRuneInString(piece.text); unicode.IsLower(first) {
					small++
				}
			}
		}
		if n < fewest || n*5 < (to-from)*4 || small*3 < n || length < long*n ||
			width < full*float64(n)*(column.right-column.left) {
			return false
		}
	}
	return true
}

// columnByColumn returns the lines of the first column, then those of the next. A hyphen at the end of one of them is
// marked as PDFium marks those that it sees there.
func (t *pdfText) columnByColumn(c columnedLines) []rawLine {
	var lines []rawLine
	for _, column := range c.columns {
		begin := len(lines)
		for i, pieces := range c.pieces {
			for _, piece := range pieces {
				if !column.overlaps(piece) {
					continue
				}
				line := rawLine{start: t.lines[c.first+i].start, at: []int{}}
				line.add(t.lines[c.first+i], piece.begin, piece.end)
				if n := len(lines); n > begin && goesOnAfterHyphen(lines[n-1].chars, line.chars) {
					lines[n-1].chars[len(lines[n-1].chars)-1] = lineHyphen
					lines[n-1].add(line, 0, len(line.chars))
					continue
				}
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// goesOnAfterHyphen reports whether a line ends in a hyphen after a letter, and the next one begins with a letter.
func goesOnAfterHyphen(line, next []rune) bool {
	n := len(line)
	return n > 1 && len(next) > 0 && line[n-1] == '-' && unicode.IsLetter(line[n-2]) && unicode.IsLetter(next[0])
}
