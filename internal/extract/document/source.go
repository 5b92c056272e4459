package document

import (
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// The bounds of a document, in bytes.
const (
	MaxSource = 128 << 20 // as it came
	MaxText   = 64 << 20  // the text in it
)

// Source is a document as it came.
type Source struct {
	Name string // decides among kinds of text only
	Data []byte
	Max  int64 // bytes of text
	// Formats takes the format of each document that is read, this one and those that it holds.
	Formats map[string]bool
	// Unpacked counts the bytes of archives, of this document and of those that it holds.
	Unpacked *int64
	// Imports reads a document that this one holds; nil where it is held by too many others itself.
	Imports Importer
}

// Reads notes that the reader of a kind takes part.
func (s Source) Reads(k Kind) { s.Formats[FormatOf[k]] = true }

// Importer reads a document that another one holds.
type Importer func(name string, data []byte) (*Document, error)

// MaxHeld is how deep documents may hold each other.
const MaxHeld = 2

// WholeText is a document of one text; structure, if not nil, finds the headings and tables of the normalised text.
func WholeText(s Source, title, text string, structure func(*Page)) (*Document, error) {
	if err := NewLimit(s.Max).Take(len(text)); err != nil {
		return nil, err
	}
	page := Page{Text: plain.Normalise(text)}
	if structure != nil {
		structure(&page)
	}
	return WithText(&Document{Title: title, Pages: []Page{page}}, config.Malformed, "the document holds no text")
}

// WithText fails a document that has nothing to index.
func WithText(d *Document, reason config.Reason, message string) (*Document, error) {
	for _, p := range d.Pages {
		if p.Text != "" {
			return d, nil
		}
	}
	return nil, config.Failf(reason, "%s", message)
}

// Warned gives a document its warnings.
func Warned(d *Document, err error, warnings config.Warnings) (*Document, error) {
	if err == nil {
		d.Warnings.Merge(warnings)
	}
	return d, err
}

// IsMalformed reports whether a failure is one of a part's own bytes, so that what is around it may still be read.
func IsMalformed(err error) bool {
	reason, _ := config.ReasonOf(err)
	return reason == config.Malformed
}
