package split

import (
	"slices"
	"strings"
)

// Table is the place of a table in a text. A chunk boundary falls between its rows, and each chunk of it names its
// columns. All places are in code points of the text.
type Table struct {
	// Start is where the caption or the header begins, End where the last row ends.
	Start, End int
	// Caption and Header, the row or rows that name the columns, stand in front of each chunk that does not begin
	// with them in the text. Either may be empty.
	Caption, Header string
	// Columns are the columns' names. A row that is too long for a chunk is cut between its cells, and each part has
	// the names of its own.
	Columns []string
	// Rows are where the rows begin, in ascending order.
	Rows []int
	// Fields reports whether a row is lines of "column: value". In other tables a row is one line, with bars between
	// its cells.
	Fields bool
}

// slack is how many tokens a chunk of a table stays below the size, as the parts that it is counted by are encoded
// apart.
const slack = 4

// table cuts a table that is too large for one chunk.
type table struct {
	*run
	Table
	start, end place
	room       int    // for the rows of a chunk, in the splitter's unit
	lead       string // what stands in front of the rows of a chunk; empty where there is nothing, or too much
}

// table makes the table at start one piece among the others if it fits a chunk, and else chunks of its own.
func (r *run) table(t Table, start, end place) {
	whole := r.text[start.bytes:end.bytes]
	lead := joined(t.Caption, t.Header)
	hasLead := lead == "" || start.runes < t.Rows[0] // it stands in the text
	if p := (piece{start: start, length: r.length(whole, end.runes-start.runes)}); hasLead && p.length < r.size {
		if t.Caption != "" && r.window.length > r.size/3 {
			r.flush() // so much text before it is about something else
		}
		r.merge(p, end)
		r.divide(t, lead, end)
		return
	}
	r.flush()
	c := &table{run: r, Table: t, start: start, end: end, room: r.size}
	if r.tokens != nil {
		c.room = max(r.size-slack, 1)
	}
	if n := r.measure(lead); n <= c.room/2 {
		c.lead, c.room = lead, c.room-n
	}
	c.cut()
}

// divide makes a piece of its own of a table's last rows, if they may be the overlap that the next chunk begins with.
func (r *run) divide(t Table, lead string, end place) {
	extra, last := r.measure(lead), len(r.window.pieces)-1
	whole, from, tail := &r.window.pieces[last], end, 0
	for i := len(t.Rows) - 1; i > 0; i-- {
		row := r.advance(whole.start, t.Rows[i])
		n := r.length(r.text[row.bytes:end.bytes], end.runes-row.runes)
		if extra+n > r.overlap {
			break
		}
		from, tail = row, n
	}
	if tail > 0 && tail < whole.length {
		whole.length -= tail
		r.window.pieces = append(r.window.pieces, piece{start: from, length: tail, lead: lead, extra: extra})
	}
}

// measure is a text's length in the splitter's unit.
func (r *run) measure(text string) int { return r.length(text, codePoints(text)) }

// cut groups as many rows as fit. The first group begins with the caption and the header where they stand.
func (c *table) cut() {
	head := c.advance(c.start, c.Rows[0])
	from, lead := c.start, ""
	length := c.length(c.text[from.bytes:head.bytes], head.runes-from.runes) - c.measure(c.lead)
	if head == c.start {
		lead, length = c.lead, 0 // the caption and the header are on the page before
	} else if c.lead == "" || length > c.room/2 {
		c.pieces(from, c.text[from.bytes:head.bytes], 0)
		c.flush()
		from, lead, length = head, c.lead, 0
	}
	for row, i := head, 0; i < len(c.Rows) && !c.ended(); i++ {
		next := c.end
		if i+1 < len(c.Rows) {
			next = c.advance(row, c.Rows[i+1])
		}
		n := c.length(c.text[row.bytes:next.bytes], next.runes-row.runes)
		if length+n > c.room && from != row {
			c.emit(lead, from, row)
			from, lead, length = row, c.lead, 0
		}
		if length += n; n > c.room || c.nameless() {
			c.cutRow(row, next)
			from, lead, length = next, c.lead, 0
		}
		row = next
	}
	if from != c.end {
		c.rest(lead, from)
	}
}

