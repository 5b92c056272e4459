package extract

import (
	"context"
	"encoding/xml"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// readPPTX reads a presentation: each slide is a page, its title a heading, its tables a line for each row.
func readPPTX(ctx context.Context, s source) (*Document, error) {
	pack, err := openOOXML(ctx, s.data)
	if err != nil {
		return nil, err
	}
	title, err := pack.title()
	if err != nil {
		return nil, err
	}
	slides, err := slideParts(pack)
	if err != nil {
		return nil, err
	}
	d := &Document{Title: title}
	limit := newLimit(s.max)
	for i, part := range slides {
		slide := &slideWriter{out: &flow{ctx: ctx, limit: limit}, skip: skipper{names: map[string]bool{"Fallback": true}}}
		if err := pack.each(part, slide.token); err != nil {
			return nil, err
		}
		d.Pages = append(d.Pages, slide.out.page(i+1))
	}
	return withText(d, config.NoTextLayer, "no slide holds text, perhaps only images; there is no OCR")
}

// slideParts are the slides in the order in which they are shown.
func slideParts(pack *ooxml) ([]string, error) {
	const presentation = "ppt/presentation.xml"
	targets, err := pack.relationships(presentation)
	if err != nil {
		return nil, err
	}
	var slides []string
	err = pack.each(presentation, func(t xml.Token) error {
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "sldId" {
			if part := targets[relationshipID(e)]; part != "" && pack.has(part) {
				slides = append(slides, part)
			}
		}
		return nil
	})
	if err == nil && len(slides) == 0 {
		err = config.Failf(config.Malformed, "the presentation has no slides")
	}
	return slides, err
}

// relationshipID is r:id, which stands beside a plain id.
func relationshipID(e xml.StartElement) string {
	for _, a := range e.Attr {
		if a.Name.Local == "id" && a.Name.Space != "" {
			return a.Value
		}
	}
	return ""
}

// slideWriter turns the tokens of PresentationML into lines.
type slideWriter struct {
	out  *flow
	skip skipper

	paragraph strings.Builder
	inText    bool
	isTitle   bool // in the slide's title placeholder
	first     bool // the shape's first paragraph comes next
	cells     []string
	cell      strings.Builder
	inTable   bool
}

func (w *slideWriter) token(t xml.Token) error {
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

func (w *slideWriter) start(e xml.StartElement) {
	switch e.Name.Local {
	case "sp":
		w.isTitle, w.first = false, true
	case "ph":
		kind := attribute(e, "type")
		w.isTitle = kind == "title" || kind == "ctrTitle"
	case "p":
		w.paragraph.Reset()
	case "t":
		w.inText = true
	case "br":
		w.paragraph.WriteByte('\n')
	case "tab":
		w.paragraph.WriteByte('\t')
	case "tbl":
		w.inTable = true
	case "tr":
		w.cells = nil
	case "tc":
		w.cell.Reset()
	}
}

func (w *slideWriter) end(name string) error {
	switch name {
	case "t":
		w.inText = false
	case "p":
		return w.endParagraph()
	case "tc":
		w.cells = append(w.cells, oneLineUncut(w.cell.String()))
	case "tr":
		return w.endRow()
	case "tbl":
		w.inTable = false
	case "sp":
		w.isTitle = false
	}
	return nil
}

func (w *slideWriter) endParagraph() error {
	text := w.paragraph.String()
	w.paragraph.Reset()
	switch {
	case strings.TrimSpace(text) == "":
		return nil
	case w.inTable:
		w.cell.WriteString(text + " ")
		return nil
	case w.isTitle:
		return w.out.heading(1, text)
	case w.first:
		w.first = false
		return w.out.paragraph(text)
	}
	return w.out.line(text)
}

func (w *slideWriter) endRow() error {
	row := strings.Join(w.cells, " | ")
	w.cells = nil
	if strings.Trim(row, " |") == "" {
		return nil
	}
	return w.out.line(row)
}
