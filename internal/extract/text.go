package extract

import (
	"context"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// readText reads plain text.
func readText(_ context.Context, s source) (*Document, error) {
	text, warnings := decode(s.data)
	d, err := wholeText(s, "", text, nil)
	return warned(d, err, warnings)
}

// warned gives a document its warnings.
func warned(d *Document, err error, warnings config.Warnings) (*Document, error) {
	if err == nil {
		d.Warnings.Merge(warnings)
	}
	return d, err
}

// wholeText is a document of one text; headings, if not nil, finds those of the normalised text.
func wholeText(s source, title, text string, headings func(string) []Heading) (*Document, error) {
	if err := newLimit(s.max).take(len(text)); err != nil {
		return nil, err
	}
	page := Page{Text: normalise(text)}
	if headings != nil {
		page.Headings = headings(page.Text)
	}
	return withText(&Document{Title: title, Pages: []Page{page}}, config.Malformed, "the document holds no text")
}
