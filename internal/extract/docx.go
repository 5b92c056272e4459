package extract

import (
	"context"
	"encoding/xml"
	"regexp"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// readDOCX reads a Word document: paragraphs, headings by style or outline level, list items, table rows, and
// the footnotes at the end. Headers, footers, deleted text and field codes are left out.
func readDOCX(ctx context.Context, s source) (*Document, error) {
	pack, err := openOOXML(ctx, s.data)
	if err != nil {
		return nil, err
	}
	title, err := pack.title()
	if err != nil {
		return nil, err
	}
	styles, err := docxStyles(pack)
	if err != nil {
		return nil, err
	}
	out := &flow{ctx: ctx, limit: newLimit(s.max)}
	w := &docxWriter{out: out, styles: styles}
	for _, part := range []string{"word/document.xml", "word/footnotes.xml", "word/endnotes.xml"} {
		w.skip = skipper{names: map[string]bool{"Fallback": true, "instrText": true, "delText": true, "del": true}}
		if err := pack.each(part, w.token); err != nil {
			return nil, err
		}
	}
	if title == "" {
		title = w.title
	}
	return withText(out.single(title), config.NoTextLayer, "the document holds no text, perhaps only images; there is no OCR")
}

// docxStyle is what of a paragraph style matters here.
type docxStyle struct {
	basedOn string
	level   int // heading level, 0 for none
	title   bool
}

var headingStyle = regexp.MustCompile(`(?i)^heading ?([1-9])$`)

// docxStyles reads the paragraph styles by id, with what they take from those that they are based on.
func docxStyles(pack *ooxml) (map[string]docxStyle, error) {
	styles := map[string]docxStyle{}
	id := ""
	err := pack.each("word/styles.xml", func(t xml.Token) error {
		e, ok := t.(xml.StartElement)
		if !ok {
			return nil
		}
		style := styles[id]
		switch e.Name.Local {
		case "style":
			id = attribute(e, "styleId")
			style = docxStyle{}
		case "name":
			name := attribute(e, "val")
			style.title = strings.EqualFold(name, "title")
			if m := headingStyle.FindStringSubmatch(name); m != nil {
				style.level, _ = strconv.Atoi(m[1])
			}
		case "basedOn":
			style.basedOn = attribute(e, "val")
		case "outlineLvl":
			if level := outlineLevel(e); level > 0 {
				style.level = level
			}
		default:
			return nil
		}
		if id != "" {
			styles[id] = style
		}
		return nil
	})
	for id, style := range styles {
		for depth := 0; style.level == 0 && style.basedOn != "" && depth < 10; depth++ {
			base := styles[style.basedOn]
			style.level, style.basedOn = base.level, base.basedOn
		}
		styles[id] = style
	}
	return styles, err
}

// outlineLevel is w:outlineLvl as a heading level: 0 is the highest there, and 9 is body text.
func outlineLevel(e xml.StartElement) int {
	if n, err := strconv.Atoi(attribute(e, "val")); err == nil && n >= 0 && n < 9 {
		return n + 1
	}
	return 0
}

// docxWriter turns the tokens of WordprocessingML into lines.
type docxWriter struct {
	out    *flow
	styles map[string]docxStyle
	skip   skipper
	title  string // the first paragraph in the style Title

	paragraph strings.Builder
	level     int
	isTitle   bool
	item      bool // in a list
	inText    bool

	tables []*docxTable // nested, the innermost last
}

// docxTable is the row that is being read.
type docxTable struct {
	cells []string
	cell  strings.Builder
}

func (w *docxWriter) token(t xml.Token) error {
	if w.skip.skips(t) {
		return nil
	}
	switch t := t.(type) {
	case xml.StartElement:
		w.start(t)
	case xml.EndElement:
		return w.end(t.Name.Local)
	case xml.CharData:
		if w.inText {
			w.paragraph.Write(t)
		}
	}
	return nil
}

func (w *docxWriter) start(e xml.StartElement) {
	switch e.Name.Local {
	case "p":
		w.paragraph.Reset()
		w.level, w.isTitle, w.item = 0, false, false
	case "pStyle":
		style := w.styles[attribute(e, "val")]
		w.level, w.isTitle = style.level, style.title
	case "outlineLvl":
		if level := outlineLevel(e); level > 0 {
			w.level = level
		}
	case "numPr":
		w.item = true
	case "t":
		w.inText = true
	case "tab":
		w.paragraph.WriteByte('\t')
	case "br", "cr":
		w.paragraph.WriteByte('\n')
	case "noBreakHyphen":
		w.paragraph.WriteByte('-')
	case "tbl":
		w.tables = append(w.tables, &docxTable{})
	case "tr":
		if n := len(w.tables); n > 0 {
			w.tables[n-1] = &docxTable{}
		}
	}
}

func (w *docxWriter) end(name string) error {
	switch name {
	case "t":
		w.inText = false
	case "p":
		return w.endParagraph()
	case "tc":
		if n := len(w.tables); n > 0 {
			row := w.tables[n-1]
			row.cells = append(row.cells, oneLineUncut(row.cell.String()))
			row.cell.Reset()
		}
	case "tr":
		return w.endRow()
	case "tbl":
		if n := len(w.tables); n > 0 {
			w.tables = w.tables[:n-1]
		}
	}
	return nil
}

func (w *docxWriter) endParagraph() error {
	text := w.paragraph.String()
	w.paragraph.Reset()
	switch n := len(w.tables); {
	case n > 0:
		return w.addToCell(text)
	case w.isTitle && w.title == "":
		w.title = plausibleTitle(text)
		return w.out.paragraph(text)
	case w.level > 0:
		return w.out.heading(w.level, text)
	case w.item:
		if text = normalise(text); text == "" {
			return nil
		}
		return w.out.line("- " + text)
	}
	return w.out.paragraph(text)
}

// addToCell keeps a cell's paragraphs until its row ends.
func (w *docxWriter) addToCell(text string) error {
	cell := &w.tables[len(w.tables)-1].cell
	if int64(cell.Len()+len(text)) > w.out.limit.max {
		return w.out.limit.take(cell.Len() + len(text))
	}
	cell.WriteString(text)
	cell.WriteByte(' ')
	return nil
}

// endRow writes a row on one line, so that a label stays with its figures. A nested table's rows go into the
// cell around it.
func (w *docxWriter) endRow() error {
	n := len(w.tables)
	if n == 0 {
		return nil
	}
	row := strings.Join(w.tables[n-1].cells, " | ")
	w.tables[n-1] = &docxTable{}
	if strings.Trim(row, " |") == "" {
		return nil
	}
	if n > 1 {
		w.tables = w.tables[:n-1]
		err := w.addToCell(row + "; ")
		w.tables = append(w.tables, &docxTable{})
		return err
	}
	return w.out.line(row)
}

// oneLineUncut is text with its white space folded.
func oneLineUncut(s string) string { return strings.Join(strings.Fields(s), " ") }
