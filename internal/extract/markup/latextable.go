package markup

import (
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// table reads the rows of a table. Those above the first rule below a row name the columns.
func (r *latexReader) table(body string, depth int) string {
	t := latexPart{headers: -1}
	for _, line := range latexRows(body) {
		before, _, caption := strings.Cut(line, `\caption`)
		if caption && strings.TrimSpace(latexColumns.ReplaceAllString(before, "")) == "" {
			t.text = r.captionOf(line, depth)
			continue
		}
		ruled := latexRule.MatchString(line) || strings.Contains(line, `\hline`) && len(t.rows) == 1
		if ruled && t.headers < 0 && len(t.rows) > 0 {
			t.headers = len(t.rows)
		}
		line = latexColumns.ReplaceAllString(line, "")
		if strings.TrimSpace(line) == "" {
			continue
		}
		var row []document.GridCell
		for _, cell := range splitLatex(line, "&") {
			row = append(row, r.cell(cell, depth))
		}
		t.rows = append(t.rows, row)
	}
	if len(t.rows) == 0 {
		return ""
	}
	covered(t.rows)
	return r.part(t)
}

func (r *latexReader) captionOf(line string, depth int) string {
	outer := r.caption
	r.inner(line, depth+1)
	caption := r.caption
	r.caption = outer
	return caption
}

// cell reads a cell, which may span others.
func (r *latexReader) cell(text string, depth int) document.GridCell {
	var cell document.GridCell
	for ; depth < maxLatexDepth; depth++ {
		m := latexMulti.FindStringSubmatch(text)
		if m == nil {
			break
		}
		n, _ := strconv.Atoi(m[2])
		if n = min(max(n, 1), document.MaxSpan); m[1] == "row" {
			cell.Rows = n
		} else {
			cell.Cols = n
		}
		outer, at := r.text, r.at
		r.text, r.at = text, len(m[0])
		r.option()
		r.argument() // how it is aligned, or how wide it is
		r.option()
		text = r.argument()
		r.text, r.at = outer, at
	}
	cell.Text = r.line(text, depth+1)
	return cell
}

// covered takes out the empty cells that stand where a cell above spans rows.
func covered(rows [][]document.GridCell) {
	spans := map[int]int{} // by column: how many rows are covered from here on
	for i, row := range rows {
		var kept []document.GridCell
		column := 0
		for _, c := range row {
			if spans[column] > 0 && c.Text == "" {
				spans[column]--
			} else {
				kept = append(kept, c)
				spans[column] = max(c.Rows-1, 0)
			}
			column += max(c.Cols, 1)
		}
		rows[i] = kept
	}
}

// latexRows are the rows of a table, each with the rules above it.
func latexRows(body string) []string {
	body = strings.ReplaceAll(body, `\tabularnewline`, `\\`)
	return splitLatex(body, `\\`)
}

// splitLatex splits a text at a separator that stands in no braces, in no environment, and is not escaped. What \\ has
// in brackets, a distance, goes with it.
func splitLatex(text, separator string) []string {
	var parts []string
	depth, from := 0, 0
	for i := 0; i < len(text); i++ {
		switch {
		case depth == 0 && strings.HasPrefix(text[i:], separator):
			parts = append(parts, text[from:i])
			i += len(separator) - 1
			from = i + 1
			if rest := text[from:]; separator == `\\` && strings.HasPrefix(rest, "[") {
				if end := strings.IndexByte(rest[:min(len(rest), 20)], ']'); end > 0 {
					from += end + 1
				}
			}
		case strings.HasPrefix(text[i:], `\begin{`):
			depth++
			i += len(`\begin`) - 1
		case strings.HasPrefix(text[i:], `\end{`):
			depth--
			i += len(`\end`) - 1
		case text[i] == '\\':
			i++
		case text[i] == '{':
			depth++
		case text[i] == '}':
			depth--
		}
	}
	return append(parts, text[from:])
}

// structure takes a heading or a table where its mark stands.
func (r *latexReader) structure(s *lineScanner) bool {
	if s.title == "" {
		s.title = r.title
	}
	number, marked := strings.CutPrefix(s.line(0), latexMark)
	n, err := strconv.Atoi(number)
	if !marked || err != nil || n >= len(r.parts) {
		return false
	}
	p := r.parts[n]
	if p.rows != nil {
		s.caption = p.text
		return s.table(p.rows, p.headers, 1)
	}
	s.lines[s.at] = p.text
	s.heading(p.level, p.text, 1)
	return true
}
