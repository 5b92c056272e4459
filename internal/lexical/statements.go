package lexical

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// statement is a piece of a passage that can be quoted by itself.
type statement struct {
	text    string
	heading string // is the one that it stands below, within its passage
	names   string // has the names of a row's columns
	values  string // has its cells alone; empty unless there are names
	row     bool   // reports whether it is of a table: it stands on a line of its own
}

// statements cuts a passage into sentences and table rows. A PDF's text breaks its lines anywhere, so lines
// are joined unless they are rows or begin a list item. A Markdown heading states nothing by itself.
func statements(text string) []statement {
	c := cutter{}
	for line := range strings.SplitSeq(text, "\n") {
		c.line(strings.TrimSpace(line))
	}
	c.flush()
	return c.out
}

// cutter is one pass over the lines of a passage.
type cutter struct {
	out       []statement
	heading   string
	paragraph []string
	table     []string // has the names of the columns while its rows are read
	barred    bool     // reports whether the line before was a row with bars
}

func (c *cutter) line(line string) {
	row := barredRow(line)
	if !row {
		c.table = nil
	}
	switch {
	case heading(line):
		c.flush()
		c.heading = strings.TrimLeft(line, "# ")
	case line == "", ruler(line) && !row:
		c.flush()
	case row:
		c.row(line)
	case figuresRow(line):
		c.paragraph = finished(c.paragraph) // the lines over a table are its head
		c.flush()
		c.add(nil, []string{line})
	default:
		if item := listItem.FindString(line); item != "" {
			c.flush()
			line = line[len(item):]
		}
		c.paragraph = append(c.paragraph, line)
		if strings.HasSuffix(line, ":") {
			c.flush()
		}
	}
	c.barred = row
}

// row takes a line with bars: the first of a table names the columns unless it has a figure.
func (c *cutter) row(line string) {
	cells := cells(line)
	switch {
	case ruler(line):
	case !c.barred:
		c.paragraph = finished(c.paragraph)
		c.flush()
		if c.table = cells; slices.ContainsFunc(cells, isFigure) {
			c.table = []string{}
			c.add(nil, cells)
		}
	default:
		c.add(c.table, cells)
	}
}

// add adds a row: cells, and the names of their columns.
func (c *cutter) add(names, cells []string) {
	if text := named(names, cells); text != "" {
		c.out = append(c.out, statement{text: text, heading: c.heading, row: true,
			names: strings.Join(names, "; "), values: strings.Join(cells, "; ")})
	}
}

// flush ends a paragraph: the fields of a record, or sentences.
func (c *cutter) flush() {
	if names, cells := record(c.paragraph); names != nil {
		c.add(names, cells)
	} else {
		for _, s := range sentences(strings.Join(c.paragraph, " ")) {
			c.out = append(c.out, statement{text: s, heading: c.heading})
		}
	}
	c.paragraph = c.paragraph[:0]
}

var field = regexp.MustCompile(`^[^:.]{1,60}: \S`)

// record reads lines that are the fields of a row, each after the name of its column. It returns nil
// if they are not.
func record(lines []string) (names, cells []string) {
	if len(lines) < 2 {
		return nil, nil
	}
	for _, line := range lines {
		if !field.MatchString(line) {
			return nil, nil
		}
		name, cell, _ := strings.Cut(line, ": ")
		names, cells = append(names, name), append(cells, strings.TrimSpace(cell))
	}
	return names, cells
}

// named is a row with each cell after the name of its column.
func named(columns, cells []string) string {
	var parts []string
	for i, cell := range cells {
		switch {
		case cell == "":
		case i < len(columns) && columns[i] != "":
			parts = append(parts, columns[i]+": "+cell)
		default:
			parts = append(parts, cell)
		}
	}
	return strings.Join(parts, "; ")
}

