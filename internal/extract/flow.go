package extract

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// flow writes one page's text piece by piece: what it holds is normalised and within the limit at any moment,
// and headings and tables know their offsets.
type flow struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one extraction
	limit    *limit
	text     strings.Builder
	runes    int
	headings []Heading
	tables   []Table
}

// limit is the bound on a document's text and cells, shared by its pages.
type limit struct {
	max   int64 // bytes
	used  int64
	laid  int64 // bytes of the cells of tables
	cells int
}

func newLimit(max int64) *limit { return &limit{max: max} }

// take counts n more bytes of text, and fails when they are too many.
func (l *limit) take(n int) error {
	l.used += int64(n)
	return l.fits(0)
}

// fits fails when n more bytes of text would be too many.
func (l *limit) fits(n int) error {
	if l.used+int64(n) > l.max {
		return config.Failf(config.TooLarge, "the document holds more than %d bytes of text: split it", l.max)
	}
	return nil
}

// lay counts n more bytes of text in the cells of a table, which are held until the table ends: merged cells as often
// as they are repeated, and the cells of a table within a cell with each of the two.
func (l *limit) lay(n int) error {
	if l.laid += int64(n); l.laid > l.max {
		return config.Failf(config.TooLarge, "the cells of the document's tables hold more than %d bytes of text, merged "+
			"and nested ones counted again: split it", l.max)
	}
	return nil
}

// takeCells counts n more cells of tables, and fails when they are too many.
func (l *limit) takeCells(n int) error {
	if n > maxColumns {
		return config.Failf(config.TooComplex, "a table has more than %d columns: split it", maxColumns)
	}
	if l.cells += n; l.cells > maxCells {
		return config.Failf(config.TooComplex, "the document's tables have more than %d cells: split it", maxCells)
	}
	return nil
}

// paragraph writes text after a blank line.
func (f *flow) paragraph(text string) error { return f.write("\n\n", normalise(text)) }

// line writes text on a line of its own.
func (f *flow) line(text string) error { return f.write("\n", normalise(text)) }

// heading writes a heading after a blank line and remembers where it stands.
func (f *flow) heading(level int, text string) error {
	text = oneLine(text)
	if text == "" {
		return nil
	}
	if err := f.write("\n\n", text); err != nil {
		return err
	}
	f.headings = append(f.headings, Heading{Offset: f.runes - utf8.RuneCountInString(text), Level: level, Text: text})
	return nil
}

func (f *flow) write(separator, text string) error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	if f.text.Len() > 0 {
		text = separator + text
	}
	if err := f.limit.take(len(text)); err != nil {
		return err
	}
	f.text.WriteString(text)
	f.runes += utf8.RuneCountInString(text)
	return nil
}

// page is what was written so far.
func (f *flow) page(number int) Page {
	return Page{Number: number, Text: f.text.String(), Headings: f.headings, Tables: f.tables}
}

// single is a document of one page without a number.
func (f *flow) single(title string) *Document {
	return &Document{Title: title, Pages: []Page{f.page(0)}}
}
