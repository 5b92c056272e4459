package markup

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

// Tables that are drawn with characters: by people in reStructuredText and in plain text, and by the clients of
// databases.

// boxes are the characters that draw boxes, as the ASCII that is drawn instead.
var boxes = func() *strings.Replacer {
	var pairs []string
	for _, r := range "┌┬┐├┼┤└┴┘╔╦╗╠╬╣╚╩╝╒╤╕╞╪╡╘╧╛┏┳┓┣╋┫┗┻┛╓╥╖╟╫╢╙╨╜╭╮╯╰╇╈┡┩┢┪┠┨┯┷" {
		pairs = append(pairs, string(r), "+")
	}
	return strings.NewReplacer(append(pairs, "─", "-", "━", "-", "═", "=", "│", "|", "┃", "|", "║", "|")...)
}()

var (
	gridRule   = regexp.MustCompile(`^\s*\+(?:[-=:]+\+)+$`)
	gridPart   = regexp.MustCompile(`\+[-=]+\+`)
	queryRule  = regexp.MustCompile(`^\s*\|?[-=]{2,}(?:\+[-=]{2,})+\|?$`)
	simpleRule = regexp.MustCompile(`^\s*={2,}(?: +={2,})+$`)
	spanRule   = regexp.MustCompile(`^\s*-{2,}(?: +-{2,})*$`)
	barRule    = regexp.MustCompile(`^\s*\|[-+:| ]*-[-+:| ]*$`)
)

// drawn are so many of the next lines, as ASCII.
func (r *lineScanner) drawn(n int) []string {
	lines := slices.Clone(r.lines[r.at : r.at+n])
	for i := range lines {
		lines[i] = boxes.Replace(lines[i])
	}
	return lines
}

// framedTable takes a table in a frame: +---+---+ above, below, and between its rows, or only below its names.
func framedTable(r *lineScanner) bool {
	if !gridRule.MatchString(boxes.Replace(r.line(0))) {
		return false
	}
	n := r.count(func(line string) bool {
		line = boxes.Replace(strings.TrimSpace(line))
		return strings.HasPrefix(line, "|") || strings.HasPrefix(line, "+")
	})
	lines := r.drawn(n)
	if n < 3 || !gridRule.MatchString(lines[n-1]) {
		return false
	}
	g := gridTable{bounds: boundsOf(lines)}
	for _, line := range lines {
		g.line(line)
	}
	return r.table(g.laidOut(), g.headers, n)
}

// boundsOf are the columns in which a table has lines downwards.
func boundsOf(lines []string) []int {
	var bounds []int
	for _, line := range lines {
		for i, c := range []rune(line) {
			if c == '+' && gridRule.MatchString(line) && !slices.Contains(bounds, i) && len(bounds) < document.MaxSpan {
				bounds = append(bounds, i)
			}
		}
	}
	slices.Sort(bounds)
	return bounds
}

// gridTable is a table in a frame that is being read.
type gridTable struct {
	bounds  []int
	rows    [][]drawnCell
	lines   [][][]document.GridCell // the lines of each row as rows of their own
	open    []drawnCell             // the row at hand
	rules   int
	headers int
	isGrid  bool // a line of = stands below the names, or lines divide all rows
}

// drawnCell is a cell from a bound on. Cells that go on in other rows share their text.
type drawnCell struct {
	start, cols int
	text        *string
	above       bool
}

func (c drawnCell) add(text string) {
	*c.text = strings.TrimSpace(*c.text + " " + strings.TrimSpace(text))
}

// line reads a line of the drawing.
func (g *gridTable) line(line string) {
	switch {
	case gridRule.MatchString(line):
		g.rules++
		g.end()
		if len(g.lines) > 0 && g.headers == 0 && (strings.Contains(line, "=") || g.rules == 2) {
			g.headers = len(g.lines)
		}
		g.isGrid = g.isGrid || strings.Contains(line, "=") && len(g.lines) > 0
	case gridPart.MatchString(line):
		g.part([]rune(line))
	default:
		g.add([]rune(line))
	}
}

// add adds a line's cells to the row at hand.
func (g *gridTable) add(line []rune) {
	cells := g.cells(line)
	if g.open == nil {
		g.begin(cells)
	}
	plain := make([]document.GridCell, len(cells))
	for i, c := range cells {
		plain[i] = document.GridCell{Text: *c.text, Cols: c.cols}
		if i < len(g.open) {
			g.open[i].add(*c.text)
		}
	}
	last := len(g.lines) - 1
	g.lines[last] = append(g.lines[last], plain)
}

// begin begins a row of cells like those of a line.
func (g *gridTable) begin(cells []drawnCell) {
	g.lines = append(g.lines, nil)
	g.open = make([]drawnCell, len(cells))
	for i, c := range cells {
		g.open[i] = drawnCell{start: c.start, cols: c.cols, text: new(string)}
	}
}

func (g *gridTable) end() {
	if g.open != nil {
		g.rows = append(g.rows, g.open)
	}
	g.open = nil
}

// part ends a row at a line that is drawn below some of its cells only. The others go on in the next row.
func (g *gridTable) part(line []rune) {
	above, cells := g.open, g.cells(line)
	g.end()
	g.begin(cells)
	g.isGrid = true
	for i, c := range cells {
		if strings.Trim(*c.text, "-=+") == "" && *c.text != "" {
			continue
		}
		for _, a := range above {
			if a.start == c.start {
				g.open[i].text, g.open[i].above = a.text, true
			}
		}
		g.open[i].add(*c.text)
	}
}

