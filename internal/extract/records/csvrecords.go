package records

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// Bounds on the search for a quote's end. Beyond them the quote is a character like any other.
const (
	maxQuotedLines = 500
	maxQuoted      = 256 << 10 // bytes
	maxSearched    = 32 << 20  // bytes, in vain, in the whole text
)

// csvRecords reads the records of a CSV text one after the other (RFC 4180, and what programs make of it). A quote
// that nothing closes does not swallow the records that follow.
type csvRecords struct {
	text     string
	at       int
	line     int // of the next record
	comma    byte
	width    int  // the number of cells that most records have
	gap      bool // reports whether a blank line stands above the record that was read last
	searched int
	warnings config.Warnings
}

// newCSVRecords finds the delimiter: as a first line like "sep=;" declares it, else the one of which most lines have
// the same number.
func newCSVRecords(name, text string) *csvRecords {
	r := &csvRecords{text: text, line: 1, comma: ','}
	if first, rest, _ := strings.Cut(text, "\n"); len(first) == len("sep=;") && strings.EqualFold(first[:4], "sep=") {
		r.text, r.line, r.comma = rest, 2, first[4]
	} else if several := longDelimiter(text); several != "" {
		r.text, r.comma = strings.ReplaceAll(text, several, unitSeparator), unitSeparator[0]
	} else if r.comma = delimiter(text); strings.EqualFold(path.Ext(name), ".tsv") && r.comma == ',' {
		r.comma = '\t'
	}
	r.width = csvWidth(r.peek())
	return r
}

// peek is the first records, without going on to them.
func (r *csvRecords) peek() [][]string {
	p := *r
	p.warnings = nil
	var rows [][]string
	for len(rows) < csvPeek {
		row, more, err := p.next()
		if err != nil || !more {
			break
		}
		rows = append(rows, row)
	}
	return rows
}

// next is the next record that is not blank; more is false at the end.
func (r *csvRecords) next() (row []string, more bool, err error) {
	r.gap = false
	for r.at < len(r.text) {
		end := lineEnd(r.text, r.at)
		if strings.TrimSpace(r.text[r.at:end]) != "" {
			break
		}
		r.at, r.line, r.gap = end, r.line+1, true
	}
	if r.at >= len(r.text) {
		return nil, false, nil
	}
	row, end, err := r.record()
	r.line += strings.Count(r.text[r.at:end], "\n")
	r.at = end
	return row, true, err
}

// record reads the record at hand. It goes on over a line's end in quotes, if they end as quotes do.
func (r *csvRecords) record() (row []string, end int, err error) {
	last := lineEnd(r.text, r.at)
	for at := r.at; ; {
		if len(row) == document.MaxColumns {
			return nil, at, config.Failf(config.TooComplex, "line %d has more than %d columns: split it", r.line,
				document.MaxColumns)
		}
		cell, next, closed := r.quoted(at, last)
		if closed {
			last = max(last, lineEnd(r.text, next))
		} else {
			next = at
			for next < last && r.text[next] != r.comma && r.text[next] != '\n' {
				next++
			}
			cell = r.text[at:next]
		}
		row = append(row, strings.TrimLeft(cell, " "))
		if next >= len(r.text) || r.text[next] == '\n' {
			return row, min(next+1, len(r.text)), nil
		}
		at = next + 1
	}
}

// quoted reads a cell in quotes; closed is false when there is none at that place. A quote that is not doubled and
// not at the cell's end belongs to its text.
func (r *csvRecords) quoted(at, line int) (cell string, next int, closed bool) {
	if at = r.skipSpaces(at); at >= line || r.text[at] != '"' {
		return "", at, false
	}
	var b strings.Builder
	from, lines, open := at+1, 0, false
	for i := from; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '\n':
			if lines++; lines > maxQuotedLines || i-at > maxQuoted || r.searched > maxSearched {
				return r.unclosed(at, i)
			}
		case c == '\\' && r.escapes(i+1, open):
			b.WriteString(r.text[from:i])
			i++
			from, open = i, !open
		case c != '"':
		case strings.HasPrefix(r.text[i:], `""`):
			b.WriteString(r.text[from : i+1])
			i++
			from = i + 1
		case r.endsCell(i + 1):
			b.WriteString(r.text[from:i])
			if lines > 0 && r.swallows(r.text[at+1:i]) {
				return r.unclosed(at, i)
			}
			return b.String(), r.skipSpaces(i + 1), true
		case lines > 0 && (r.text[i-1] == r.comma || r.text[i-1] == '\n'):
			return r.unclosed(at, i) // another cell begins here
		}
	}
	return r.unclosed(at, len(r.text))
}

