package document

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Flow writes one page's text piece by piece: what it holds is normalised and within the limit at any moment,
// and headings and tables know their offsets.
type Flow struct {
	Context  context.Context //nolint:containedctx // it lives as long as one extraction
	Limit    *Limit
	Text     strings.Builder
	Runes    int // code points in Text
	Headings []Heading
	Tables   []Table
}

// Limit is the bound on a document's text and cells, shared by its pages.
type Limit struct {
	max   int64 // bytes
	used  int64
	laid  int64 // bytes of the cells of tables
	cells int
}

// NewLimit bounds a document to max bytes of text.
func NewLimit(max int64) *Limit { return &Limit{max: max} }

// Take counts n more bytes of text, and fails when they are too many.
func (l *Limit) Take(n int) error {
	l.used += int64(n)
	return l.Fits(0)
}

// Fits fails when n more bytes of text would be too many.
func (l *Limit) Fits(n int) error {
	if l.used+int64(n) > l.max {
		return config.Failf(config.TooLarge, "the document holds more than %d bytes of text: split it", l.max)
	}
	return nil
}

// Lay counts n more bytes of text in the cells of a table, which are held until the table ends: merged cells as often
// as they are repeated, and the cells of a table within a cell with each of the two.
func (l *Limit) Lay(n int) error {
	if l.laid += int64(n); l.laid > l.max {
		return config.Failf(config.TooLarge, "the cells of the document's tables hold more than %d bytes of text, merged "+
			"and nested ones counted again: split it", l.max)
	}
	return nil
}

// TakeCells counts n more cells of tables, and fails when they are too many.
func (l *Limit) TakeCells(n int) error {
	if n > MaxColumns {
		return config.Failf(config.TooComplex, "a table has more than %d columns: split it", MaxColumns)
	}
	if l.cells += n; l.cells > MaxCells {
		return config.Failf(config.TooComplex, "the document's tables have more than %d cells: split it", MaxCells)
	}
	return nil
}

// Paragraph writes text after a blank line.
func (f *Flow) Paragraph(text string) error { return f.Write("\n\n", plain.Normalise(text)) }

// Line writes text on a line of its own.
func (f *Flow) Line(text string) error { return f.Write("\n", plain.Normalise(text)) }

// Heading writes a heading after a blank line and remembers where it stands.
func (f *Flow) Heading(level int, text string) error {
	text = plain.OneLine(text)
	if text == "" {
		return nil
	}
	if err := f.Write("\n\n", text); err != nil {
		return err
	}
	f.Headings = append(f.Headings, Heading{Offset: f.Runes - utf8.RuneCountInString(text), Level: level, Text: text})
	return nil
}

// Write writes text that is normalised already, after the separator if the page holds text. Empty text writes nothing.
func (f *Flow) Write(separator, text string) error {
	if err := f.Context.Err(); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	if f.Text.Len() > 0 {
		text = separator + text
	}
	if err := f.Limit.Take(len(text)); err != nil {
		return err
	}
	f.Text.WriteString(text)
	f.Runes += utf8.RuneCountInString(text)
	return nil
}

// Page is what was written so far.
func (f *Flow) Page(number int) Page {
	return Page{Number: number, Text: f.Text.String(), Headings: f.Headings, Tables: f.Tables}
}

// Single is a document of one page without a number.
func (f *Flow) Single(title string) *Document {
	return &Document{Title: title, Pages: []Page{f.Page(0)}}
}
