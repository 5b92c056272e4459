package extract

import (
	"context"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// readText reads plain text.
func readText(_ context.Context, s source) (*Document, error) {
	text, warnings := decode(s.data)
	if err := newLimit(s.max).take(len(text)); err != nil { // before anything makes a copy of it
		return nil, err
	}
	text, dropped := withoutPayloads(text)
	payloads(&warnings, dropped)
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

// wholeText is a document of one text; structure, if not nil, finds the headings and tables of the normalised text.
func wholeText(s source, title, text string, structure func(*Page)) (*Document, error) {
	if err := newLimit(s.max).take(len(text)); err != nil {
		return nil, err
	}
	page := Page{Text: normalise(text)}
	if structure != nil {
		structure(&page)
	}
	return withText(&Document{Title: title, Pages: []Page{page}}, config.Malformed, "the document holds no text")
}