// escapes reports whether the backslash in front of a place belongs to a quote there that is of the text, as databases
// write it; open reports whether such a quote was opened in the cell. One that a delimiter follows ends the cell, as
// behind the path of a directory, unless it closes the other, or prose goes on.
func (r *csvRecords) escapes(at int, open bool) bool {
	if at >= len(r.text) || r.text[at] != '"' {
		return false
	}
	if strings.HasPrefix(r.text[at+1:], `"`) {
		return r.endsCell(at + 2)
	}
	goesOn := strings.HasPrefix(r.text[at+1:], string(r.comma)+" ") && r.comma != ' '
	return open || goesOn || !r.endsCell(at+1)
}

// unclosed reports the quote at a place, whose end was searched in vain up to another.
func (r *csvRecords) unclosed(at, to int) (string, int, bool) {
	r.searched += to - at
	r.warnings.Add(config.LinesSkipped, 1, fmt.Sprintf("line %d: a quote that is not closed", r.line))
	return "", at, false
}

func (r *csvRecords) skipSpaces(at int) int {
	for at < len(r.text) && r.text[at] == ' ' && r.comma != ' ' {
		at++
	}
	return at
}

// endsCell reports whether a delimiter or a line's end follows.
func (r *csvRecords) endsCell(at int) bool {
	at = r.skipSpaces(at)
	return at >= len(r.text) || r.text[at] == r.comma || r.text[at] == '\n'
}

// swallows reports whether a text in quotes holds whole records: each line between its first and its last has as many
// cells as most records have, and no space after a delimiter, as prose has.
func (r *csvRecords) swallows(text string) bool {
	lines := strings.Split(text, "\n")
	if r.width < 2 || len(lines) < 3 {
		return false
	}
	return !slices.ContainsFunc(lines[1:len(lines)-1], func(line string) bool {
		return strings.Count(line, string(r.comma))+1 != r.width || strings.Contains(line, string(r.comma)+" ")
	})
}

// lineEnd is where the line at a place ends, its \n included.
func lineEnd(text string, at int) int {
	if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(text)
}

// unitSeparator is the character of ASCII that divides what texts do not hold it.
const unitSeparator = "\x1f"

// longDelimiters are those of several characters.
var longDelimiters = []string{"|~|", "~|~", "|^|", "^|^", "|:|", "~^~", "||", "::", "~~", "^^", "##", "$$", "@@"}

// longDelimiter returns the delimiter of several characters that occurs equally often in each of the first lines, if
// its characters occur nowhere else in them. It returns an empty string if it finds no such delimiter.
func longDelimiter(text string) string {
	for _, d := range longDelimiters {
		n, lines := 0, 0
		for line := range strings.Lines(text[:min(len(text), maxPeeked)]) {
			if strings.TrimSpace(line) == "" {
				continue
			}
			found := strings.Count(line, d)
			if lines++; found == 0 || lines > 1 && found != n || strings.ContainsAny(strings.ReplaceAll(line, d, ""), d) {
				n = 0
				break
			}
			if n = found; lines == csvPeek {
				break
			}
		}
		if n > 0 && lines > 1 {
			return d
		}
	}
	return ""
}

// maxPeeked is how many bytes of a text are looked at for its delimiter.
const maxPeeked = 64 << 10

// delimiter is the candidate of which most of the first lines have the same number, and the more of them the better.
// Quoted text does not count.
func delimiter(text string) byte {
	best, most := byte(','), 0.0
	for _, candidate := range []byte(",;\t|^~\x01\x1f") {
		if n := evenness(text, candidate); n > most {
			best, most = candidate, n
		}
	}
	return best
}

// evenness is the share of the lines that have the commonest number of delimiters, and a little for each of them.
func evenness(text string, delimiter byte) float64 {
	counts := map[int]int{}
	lines, common := 0, 0
	for line := range strings.Lines(text[:min(len(text), maxPeeked)]) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		n := unquoted(line, delimiter)
		if counts[n]++; n > 0 && counts[n] > counts[common] || common == 0 {
			common = n
		}
		if lines++; lines == csvPeek {
			break
		}
	}
	if common == 0 {
		return 0
	}
	return float64(counts[common])/float64(lines) + float64(min(common, 99))/1000
}

// unquoted counts a delimiter outside the quotes of a line, or anywhere if they do not pair up. Between digits, and
// beside semicolons, a comma is that of a number.
func unquoted(line string, delimiter byte) int {
	if strings.Count(line, `"`)%2 == 1 {
		return strings.Count(line, string(delimiter))
	}
	n, quoted := 0, false
	decimal := delimiter == ',' && strings.Contains(line, ";")
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case decimal && i > 0 && i+1 < len(line) && isDigit(line[i-1]) && isDigit(line[i+1]):
		case line[i] == delimiter && !quoted:
			n++
		}
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