// cells are the cells of a line: what stands between the bounds where it has bars, or, where they stand elsewhere,
// between its bars.
func (g *gridTable) cells(line []rune) []drawnCell {
	isBar := func(i int) bool { return i < len(line) && (line[i] == '|' || line[i] == '+') }
	var cells []drawnCell
	add := func(start, cols int, text string) {
		text = strings.TrimSpace(text)
		cells = append(cells, drawnCell{start: start, cols: cols, text: &text})
	}
	if len(g.bounds) == 0 || !isBar(g.bounds[0]) || !isBar(g.bounds[len(g.bounds)-1]) {
		text := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(line)), "|"), "|")
		for i, cell := range strings.Split(text, "|") {
			add(i, 1, cell)
		}
		return cells
	}
	from, cols := 0, 0
	for i, at := range g.bounds[1:] {
		if cols++; isBar(at) {
			add(g.bounds[from], cols, string(line[g.bounds[from]+1:at]))
			from, cols = i+1, 0
		}
	}
	return cells
}

// laidOut are the rows. Where only the frame and the names have lines around them, each line below the names is one.
func (g *gridTable) laidOut() [][]document.GridCell {
	rows := make([][]document.GridCell, len(g.rows))
	for i, row := range g.rows {
		for _, c := range row {
			rows[i] = append(rows[i], document.GridCell{Text: *c.text, Cols: c.cols, Above: c.above})
		}
	}
	if !g.isGrid && g.rules == 3 && len(g.lines) == 2 {
		return append(rows[:1], g.lines[1]...)
	}
	return rows
}

// queryTable takes a table as psql writes it: names, a line of ---+---, and rows.
func queryTable(r *lineScanner) bool {
	if !queryRule.MatchString(boxes.Replace(r.line(1))) || !strings.Contains(boxes.Replace(r.line(0)), "|") {
		return false
	}
	lines := r.drawn(r.count(func(line string) bool {
		line = boxes.Replace(line)
		return strings.Contains(line, "|") || queryRule.MatchString(line)
	}))
	if len(lines) < 3 {
		return false
	}
	columns := strings.Count(lines[1], "+") + 1
	var rows [][]document.GridCell
	n := 0
	for ; n < len(lines); n++ {
		if queryRule.MatchString(lines[n]) {
			continue
		}
		cells := strings.Split(strings.Trim(lines[n], " "), "|")
		if len(cells) > columns { // within a frame
			cells = strings.Split(strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(lines[n]), "|"), "|"), "|")
		}
		rows = append(rows, plainCells(cells))
	}
	return len(rows) > 1 && r.table(rows, 1, n)
}

// simpleTable takes a table of reStructuredText between lines of = that show its columns. A row without a first cell
// goes on with the one above.
func simpleTable(r *lineScanner) bool {
	if !simpleRule.MatchString(r.line(0)) {
		return false
	}
	starts := partsOf(r.line(0))
	var rows [][]document.GridCell
	headers, rules, n := 0, 1, 1
	for ; r.at+n < len(r.lines) && r.looked < maxLooked; n++ {
		r.looked++
		line := r.line(n)
		switch {
		case simpleRule.MatchString(line):
			if rules++; rules == 2 && !records.IsBlank(r.line(n+1)) {
				headers = len(rows)
			} else {
				return r.table(rows, headers, n+1)
			}
		case records.IsBlank(line):
		case crosses(line, starts):
			return false
		case spanRule.MatchString(line):
		default:
			rows = withRow(rows, cutAt(line, starts), len(rows) > 0 && (len(rows) != headers || rules == 1))
		}
	}
	return false
}

// withRow adds a row, or its cells to those of the row above if it has no first one.
func withRow(rows [][]document.GridCell, cells []string, goesOn bool) [][]document.GridCell {
	if !goesOn || strings.TrimSpace(cells[0]) != "" {
		return append(rows, plainCells(cells))
	}
	above := rows[len(rows)-1]
	for i := range cells {
		above[i].Text = strings.TrimSpace(above[i].Text + " " + strings.TrimSpace(cells[i]))
	}
	return rows
}

// barTable takes lines of | cell | cell |. A line of dashes stands below the names.
func barTable(r *lineScanner) bool {
	var rows [][]document.GridCell
	headers, n := -1, 0
	for ; r.looked < maxLooked; n++ {
		r.looked++
		line := strings.TrimSpace(r.line(n))
		if len(line) < 2 || line[0] != '|' || line[len(line)-1] != '|' {
			break
		}
		switch inner := strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"); {
		case barRule.MatchString(line):
			if headers < 0 && len(rows) > 0 {
				headers = len(rows)
			}
		case strings.HasPrefix(line, "||"):
			rows = append(rows, plainCells(strings.Split(strings.Trim(line, "| "), "||")))
			headers = max(headers, 1)
		default:
			rows = append(rows, plainCells(strings.Split(inner, "|")))
		}
	}
	uneven := slices.ContainsFunc(rows, func(row []document.GridCell) bool { return len(row) != len(rows[0]) })
	if len(rows) < 2 || len(rows[0]) < 2 || headers < 0 && uneven {
		return false
	}
	return r.table(rows, headers, n)
}
