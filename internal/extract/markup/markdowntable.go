package markup

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// markdownTable finds the table in a paragraph: a row of names, a rule of as many parts, and rows. Lines above are the
// caption if they are short, and so is a paragraph above that says that it is one.
func markdownTable(p ast.Node, text string, at *runeCounter) (t document.Table, ok bool) {
	lines := make([]string, p.Lines().Len())
	starts := make([]int, len(lines))
	for i := range lines {
		line := p.Lines().At(i)
		starts[i] = lineStart(text, line.Start)
		lines[i] = strings.TrimSpace(text[line.Start:line.Stop])
	}
	rule := 1
	for ; rule < len(lines)-1; rule++ {
		if document.TableRule.MatchString(lines[rule]) && strings.Contains(lines[rule-1], "|") &&
			len(barCells(lines[rule])) == len(barCells(lines[rule-1])) {
			break
		}
	}
	if rule >= len(lines)-1 || starts[0] < at.bytes {
		return t, false
	}
	start := starts[rule-1]
	if caption := strings.Join(lines[:rule-1], "\n"); caption != "" && len(caption) <= document.MaxCaption {
		t.Caption, start = caption, starts[0]
	} else if above, ok := p.PreviousSibling().(*ast.Paragraph); ok && caption == "" {
		first := lineStart(text, above.Lines().At(0).Start)
		caption = strings.TrimSpace(text[first:start])
		if first >= at.bytes && len(caption) <= document.MaxCaption && document.TableCaption.MatchString(caption) &&
			!isBelowTable(above, text) {
			t.Caption, start = caption, first
		}
	}
	t.Start = at.offset(start)
	t.Header = strings.TrimRight(text[starts[rule-1]:starts[rule+1]], "\n")
	for _, name := range barCells(lines[rule-1]) {
		t.Columns = append(t.Columns, InlineText(name))
	}
	for _, row := range starts[rule+1:] {
		t.Rows = append(t.Rows, at.offset(row))
	}
	t.End = at.offset(p.Lines().At(len(lines) - 1).Stop)
	return t, true
}

// captionBelow is how a caption begins in the dialect of pandoc, where it may stand below its table.
var captionBelow = regexp.MustCompile(`^(?:[Tt]able)?:\s`)

// isBelowTable reports whether a caption belongs to the table above it.
func isBelowTable(caption *ast.Paragraph, text string) bool {
	table, ok := caption.PreviousSibling().(*ast.Paragraph)
	if !ok || !captionBelow.MatchString(text[caption.Lines().At(0).Start:]) {
		return false
	}
	lines := table.Lines()
	for i := range lines.Len() {
		line := lines.At(i)
		if document.TableRule.MatchString(strings.TrimSpace(text[line.Start:line.Stop])) {
			return true
		}
	}
	return false
}

// htmlBlocks parses the Markdown of a page, in which nothing is HTML.
var htmlBlocks = parser.NewParser(parser.WithBlockParsers(slices.DeleteFunc(parser.DefaultBlockParsers(),
	func(p util.PrioritizedValue) bool { return p.Value == parser.NewHTMLBlockParser() })...))

// htmlStructure finds the headings and tables of a page's Markdown.
func htmlStructure(page *document.Page) {
	structureOf(page, htmlBlocks, func(p ast.Node, text string, at *runeCounter) (document.Table, bool) {
		if t, ok := markdownTable(p, text, at); ok {
			return t, true
		}
		return namelessTable(p, text, at)
	})
}

// namelessTable finds rows without names of columns in a paragraph, as markdownRows writes them.
func namelessTable(p ast.Node, text string, at *runeCounter) (t document.Table, ok bool) {
	var starts []int
	for i := range p.Lines().Len() {
		line := p.Lines().At(i)
		start := lineStart(text, line.Start)
		switch row := strings.TrimSpace(text[line.Start:line.Stop]); {
		case start < at.bytes:
			return t, false
		case len(row) > 1 && strings.HasPrefix(row, "|") && strings.HasSuffix(row, "|"):
			starts = append(starts, start)
		case i == 0 && len(row) <= document.MaxCaption:
			t.Caption, t.Start = row, start
		default:
			return t, false
		}
	}
	if len(starts) == 0 {
		return t, false
	}
	first := starts[0]
	if t.Caption != "" {
		first = t.Start
	}
	t.Start = at.offset(first)
	for _, row := range starts {
		t.Rows = append(t.Rows, at.offset(row))
	}
	t.End = at.offset(p.Lines().At(p.Lines().Len() - 1).Stop)
	return t, true
}

// barCells are the cells of a line in Markdown: what stands between bars that are not escaped.
func barCells(line string) []string {
	line = strings.TrimPrefix(line, "|")
	var cells []string
	from := 0
	for i := range len(line) {
		if line[i] == '|' && (i == 0 || line[i-1] != '\\') {
			cells = append(cells, strings.TrimSpace(line[from:i]))
			from = i + 1
		}
	}
	if rest := strings.TrimSpace(line[from:]); rest != "" {
		cells = append(cells, rest)
	}
	return cells
}

// withoutHTMLTables is Markdown whose tables in HTML are written as its own, so that their columns have names. A table
// that cannot be read stays as it is.
func withoutHTMLTables(ctx context.Context, s document.Source, md string, warnings config.Warnings) (string,
	config.Warnings) {
	if !strings.Contains(md, "<table") || deeplyNested(md) || int64(len(md)) > s.Max {
		return md, warnings
	}
	var b strings.Builder
	from := 0
	for n := blocks.Parse(text.NewReader([]byte(md))).FirstChild(); n != nil; n = n.NextSibling() {
		if n.Kind() != ast.KindHTMLBlock || n.Lines().Len() == 0 {
			continue
		}
		start, end := n.Lines().At(0).Start, n.Lines().At(n.Lines().Len()-1).Stop
		table := strings.TrimSpace(md[start:end])
		if start < from || !strings.HasPrefix(table, "<table") || !strings.HasSuffix(table, "</table>") {
			continue
		}
		d, err := ReadHTMLText(ctx, s, table)
		if err != nil {
			continue
		}
		b.WriteString(md[from:start] + d.Pages[0].Text + "\n\n")
		warnings.Merge(d.Warnings)
		from = end
	}
	return b.String() + md[from:], warnings
}