// finished is the beginning of a paragraph up to its last line that ends a sentence.
func finished(paragraph []string) []string {
	for n := len(paragraph); n > 0; n-- {
		if strings.ContainsAny(paragraph[n-1][len(paragraph[n-1])-1:], ".!?:") {
			return paragraph[:n]
		}
	}
	return nil
}

var listItem = regexp.MustCompile(`^([-*+•▪◦>]|\d{1,2}[.)])\s+`)

func heading(line string) bool { return strings.HasPrefix(line, "#") }

// ruler reports whether a line has neither letter nor digit.
func ruler(line string) bool {
	return strings.IndexFunc(line, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) < 0
}

// barredRow reports whether a line is a row of a table with bars between its cells.
func barredRow(line string) bool {
	return strings.HasPrefix(line, "|") && strings.HasSuffix(line, "|") || strings.Contains(line, " | ")
}

// figuresRow reports whether a line is words and then two figures or more.
func figuresRow(line string) bool {
	fields := strings.Fields(line)
	figures := 0
	for i := len(fields) - 1; i > 0; i-- {
		f := strings.Trim(fields[i], signs)
		switch {
		case f == "": // a sign by itself
		case digit(f[0]) && digit(f[len(f)-1]):
			figures++
		default:
			return figures >= 2
		}
	}
	return figures >= 2
}

// signs may stand around a figure.
const signs = "$€£()%*—–- "

// isFigure reports whether a cell is a figure and not a year, as names of columns may be.
func isFigure(cell string) bool {
	cell = strings.Trim(cell, signs)
	return cell != "" && digit(cell[0]) && digit(cell[len(cell)-1]) && !strings.ContainsAny(cell, " ") && !year(cell)
}

// cells are those of a row with bars.
func cells(line string) []string {
	line = strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|")
	parts := strings.Split(line, "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// sentences cuts a paragraph behind each full stop, question or exclamation mark that ends a sentence.
func sentences(paragraph string) []string {
	var out []string
	start := 0
	for i, r := range paragraph {
		end := i + utf8.RuneLen(r)
		if strings.ContainsRune("。！？", r) ||
			strings.ContainsRune(".!?", r) && ends(paragraph[start:i], paragraph[end:]) {
			out = appendPieces(out, paragraph[start:end])
			start = end
		}
	}
	return appendPieces(out, paragraph[start:])
}

// ends reports whether a mark between before and after ends a sentence: a space and no small letter follow, and
// no abbreviation comes before.
func ends(before, after string) bool {
	if after == "" {
		return true
	}
	first, size := utf8.DecodeRuneInString(after)
	if !unicode.IsSpace(first) {
		return false
	}
	if next, _ := utf8.DecodeRuneInString(after[size:]); unicode.IsLower(next) {
		return false
	}
	last := before[strings.LastIndexFunc(before, unicode.IsSpace)+1:]
	return !abbreviations[strings.ToLower(strings.TrimLeft(last, "([\"“"))] && !initial(last)
}

var abbreviations = map[string]bool{
	"e.g": true, "i.e": true, "cf": true, "al": true, "vs": true, "fig": true, "figs": true, "no": true, "nos": true,
	"eq": true, "sec": true, "mr": true, "mrs": true, "ms": true, "dr": true, "prof": true, "st": true, "jr": true,
	"sr": true, "approx": true, "u.s": true, "u.k": true,
}

// initial reports whether a word is a single capital, as in a name.
func initial(word string) bool {
	return len(word) == 1 && word[0] >= 'A' && word[0] <= 'Z'
}

// maxStatement is the length in bytes past which text that never ends a sentence is cut between words.
const maxStatement = 500

func appendPieces(out []string, s string) []string {
	s = strings.TrimSpace(s)
	for len(s) > maxStatement {
		end := maxStatement
		for end > maxStatement-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		piece := s[:end]
		if space := strings.LastIndexByte(piece, ' '); space > 0 {
			piece = piece[:space]
		}
		out = append(out, piece)
		s = strings.TrimSpace(s[len(piece):])
	}
	if s == "" {
		return out
	}
	return append(out, s)
}
