package markup

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

// structureFinder takes the heading, the table or the block that begins at a scanner's line, if one does.
type structureFinder func(*lineScanner) bool

// lineScanner finds the structure of a text along its lines. What no finder takes stays as it is.
type lineScanner struct {
	lines   []string
	at      int
	out     *document.Flow
	kept    []string // lines that are not written yet
	caption string   // of the table that follows
	title   string
	levels  map[string]int // of headings, by how they are marked
	looked  int            // at lines ahead
	bars    bool           // tables are written as in Markdown, and stay lines
	hashes  bool           // headings have signs as in Markdown; of one level alone they are comments
	err     error
}

// maxLooked bounds how many lines a scanner looks at ahead of where it is. Beyond it, what is left is text.
const maxLooked = 50_000_000

// readLines reads a normalised text by finders.
func readLines(ctx context.Context, s document.Source, text string, finders []structureFinder) (*document.Document,
	error) {
	r := &lineScanner{
		lines: strings.Split(text, "\n"), out: &document.Flow{Context: ctx,
			Limit: document.NewLimit(s.Max)}, levels: map[string]int{},
		hashes: strings.Contains(text, "\n## "),
	}
	r.scan(finders)
	if r.err != nil {
		return nil, r.err
	}
	d, err := document.WithText(r.out.Single(r.title), config.Malformed, "the document holds no text")
	return d, err
}

func (r *lineScanner) scan(finders []structureFinder) {
	for r.at < len(r.lines) && r.err == nil {
		if !r.find(finders) {
			r.keep(1)
		}
	}
	r.flush()
}

func (r *lineScanner) find(finders []structureFinder) bool {
	if records.IsBlank(r.line(0)) {
		return false
	}
	for _, find := range finders {
		if find(r) {
			return true
		}
	}
	return false
}

// line is one of the next lines, or empty behind the last.
func (r *lineScanner) line(i int) string {
	if i += r.at; i >= 0 && i < len(r.lines) {
		return r.lines[i]
	}
	return ""
}

// keep leaves the next lines as they are.
func (r *lineScanner) keep(n int) {
	n = min(n, len(r.lines)-r.at)
	r.kept = append(r.kept, r.lines[r.at:r.at+n]...)
	r.at += n
}

// flush writes the lines that stay as they are, and reports whether a blank line is last.
func (r *lineScanner) flush() (gap bool) {
	if len(r.kept) == 0 {
		return false
	}
	begins, ends := r.kept[0] == "", r.kept[len(r.kept)-1] == ""
	r.write(begins, strings.Trim(strings.Join(r.kept, "\n"), "\n"))
	r.kept = r.kept[:0]
	return ends
}

func (r *lineScanner) write(gap bool, text string) {
	separator := "\n"
	if gap || len(r.out.Tables) > 0 && r.out.Tables[len(r.out.Tables)-1].End == r.out.Runes {
		separator = "\n\n"
	}
	if err := r.out.Write(separator, text); err != nil && r.err == nil {
		r.err = err
	}
}

// heading takes the next lines as a heading.
func (r *lineScanner) heading(level int, text string, lines int) {
	gap := r.flush()
	written := strings.Join(r.lines[r.at:r.at+lines], "\n")
	r.write(gap, written)
	if text = plain.OneLine(text); text != "" && r.err == nil {
		at := r.out.Runes - utf8.RuneCountInString(written)
		r.out.Headings = append(r.out.Headings, document.Heading{Offset: at, Level: min(level, 6), Text: text})
	}
	r.at += lines
	if r.line(0) == "" {
		r.keep(1)
	}
}

// levelOf is the level of a heading by its mark, where the order in which marks come decides.
func (r *lineScanner) levelOf(mark string) int {
	if r.levels[mark] == 0 {
		r.levels[mark] = len(r.levels) + 1
	}
	return r.levels[mark]
}

// table takes the next lines as a table: rows, of which the first so many name the columns; below 0 the rows themselves
// tell.
func (r *lineScanner) table(rows [][]document.GridCell, headers, lines int) bool {
	r.flush()
	t := document.NewBlockTable(r.out.Limit)
	for i, row := range rows {
		cells := make([]document.BlockCell, len(row))
		for j, c := range row {
			cells[j] = document.BlockCell{Blocks: []document.Block{{Text: c.Text}}, Cols: c.Cols, Rows: c.Rows, Above: c.Above}
		}
		if r.err = t.AddRow(cells, i < headers); r.err != nil {
			break
		}
	}
	switch {
	case r.err != nil || len(t.Rows) == 0:
	case r.bars:
		table := markdownRows("", document.ColumnNames(t.Rows[:t.Headers]), t.Rows[t.Headers:])
		r.kept = append(r.kept, "", table, "")
	default:
		r.err = t.Write(r.out, r.caption)
	}
	r.caption = ""
	r.at += lines
	return true
}

// plainCells are cells that span nothing.
func plainCells(texts []string) []document.GridCell {
	cells := make([]document.GridCell, len(texts))
	for i, text := range texts {
		cells[i].Text = strings.TrimSpace(text)
	}
	return cells
}

// block is how many lines there are from the next one on that are not blank.
func (r *lineScanner) block() int {
	return r.count(func(line string) bool { return !records.IsBlank(line) })
}

// count is how many of the next lines are as is says.
func (r *lineScanner) count(is func(string) bool) int {
	n := 0
	for r.at+n < len(r.lines) && r.looked < maxLooked && is(r.line(n)) {
		n++
		r.looked++
	}
	return n
}

// withBars is Markdown whose tables are drawn or aligned, as pandoc reads them, with bars between the cells.
func withBars(ctx context.Context, s document.Source, md string) string {
	if int64(len(md)) > s.Max || !strings.Contains(md, "+--") && !strings.Contains(md, "-- --") &&
		!strings.Contains(md, "--  --") && !strings.Contains(md, "--   --") {
		return md
	}
	r := &lineScanner{
		lines: strings.Split(md, "\n"), out: &document.Flow{Context: ctx, Limit: document.NewLimit(2 * s.Max)}, bars: true,
	}
	r.scan([]structureFinder{fence, framedTable, dashedTable})
	if r.err != nil {
		return md
	}
	return r.out.Text.String()
}

// fence takes a block of code in Markdown.
func fence(r *lineScanner) bool {
	line := strings.TrimSpace(r.line(0))
	for _, mark := range []string{"```", "~~~"} {
		if strings.HasPrefix(line, mark) {
			return r.keepTo(mark)
		}
	}
	return false
}