// rest leaves the last rows to be merged with the text that follows, so that no few rows, and no few words below a
// table, are a chunk of their own.
func (c *table) rest(lead string, from place) {
	length := c.measure(lead) + c.length(c.text[from.bytes:c.end.bytes], c.end.runes-from.runes)
	if length >= c.size {
		c.emit(lead, from, c.end)
		return
	}
	c.window.lead = lead
	c.window.add(piece{start: from, length: length}, c.end)
}

// nameless reports whether the header was too long to stand in front of the rows, so that each is cut for itself.
func (c *table) nameless() bool { return c.lead == "" && len(c.Columns) > 0 && !c.Fields }

// emit makes a chunk of a range of the text behind a lead.
func (c *table) emit(lead string, from, to place) {
	if from, to = strip(c.text, from, to); from == to {
		return
	}
	chunk := Chunk{Text: lead + c.text[from.bytes:to.bytes], Start: from.runes, End: to.runes}
	if c.tooLarge(chunk) {
		middle := from.plus(half(c.text[from.bytes:to.bytes]))
		c.emit(lead, from, middle)
		c.emit(lead, middle, to)
		return
	}
	c.chunks = append(c.chunks, chunk)
}

// cell is the place of a cell, and the name of its column.
type cell struct {
	name     string
	from, to place
}

// cutRow cuts a row that is too long for one chunk: between its cells, and a cell that is too long by itself like
// any text. Each part names its columns, and all but the first repeat the row's first cell if it is short.
func (c *table) cutRow(from, to place) {
	from, to = strip(c.text, from, to)
	if from == to {
		return
	}
	cells := c.cells(from, to)
	for i := 0; i < len(cells) && !c.ended(); {
		if cells[i].from == cells[i].to {
			i++
			continue
		}
		lead, _ := c.leadOf(cells, i, i+1)
		if !c.fits(lead, cells[i].from, cells[i].to) {
			c.cutCell(cells[i], lead)
			i++
			continue
		}
		n := c.fitting(cells, i)
		if n > i+1 {
			lead, _ = c.leadOf(cells, i, n)
		}
		c.emit(lead, cells[i].from, cells[n-1].to)
		i = n
	}
}

// fitting returns the end of the cells from i on that fit one chunk together, the first of which fits. Each is measured
// by itself, and all of them together only when little room seems to be left: parts apart have about as many tokens as
// together, or more. A row of very many cells would else be measured from i on for each of them.
func (c *table) fitting(cells []cell, i int) int {
	free := 0
	for n := i + 1; n < len(cells); n++ {
		free -= c.measure(" | "+cells[n].name) + c.measure(c.text[cells[n-1].to.bytes:cells[n].to.bytes])
		if free >= slack {
			continue
		}
		lead, named := c.leadOf(cells, i, n+1)
		if free = c.free(lead, cells[i].from, cells[n].to); !named || free < 0 {
			return n
		}
		free = min(free, c.size*2/3-c.measure(lead)) // leadOf leaves nothing else out within this
	}
	return len(cells)
}

func (c *table) fits(lead string, from, to place) bool { return c.free(lead, from, to) >= 0 }

// free is the room that a chunk of the lead and a range of the text leaves; below 0 it does not fit.
func (c *table) free(lead string, from, to place) int {
	room := c.size
	if c.tokens != nil {
		room -= slack
	}
	return room - c.measure(lead) - c.length(c.text[from.bytes:to.bytes], to.runes-from.runes)
}

// leadOf is what stands in front of the cells i to n of a row: the caption, the names of their columns, and the
// row's first cell. Of what would take more than two thirds of a chunk the caption and the first cell are left out, or
// the names too.
func (c *table) leadOf(cells []cell, i, n int) (lead string, named bool) {
	first, names := c.text[cells[0].from.bytes:cells[0].to.bytes], c.names(cells[i:n])
	var label, labelled string
	switch {
	case i == 0 || first == "" || c.measure(first) > c.size/4:
		labelled = names
	case c.Fields:
		labelled = first
	default:
		labelled, label = names, first+" | "
		if names != "" && cells[0].name != "" {
			labelled = cells[0].name + " | " + names
		}
	}
	for _, lead := range []string{joined(c.Caption, labelled) + label, joined(labelled) + label, joined(names)} {
		if c.measure(lead) <= c.size*2/3 {
			return lead, true
		}
	}
	return "", false
}

