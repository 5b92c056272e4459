package extraction

import (
	"html"
	"path/filepath"
	"regexp"
	"strings"

	xhtml "golang.org/x/net/html"

	"github.com/ragpipeline/ragpipeline/internal/extract"
)

// reading is what a program made of a document, in one form for all programs.
type reading struct {
	text     string
	headings []mark
	tables   []grid
}

// mark is a heading: its level and text.
type mark struct {
	level int
	text  string
}

// grid is a table: the names of its columns, and its rows.
type grid struct {
	names []string
	rows  [][]string
}

// ownReading is what our reader made of a document.
func ownReading(name string, d *extract.Document) (r reading) {
	switch filepath.Ext(name) {
	case ".md", ".html", ".epub": // whose text is Markdown
		defer func() { r.text = withoutMarkup(r.text) }()
	}
	for _, page := range d.Pages {
		runes := []rune(page.Text)
		r.text += page.Text + "\n"
		for _, h := range page.Headings {
			r.headings = append(r.headings, mark{h.Level, h.Text})
		}
		for _, t := range page.Tables {
			g := grid{names: t.Columns}
			for i, start := range t.Rows {
				end := t.End
				if i+1 < len(t.Rows) {
					end = t.Rows[i+1]
				}
				row := strings.TrimSpace(string(runes[start:end]))
				if t.Fields {
					g.names, g.rows = nil, append(g.rows, strings.Split(row, "\n"))
				} else {
					g.rows = append(g.rows, cells(row))
				}
			}
			r.tables = append(r.tables, g)
		}
	}
	return r
}

var (
	comment   = regexp.MustCompile(`(?s)<!--.*?-->`)
	htmlTable = regexp.MustCompile(`(?s)<table.*?</table>`)
	image     = regexp.MustCompile(`!\[([^\]]*)\]\([^)]*\)`)
	link      = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	raised    = regexp.MustCompile(`<sup>(.*?)</sup>`)
	tag       = regexp.MustCompile(`</?[a-zA-Z][^>]*>`)
	fraction  = regexp.MustCompile(`\\frac\{(.*?)\}\{(.*?)\}`)
	escape    = regexp.MustCompile(`\\([!-/:-@\[-` + "`" + `{-~])`)
	rule      = regexp.MustCompile(`^\s*\|?[\s:|-]+\|?\s*$`)
	atx       = regexp.MustCompile(`^(#{1,6}) +(.*)$`)
)

// markdownReading is what a program made of a document that writes Markdown. What is markup is no text: the program
// is not blamed for it.
func markdownReading(s string) reading {
	var r reading
	s = htmlTable.ReplaceAllStringFunc(s, func(table string) string {
		g := htmlGrid(table)
		r.tables = append(r.tables, g)
		return tag.ReplaceAllString(raised.ReplaceAllString(table, "^$1"), " ")
	})
	r.text = withoutMarkup(s)
	var last *grid
	for line := range strings.SplitSeq(r.text, "\n") {
		if m := atx.FindStringSubmatch(line); m != nil {
			r.headings = append(r.headings, mark{len(m[1]), m[2]})
		}
		switch {
		case !strings.HasPrefix(strings.TrimSpace(line), "|"):
			last = nil
		case rule.MatchString(line) && strings.Contains(line, "-"):
		case last == nil:
			r.tables = append(r.tables, grid{names: cells(line)})
			last = &r.tables[len(r.tables)-1]
		default:
			last.rows = append(last.rows, cells(line))
		}
	}
	return r
}

// withoutMarkup is the text of Markdown. Rows of tables and signs of headings stay.
func withoutMarkup(s string) string {
	s = image.ReplaceAllString(comment.ReplaceAllString(s, ""), "$1")
	s = tag.ReplaceAllString(link.ReplaceAllString(raised.ReplaceAllString(s, "^$1"), "$1"), "")
	return html.UnescapeString(escape.ReplaceAllString(fraction.ReplaceAllString(s, "$1/$2"), "$1"))
}

// cells are the cells of a row with bars between them.
func cells(row string) []string {
	row = strings.TrimSpace(row)
	if strings.HasPrefix(row, "|") && strings.HasSuffix(row, "|") {
		row = strings.Trim(row, "|")
	}
	parts := strings.Split(row, "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// htmlGrid lays out a table of HTML, each merged cell in each of its places.
func htmlGrid(table string) grid {
	root, err := xhtml.Parse(strings.NewReader(table))
	if err != nil {
		return grid{}
	}
	var g grid
	places := map[[2]int]string{}
	var rows, header, width int
	for n := range root.Descendants() {
		switch n.Data {
		case "tr":
			rows++
		case "td", "th":
			column := 0
			for ; ; column++ {
				if _, taken := places[[2]int{rows, column}]; !taken {
					break
				}
			}
			if n.Data == "th" {
				header = rows
			}
			for y := range span(n, "rowspan") {
				for x := range span(n, "colspan") {
					places[[2]int{rows + y, column + x}] = textOf(n)
					width = max(width, column+x+1)
				}
			}
		}
	}
	g.names = make([]string, width)
	for y := 1; y <= rows; y++ {
		row := make([]string, width)
		for x := range width {
			row[x] = places[[2]int{y, x}]
			if y <= header {
				g.names[x] += " " + row[x]
			}
		}
		if y > header {
			g.rows = append(g.rows, row)
		}
	}
	return g
}

func span(n *xhtml.Node, name string) int {
	for _, a := range n.Attr {
		if a.Key == name && len(a.Val) == 1 {
			return int(a.Val[0] - '0')
		}
	}
	return 1
}

func textOf(n *xhtml.Node) string {
	var text strings.Builder
	for child := range n.Descendants() {
		if child.Type == xhtml.TextNode {
			if child.Parent.Data == "sup" {
				text.WriteString("^")
			}
			text.WriteString(child.Data)
		}
	}
	return text.String()
}
