package markup

import (
	"slices"
	"strconv"
	"strings"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

// writtenTable is the element that a table becomes once it is written as Markdown, into its attribute text.
const writtenTable = "ragpipeline-table"

// maxLayoutCell is how many bytes the cells of a table that lays a page out have at least, on average.
const maxLayoutCell = 400

func renderWritten(_ converter.Context, w converter.Writer, n *html.Node) converter.RenderStatus {
	_, _ = w.WriteString("\n\n" + attributeOf(n, "text") + "\n\n")
	return converter.RenderSuccess
}

// rewriteTables writes the tables below n as Markdown, the innermost first. A table that lays a page out becomes the
// blocks that are in it.
func (p *htmlPage) rewriteTables(n *html.Node) error {
	for child := n.FirstChild; child != nil; {
		next := child.NextSibling
		if err := p.rewriteTables(child); err != nil {
			return err
		}
		if child.Type == html.ElementNode && child.DataAtom == atom.Table {
			if err := p.rewriteTable(child); err != nil {
				return err
			}
		}
		child = next
	}
	return nil
}

func (p *htmlPage) rewriteTable(n *html.Node) error {
	rows, caption := tableRows(n)
	if isLayout(rows) {
		unwrapTable(n)
		return nil
	}
	if title := titleRow(rows); title != "" && caption == "" {
		caption, rows = title, rows[1:]
	}
	header, body, err := p.layOut(rows)
	if err != nil {
		return err
	}
	for c := n.FirstChild; c != nil; c = n.FirstChild {
		n.RemoveChild(c)
	}
	n.Data, n.DataAtom = writtenTable, 0
	setAttribute(n, "text", markdownRows(caption, document.ColumnNames(header), body))
	return nil
}

// titleRow is the text of a first row that is one cell over all columns.
func titleRow(rows []tableRow) string {
	if len(rows) < 3 || len(rows[0].cells) != 1 || len(rows[1].cells) < 2 {
		return ""
	}
	if title := cellText(rows[0].cells[0]); len(title) <= document.MaxCaption {
		return title
	}
	return ""
}

// layOut gives the cells of rows their columns, and tells the rows that name them from the others.
func (p *htmlPage) layOut(rows []tableRow) (header, body [][]string, err error) {
	g := &document.Grid{Limit: p.limit}
	left := rowsLeft(rows)
	for i, row := range rows {
		cells := make([]document.GridCell, 0, len(row.cells))
		for _, cell := range row.cells {
			c := document.GridCell{Text: cellText(cell), Cols: spanned(cell, "colspan"),
				Rows: min(spanned(cell, "rowspan"), left[i])}
			if strings.TrimSpace(attributeOf(cell, "rowspan")) == "0" {
				c.Rows = left[i]
			}
			cells = append(cells, c)
		}
		texts, err := g.Row(cells)
		if err != nil {
			return nil, nil, err
		}
		if err := p.limit.TakeCells(len(texts)); err != nil {
			return nil, nil, err
		}
		switch {
		case len(body) == 0 && row.header:
			header = append(header, texts)
		case len(header) == 1 && slices.Equal(texts, header[0]): // the names again, as on the next page
		default:
			body = append(body, texts)
		}
	}
	for len(body) > 0 && document.AllEmpty(body[0]) {
		body, rows = body[1:], rows[1:]
	}
	if len(header) == 0 && len(body) > 1 && len(body[0]) > 1 && !rows[0].named && records.IsCSVHeader(body[0], body[1:]) {
		header, body = body[:1], body[1:]
	}
	return header, body, nil
}

// rowsLeft are how many rows of its group each row begins: no cell goes on beyond its group.
func rowsLeft(rows []tableRow) []int {
	left := make([]int, len(rows))
	for i := len(rows) - 1; i >= 0; i-- {
		if left[i] = 1; i+1 < len(rows) && rows[i].group == rows[i+1].group {
			left[i] += left[i+1]
		}
	}
	return left
}

// markdownRows is a table as Markdown, its caption on the line above.
func markdownRows(caption string, names []string, rows [][]string) string {
	var b strings.Builder
	if caption != "" {
		b.WriteString(caption + "\n")
	}
	write := func(row []string) {
		if cells := document.CellsInBars(row); !document.AllEmpty(cells) {
			b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		}
	}
	if len(names) > 0 {
		write(names)
		b.WriteString(strings.Repeat("|---", len(names)) + "|\n")
	}
	for _, row := range rows {
		write(row)
	}
	return strings.TrimRight(b.String(), "\n")
}

// tableRow is a row of a table.
type tableRow struct {
	cells  []*html.Node
	group  int  // counts the table's head, bodies and foot
	header bool // it names the columns
	named  bool // its first cell names the row
}

// tableRows are the table's rows, those at its head first, and its caption.
func tableRows(table *html.Node) (rows []tableRow, caption string) {
	group := 0
	var feet []*html.Node // which stand below all rows, wherever they are
	var visit func(n *html.Node, head bool)
	visit = func(n *html.Node, head bool) {
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			switch c.DataAtom {
			case atom.Caption:
				caption = plain.OneLine(textOf(c))
			case atom.Tfoot:
				feet = append(feet, c)
			case atom.Thead, atom.Tbody:
				group++
				visit(c, c.DataAtom == atom.Thead)
			case atom.Tr:
				row := readRow(c, head)
				row.group = group
				rows = append(rows, row)
			case atom.Div, atom.Span: // between the parts of what is a table by its role
				visit(c, head)
			}
		}
	}
	visit(table, false)
	for _, foot := range feet {
		group++
		visit(foot, false)
	}
	return rows, caption
}

