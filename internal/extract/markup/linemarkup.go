package markup

import (
	"encoding/csv"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

// reStructuredText.

var (
	rstDirective = regexp.MustCompile(`^(\s*)\.\. (list-table|csv-table|table)::[ \t]*(.*)$`)
	rstOption    = regexp.MustCompile(`^\s+:([\w-]+):[ \t]*(.*)$`)
)

// rstHeading takes a title with a line of signs below it, and perhaps above.
func rstHeading(r *lineScanner) bool {
	if mark := underlineOf(r.line(0)); mark != "" && underlineOf(r.line(2)) == mark &&
		isUnderlined(strings.TrimSpace(r.line(1)), r.line(2)) {
		return r.rstTitle(mark+mark, r.line(1), 3)
	}
	mark := underlineOf(r.line(1))
	title := r.line(0)
	if mark == "" || !isUnderlined(title, r.line(1)) || underlineOf(title) != "" || strings.HasPrefix(title, " ") {
		return false
	}
	return r.rstTitle(mark, r.line(0), 2)
}

func (r *lineScanner) rstTitle(mark, title string, lines int) bool {
	if len(r.levels) == 0 {
		r.title = plain.OneLine(title)
	}
	r.heading(r.levelOf(mark), title, lines)
	return true
}

// underlineOf is the sign that a line consists of, or empty.
func underlineOf(line string) string {
	if len(line) < 2 || line[0] >= utf8.RuneSelf || !unicode.IsPunct(rune(line[0])) && !unicode.IsSymbol(rune(line[0])) ||
		strings.Trim(line, line[:1]) != "" {
		return ""
	}
	return line[:1]
}

// isUnderlined reports whether a line below a title is about as long as the title.
func isUnderlined(title, line string) bool {
	n := utf8.RuneCountInString(title)
	return n > 0 && (len(line) >= n || len(line) >= 4 && len(line)*4 >= n*3)
}

// rstTable takes a directive that makes a table.
func rstTable(r *lineScanner) bool {
	m := rstDirective.FindStringSubmatch(r.line(0))
	if m == nil {
		return false
	}
	options := map[string]string{}
	n := 1
	for ; rstOption.MatchString(r.line(n)); n++ {
		option := rstOption.FindStringSubmatch(r.line(n))
		options[option[1]] = option[2]
	}
	if m[2] == "table" {
		r.flush()
		r.caption, r.at = m[3], r.at+n
		return true
	}
	first := n
	for r.at+n < len(r.lines) && (records.IsBlank(r.line(n)) || len(indentOf(r.line(n))) > len(m[1])) {
		n++
	}
	var rows [][]document.GridCell
	headers, _ := strconv.Atoi(options["header-rows"])
	if body := r.lines[r.at+first : r.at+n]; m[2] == "list-table" {
		rows = listedRows(body)
	} else {
		if options["header"] != "" {
			rows, headers = separatedRows(options["header"], options["delim"]), headers+1
		}
		rows = append(rows, separatedRows(strings.Join(trimmed(body), "\n"), options["delim"])...)
	}
	if len(rows) == 0 {
		return false
	}
	r.caption = m[3]
	return r.table(rows, headers, n)
}

func indentOf(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

func trimmed(lines []string) []string {
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = strings.TrimSpace(line)
	}
	return texts
}

// listedRows are rows as a list of lists.
func listedRows(lines []string) [][]document.GridCell {
	var rows [][]document.GridCell
	for _, line := range lines {
		text := strings.TrimSpace(line)
		if rest, begins := strings.CutPrefix(text, "* "); begins {
			rows = append(rows, nil)
			text = strings.TrimSpace(rest)
		} else if text == "*" {
			rows, text = append(rows, nil), ""
		}
		if len(rows) == 0 || text == "" {
			continue
		}
		row := &rows[len(rows)-1]
		if cell, begins := strings.CutPrefix(text, "-"); begins && (cell == "" || cell[0] == ' ') {
			*row = append(*row, document.GridCell{Text: strings.TrimSpace(cell)})
		} else if last := len(*row) - 1; last >= 0 {
			(*row)[last].Text = strings.TrimSpace((*row)[last].Text + " " + text)
		}
	}
	return rows
}

// separatedRows are rows as CSV has them.
func separatedRows(text, delimiter string) [][]document.GridCell {
	c := csv.NewReader(strings.NewReader(text))
	c.FieldsPerRecord, c.LazyQuotes, c.TrimLeadingSpace = -1, true, true
	if r, size := utf8.DecodeRuneInString(delimiter); size == len(delimiter) && size > 0 && r != '"' &&
		r != utf8.RuneError {
		c.Comma = r
	} else if delimiter == "tab" {
		c.Comma = '\t'
	}
	var rows [][]document.GridCell
	for {
		record, err := c.Read()
		if err != nil {
			return rows
		}
		rows = append(rows, plainCells(record))
	}
}

// AsciiDoc.

var (
	asciidocFence  = regexp.MustCompile("^(?:-{4,}|\\.{4,}|\\+{4,}|/{4,}|```\\w*)$")
	asciidocTitle  = regexp.MustCompile(`^(={1,6}|#{1,6})[ \t]+(\S.*)$`)
	asciidocBound  = regexp.MustCompile(`^[|,:!]={3,}$`)
	asciidocCell   = regexp.MustCompile(`(?:(?:(\d+)?(?:\.(\d+))?\+)|(?:(\d+)\*))?[<^>]?(?:\.[<^>])?[adehlmsv]?$`)
	asciidocColumn = regexp.MustCompile(`cols\s*=\s*"?([^"\]]*)`)
)

// asciidocBlock takes a block whose lines are no markup.
func asciidocBlock(r *lineScanner) bool {
	return asciidocFence.MatchString(r.line(0)) && r.keepTo(r.line(0))
}

// keepTo leaves a block as it is that ends with a line like its first.
func (r *lineScanner) keepTo(end string) bool {
	if strings.HasPrefix(end, "```") {
		end = "```"
	}
	for n := 1; r.at+n < len(r.lines) && r.looked < maxLooked; n++ {
		r.looked++
		if strings.EqualFold(strings.TrimSpace(r.line(n)), end) {
			r.keep(n + 1)
			return true
		}
	}
	return false
}

func asciidocHeading(r *lineScanner) bool {
	m := asciidocTitle.FindStringSubmatch(r.line(0))
	if m == nil {
		return false
	}
	if len(m[1]) == 1 && r.title == "" {
		r.title = plain.OneLine(m[2])
	}
	r.heading(len(m[1]), strings.TrimRight(m[2], "= "), 1)
	return true
}

// asciidocTable takes a table, with its title and attributes above it.
func asciidocTable(r *lineScanner) bool {
	bound := r.line(0)
	if !asciidocBound.MatchString(bound) {
		return false
	}
	n := 1
	for r.line(n) != bound {
		n++
		if r.looked++; r.at+n >= len(r.lines) || r.looked > maxLooked {
			return false
		}
	}
	attributes := r.asciidocAttributes()
	body := r.lines[r.at+1 : r.at+n]
	declared := strings.Contains(attributes, "%header") || strings.Contains(attributes, "options=") &&
		strings.Contains(attributes, "header")
	implied := len(body) > 2 && !records.IsBlank(body[0]) && records.IsBlank(body[1])
	headers := -1
	if declared || implied {
		headers = 1
	}
	if bound[0] == ',' || bound[0] == ':' || strings.Contains(attributes, "format=") {
		delimiter := ","
		if bound[0] == ':' || strings.Contains(attributes, "dsv") {
			delimiter = ":"
		}
		return r.table(separatedRows(strings.Join(body, "\n"), delimiter), headers, n+1)
	}
	cells, inFirst := asciidocCells(body, bound[:1])
	columns := asciidocColumns(attributes)
	if columns == 0 {
		columns = inFirst
	}
	return r.table(spannedRows(cells, columns), headers, n+1)
}

// asciidocAttributes takes back the lines above a table that are its attributes and its title.
func (r *lineScanner) asciidocAttributes() (attributes string) {
	for last, line := range slices.Backward(r.kept) {
		switch {
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			attributes += line
		case len(line) > 1 && line[0] == '.' && line[1] != '.' && line[1] != ' ':
			r.caption = line[1:]
		default:
			return attributes
		}
		r.kept = r.kept[:last]
	}
	return attributes
}

// asciidocColumns is how many columns the attributes of a table declare, or 0.
func asciidocColumns(attributes string) (n int) {
	m := asciidocColumn.FindStringSubmatch(attributes)
	if m == nil || strings.TrimSpace(m[1]) == "" {
		return 0
	}
	for part := range strings.FieldsFuncSeq(m[1], func(c rune) bool { return c == ',' || c == ';' }) {
		count, _, times := strings.Cut(part, "*")
		if number, err := strconv.Atoi(strings.TrimSpace(count)); times && err == nil {
			n += min(max(number, 1), document.MaxSpan)
		} else {
			n++
		}
	}
	return min(n, document.MaxSpan)
}

// asciidocCells are the cells of a table, and how many the first line has.
func asciidocCells(body []string, bar string) (cells []document.GridCell, inFirst int) {
	text := strings.ReplaceAll(strings.Join(body, "\n"), `\`+bar, "\x00")
	parts := strings.Split(text, bar)
	spec := parts[0]
	for i, part := range parts[1:] {
		next := ""
		if i+2 < len(parts) {
			next = asciidocCell.FindString(part)
			if at := len(part) - len(next); at > 0 && !strings.ContainsAny(part[at-1:at], " \n") {
				next = ""
			}
			part = strings.TrimSuffix(part, next)
		}
		m := asciidocCell.FindStringSubmatch(strings.TrimSpace(spec))
		cell := document.GridCell{Text: strings.ReplaceAll(strings.TrimSpace(part), "\x00", bar)}
		cell.Cols, _ = strconv.Atoi(m[1])
		cell.Rows, _ = strconv.Atoi(m[2])
		cell.Cols, cell.Rows = min(cell.Cols, document.MaxSpan), min(cell.Rows, document.MaxSpan)
		times, _ := strconv.Atoi(m[3])
		for range min(max(times, 1), document.MaxSpan) {
			cells = append(cells, cell)
		}
		if inFirst == 0 && strings.Contains(part, "\n") || i+2 == len(parts) && inFirst == 0 {
			for _, c := range cells {
				inFirst += max(c.Cols, 1)
			}
		}
		spec = next
	}
	return cells, inFirst
}

// spannedRows puts cells into rows of so many columns, some of which cells of the rows above fill.
func spannedRows(cells []document.GridCell, columns int) [][]document.GridCell {
	columns = max(columns, 1)
	var rows [][]document.GridCell
	var row []document.GridCell
	var carried []int // by row from the one at hand: how many columns are filled
	width := 0
	for _, c := range cells {
		for len(carried) < max(c.Rows, 1) {
			carried = append(carried, 0)
		}
		for i := 1; i < c.Rows; i++ {
			carried[i] += max(c.Cols, 1)
		}
		row = append(row, c)
		width += max(c.Cols, 1)
		if width+carried[0] >= columns {
			rows, row, width, carried = append(rows, row), nil, 0, carried[1:]
		}
	}
	if row != nil {
		rows = append(rows, row)
	}
	return rows
}

// Org.

var (
	orgTitle = regexp.MustCompile(`^(\*+)[ \t]+(?:(?:TODO|DONE|NEXT|WAITING|CANCELLED)[ \t]+)?(?:\[#[A-Z]\][ \t]+)?(.*?)` +
		`(?:[ \t]+:[\w@#%:]+:)?$`)
	orgBegin   = regexp.MustCompile(`(?i)^\s*#\+begin_(\w+)`)
	orgKeyword = regexp.MustCompile(`(?i)^\s*#\+(title|caption):[ \t]*(.*)$`)
)

// orgBlock takes a block of code or the like, and the title of the text or of a table.
func orgBlock(r *lineScanner) bool {
	if m := orgBegin.FindStringSubmatch(r.line(0)); m != nil {
		return r.keepTo("#+end_" + m[1])
	}
	m := orgKeyword.FindStringSubmatch(r.line(0))
	if m == nil {
		return false
	}
	if strings.EqualFold(m[1], "title") {
		r.title = plain.OneLine(m[2])
		return false
	}
	next := 1
	for strings.HasPrefix(strings.TrimSpace(r.line(next)), "#+") {
		next++
	}
	if strings.HasPrefix(strings.TrimSpace(r.line(next)), "|") {
		r.flush()
		r.caption, r.at = m[2], r.at+next
		return true
	}
	return false
}

func orgHeading(r *lineScanner) bool {
	m := orgTitle.FindStringSubmatch(r.line(0))
	if m == nil || m[2] == "" {
		return false
	}
	r.heading(len(m[1]), m[2], 1)
	return true
}