// names are the names of the cells' columns, as a header row has them. Fields have theirs in the text.
func (c *table) names(cells []cell) string {
	if c.Fields || len(c.Columns) == 0 {
		return ""
	}
	names := make([]string, len(cells))
	for i, cell := range cells {
		names[i] = cell.name
	}
	return strings.Join(names, " | ")
}

// cutCell cuts a cell as text is cut. The text of a field begins with its name, which the later parts repeat.
func (c *table) cutCell(cell cell, lead string) {
	again := lead
	if name := lead + cell.name + ": "; c.Fields && c.measure(name) <= 3*c.size/4 {
		again = name
	}
	part := *c.Splitter
	part.size = c.size - c.measure(again)
	if c.tokens != nil {
		part.size -= slack
	}
	part.size = max(part.size, 1)
	part.overlap = min(c.overlap, part.size/4)
	inner, err := part.SplitWithin(c.ctx, c.most-len(c.chunks), c.text[cell.from.bytes:cell.to.bytes])
	if err != nil {
		c.most = -1 // whichever of the two bounds ended it ends the rest
		return
	}
	for _, chunk := range inner {
		c.chunks = append(c.chunks, Chunk{
			Text: lead + chunk.Text, Start: cell.from.runes + chunk.Start, End: cell.from.runes + chunk.End,
		})
		lead = again
	}
}

// cells are the cells of a row: its lines, or what stands between its bars.
func (c *table) cells(from, to place) []cell {
	row := c.text[from.bytes:to.bytes]
	var cells []cell
	at := from
	add := func(name string, start, end int) {
		f := at.plus(from.bytes+start-at.bytes, codePoints(c.text[at.bytes:from.bytes+start]))
		at = f.plus(end-start, codePoints(row[start:end]))
		f, t := strip(c.text, f, at)
		cells = append(cells, cell{name, f, t})
	}
	if c.Fields {
		start := 0
		for line := range strings.Lines(row) {
			name, _, _ := strings.Cut(line, ": ")
			add(name, start, start+len(line))
			start += len(line)
		}
		return cells
	}
	start, bars := c.bars(row)
	for i, end := range append(bars, len(strings.TrimSuffix(row, "|"))) {
		name := ""
		if i < len(c.Columns) {
			name = c.Columns[i]
		}
		add(name, start, max(start, end))
		start = end + 1
	}
	return cells
}

// bars are the bars between the cells of a row, and where its first cell begins. Spaces stand on either side of a
// bar, unless only bars without them give as many cells as there are columns.
func (c *table) bars(row string) (start int, bars []int) {
	all := unescapedBars(row)
	bars = spacedBars(row, all)
	if row[0] == '|' {
		start = 1
	}
	switch n := len(c.Columns); {
	case start == 1 && len(bars)+2 == n: // the first cell is empty
		return 0, append([]int{0}, bars...)
	case len(bars)+1 != n && len(all)+1 == n, len(bars) == 0:
		return start, all
	}
	return start, bars
}

// unescapedBars are the bars that no backslash precedes. Those at the ends of a row belong to its style.
func unescapedBars(row string) []int {
	var bars []int
	for i := 1; i < len(row)-1; i++ {
		if row[i] == '|' && row[i-1] != '\\' {
			bars = append(bars, i)
		}
	}
	return bars
}

// spacedBars are those of the bars that have a space on either side.
func spacedBars(row string, bars []int) []int {
	return slices.DeleteFunc(slices.Clone(bars), func(i int) bool { return row[i-1] != ' ' || row[i+1] != ' ' })
}

// joined puts each text that is not empty on lines of its own.
func joined(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		if text != "" {
			b.WriteString(text + "\n")
		}
	}
	return b.String()
}

// advance is the place of the n-th code point of the text, which does not come before from.
func (r *run) advance(from place, n int) place {
	for from.runes < n && from.bytes < len(r.text) {
		from = from.plus(firstCodePoint(r.text[from.bytes:]), 1)
	}
	return from
}