func readRow(tr *html.Node, head bool) tableRow {
	row := tableRow{header: true}
	for c := tr.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom == atom.Td || c.DataAtom == atom.Th {
			row.cells = append(row.cells, c)
			row.header = row.header && c.DataAtom == atom.Th && attributeOf(c, "scope") != "row"
		}
	}
	row.header = head || row.header && len(row.cells) > 1
	row.named = !row.header && len(row.cells) > 0 && row.cells[0].DataAtom == atom.Th
	return row
}

// isLayout reports whether a table lays a page out: its cells hold headings, unless a row names the columns, or other
// tables, or long texts. What the page says of it does not count.
func isLayout(rows []tableRow) bool {
	named := slices.ContainsFunc(rows, func(r tableRow) bool { return r.header && len(r.cells) > 1 })
	cells, size := 0, 0
	for _, row := range rows {
		for _, cell := range row.cells {
			cells++
			for n := range cell.Descendants() {
				if (isHeading(n) || isCode(n)) && !named ||
					n.Data == writtenTable && (len(rows) == 1 || strings.Count(attributeOf(n, "text"), "\n") > 4) {
					return true
				}
				if n.Type == html.TextNode {
					size += len(strings.TrimSpace(n.Data))
				}
			}
		}
	}
	return cells <= 1 || size > maxLayoutCell*cells
}

// isCode reports whether an element holds code of several lines.
func isCode(n *html.Node) bool {
	return n.DataAtom == atom.Pre && strings.Contains(strings.Trim(textOf(n), "\n"), "\n")
}

// unwrapTable makes a table and what it is made of plain blocks.
func unwrapTable(n *html.Node) {
	rename(n, atom.Div)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch c.DataAtom {
		case atom.Thead, atom.Tbody, atom.Tfoot, atom.Tr, atom.Td, atom.Th, atom.Caption, atom.Colgroup, atom.Col:
			unwrapTable(c)
		}
	}
}

func spanned(n *html.Node, name string) int {
	s, err := strconv.Atoi(strings.TrimSpace(attributeOf(n, name)))
	if err != nil || s < 1 {
		return 1
	}
	return s
}

// cellText is a cell on one line: lines and paragraphs one after the other, items and rows of tables within it apart.
func cellText(cell *html.Node) string {
	var b strings.Builder
	var write func(n *html.Node)
	write = func(n *html.Node) {
		switch {
		case n.Type == html.TextNode:
			b.WriteString(n.Data)
			return
		case n.Data == writtenTable:
			inline := strings.NewReplacer("\n|---", "", "|---", "", "|\n", "; ", "\n", "; ", "| ", " ", " |", " ")
			b.WriteString(" " + inline.Replace(attributeOf(n, "text")) + " ")
			return
		case n.DataAtom == atom.Ol:
			writeNumbers(n, "")
		case n.DataAtom == atom.Img:
			b.WriteString(" " + attributeOf(n, "alt") + " ")
		case n.DataAtom == atom.Li && hasText(&b):
			b.WriteString("; ")
		case n.DataAtom == atom.Br || isTextBlock(n):
			b.WriteByte(' ')
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			write(c)
		}
		if isTextBlock(n) {
			b.WriteByte(' ')
		}
		href := attributeOf(n, "href")
		if n.DataAtom == atom.A && strings.HasPrefix(href, "http") && !strings.Contains(textOf(n), href) {
			b.WriteString(" (" + href + ")")
		}
	}
	for c := cell.FirstChild; c != nil; c = c.NextSibling {
		write(c)
	}
	return plain.Fold(strings.ReplaceAll(plain.Fold(b.String()), " ; ", "; "))
}

func hasText(b *strings.Builder) bool { return strings.TrimSpace(b.String()) != "" }

func isTextBlock(n *html.Node) bool {
	switch n.DataAtom {
	case atom.P, atom.Div, atom.Ul, atom.Ol, atom.Pre, atom.Blockquote, atom.Section, atom.Dl, atom.Dt, atom.Dd, atom.Hr,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Figure, atom.Figcaption, atom.Details, atom.Summary:
		return true
	}
	return false
}
