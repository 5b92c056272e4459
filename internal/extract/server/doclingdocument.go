package server

import (
	"cmp"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
)

// doclingDocument is what of a DoclingDocument is read. Items refer to each other as "#/texts/3".
type doclingDocument struct {
	Schema   string        `json:"schema_name"`
	Body     doclingItem   `json:"body"`
	Groups   []doclingItem `json:"groups"`
	Texts    []doclingItem `json:"texts"`
	Pictures []doclingItem `json:"pictures"`
	Tables   []doclingItem `json:"tables"`
	KeyValue []doclingItem `json:"key_value_items"`
	Forms    []doclingItem `json:"form_items"`
	Pages    map[string]struct {
		Number int `json:"page_no"`
	} `json:"pages"`
}

type doclingRef struct {
	Ref string `json:"$ref"`
}

// doclingItem is a text, table, picture or group.
type doclingItem struct {
	Label  string `json:"label"`
	Layer  string `json:"content_layer"`
	Text   string `json:"text"`
	Level  int    `json:"level"`
	Marker string `json:"marker"`
	// Enumerated reports whether Marker is a number.
	Enumerated bool         `json:"enumerated"`
	Children   []doclingRef `json:"children"`
	Captions   []doclingRef `json:"captions"`
	Prov       []struct {
		Page int `json:"page_no"`
	} `json:"prov"`
	Data struct {
		Cells []doclingCell `json:"table_cells"`
	} `json:"data"`
}

type doclingCell struct {
	Text    string `json:"text"`
	Row     int    `json:"start_row_offset_idx"`
	Column  int    `json:"start_col_offset_idx"`
	RowSpan int    `json:"row_span"`
	ColSpan int    `json:"col_span"`
	Header  bool   `json:"column_header"`
}

// doclingWriter writes a document's items as HTML, in their order, each to its page.
type doclingWriter struct {
	document *doclingDocument
	title    string
	// seen are the references of items that are written. Captions are written with their tables.
	seen, captions map[string]bool
	pages          map[int]*strings.Builder // by number
	page           int                      // the number of the current one
	inList         bool
}

// reading is the document as pages of HTML.
func (d *doclingDocument) reading() *reading {
	w := doclingWriter{document: d, seen: map[string]bool{}, captions: map[string]bool{},
		pages: map[int]*strings.Builder{}}
	if len(d.Pages) > 0 {
		w.page = 1 // for items that do not tell theirs
	}
	for _, t := range d.Tables {
		for _, ref := range t.Captions {
			w.captions[ref.Ref] = true
		}
	}
	w.children(d.Body, 0)
	w.closeList()
	r := &reading{title: w.title}
	for number, markup := range w.pages {
		r.pages = append(r.pages, page{number, markup.String()})
	}
	slices.SortFunc(r.pages, func(a, b page) int { return cmp.Compare(a.number, b.number) })
	return r
}

// maxDepth bounds how deep items may hold each other.
const maxDepth = 100

func (w *doclingWriter) children(item doclingItem, depth int) {
	for _, ref := range item.Children {
		if !w.captions[ref.Ref] {
			w.item(ref.Ref, depth+1)
		}
	}
}

func (w *doclingWriter) item(ref string, depth int) {
	item, ok := w.find(ref)
	if !ok || w.seen[ref] || depth > maxDepth || item.Layer == "furniture" || item.Layer == "background" {
		return
	}
	w.seen[ref] = true
	if len(item.Prov) > 0 && len(w.document.Pages) > 0 && item.Prov[0].Page != w.page {
		w.closeList()
		w.page = item.Prov[0].Page
	}
	if item.Label != "list_item" && item.Label != "list" {
		w.closeList()
	}
	w.element(item, html.EscapeString(w.text(item)))
	w.children(item, depth)
}

// element writes the item without what it holds.
func (w *doclingWriter) element(item doclingItem, text string) {
	if item.Label == "table" || item.Label == "document_index" {
		w.table(item)
		return
	}
	if text == "" {
		return
	}
	switch item.Label {
	case "title":
		w.title = cmp.Or(w.title, html.UnescapeString(text))
		w.write("<h1>%s</h1>\n", text)
	case "section_header":
		level := min(max(item.Level, 1)+1, 6) // below the title
		w.write("<h%d>%s</h%[1]d>\n", level, text)
	case "list_item":
		if !w.inList {
			w.write("<ul>\n")
			w.inList = true
		}
		marker := ""
		if item.Enumerated {
			marker = html.EscapeString(item.Marker) + " "
		}
		w.write("<li>%s%s</li>\n", marker, text)
	case "code":
		w.write("<pre>%s</pre>\n", text)
	case "checkbox_selected":
		w.write("<p>☒ %s</p>\n", text)
	case "checkbox_unselected":
		w.write("<p>☐ %s</p>\n", text)
	default:
		w.write("<p>%s</p>\n", text)
	}
}

// text is the item's text. Where it changes its style, the item is empty or a group, and the runs are its children.
func (w *doclingWriter) text(item doclingItem) string {
	if item.Text != "" || item.Label != "inline" {
		return strings.TrimSpace(item.Text)
	}
	var runs []string
	for _, ref := range item.Children {
		if run, ok := w.find(ref.Ref); ok && !w.seen[ref.Ref] {
			w.seen[ref.Ref] = true
			runs = append(runs, strings.TrimSpace(run.Text))
		}
	}
	return strings.Join(runs, " ")
}

// table writes the rows that have cells.
func (w *doclingWriter) table(item doclingItem) {
	w.write("<table>")
	for _, ref := range item.Captions {
		if caption, ok := w.find(ref.Ref); ok && !w.seen[ref.Ref] {
			w.seen[ref.Ref] = true
			w.write("<caption>%s</caption>", html.EscapeString(caption.Text))
		}
	}
	cells := slices.Clone(item.Data.Cells)
	slices.SortStableFunc(cells, func(a, b doclingCell) int {
		return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Column, b.Column))
	})
	for i, c := range cells {
		if i == 0 || c.Row != cells[i-1].Row {
			w.write("\n<tr>")
		}
		tag := "td"
		if c.Header {
			tag = "th"
		}
		w.write(`<%s rowspan="%d" colspan="%d">%s</%[1]s>`, tag, max(c.RowSpan, 1), max(c.ColSpan, 1),
			html.EscapeString(c.Text))
	}
	w.write("\n</table>\n")
}

func (w *doclingWriter) closeList() {
	if w.inList {
		w.write("</ul>\n")
		w.inList = false
	}
}

func (w *doclingWriter) write(format string, args ...any) {
	if w.pages[w.page] == nil {
		w.pages[w.page] = new(strings.Builder)
	}
	fmt.Fprintf(w.pages[w.page], format, args...)
}

// find resolves a reference.
func (w *doclingWriter) find(ref string) (doclingItem, bool) {
	kind, number, _ := strings.Cut(strings.TrimPrefix(ref, "#/"), "/")
	var items []doclingItem
	switch kind {
	case "groups":
		items = w.document.Groups
	case "texts":
		items = w.document.Texts
	case "pictures":
		items = w.document.Pictures
	case "tables":
		items = w.document.Tables
	case "key_value_items":
		items = w.document.KeyValue
	case "form_items":
		items = w.document.Forms
	}
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(items) {
		return doclingItem{}, false
	}
	return items[i], true
}
