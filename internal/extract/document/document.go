// Package document is the text of a document with page, heading and table offsets, and how readers write it within
// bounds.
package document

import (
	"strconv"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Document is the text of one document.
type Document struct {
	// Title is what the document calls itself; empty when it does not.
	Title string
	// Metadata is what the document tells of itself beside its title: the fields of its front matter, of its meta elements
	// or of a mail's head, as far as they are metadata. Warnings count the others as MetadataIgnored.
	Metadata config.Metadata
	// Pages are hard boundaries for chunks. A format without pages has one, numbered 0.
	Pages []Page
	// Readers are those that took part: the one of the document's format, and those of documents that it holds.
	Readers config.Readers
	// Warnings list what of the document is not in Pages, or may be wrong there.
	Warnings config.Warnings
}

// Page is a page, a slide, or the whole document.
type Page struct {
	Number int    // 1-based; 0 where the format has no pages
	Text   string // normalised: valid UTF-8, \n line ends, no control characters but \n and \t
	// Headings are in order of Offset. A heading holds until one of its level or higher follows, on later
	// pages too.
	Headings []Heading
	// Tables are in order and do not overlap.
	Tables []Table `json:",omitempty"`
	// Slide reports whether the page is a slide.
	Slide bool `json:",omitempty"`
	// Lines are those of a PDF's page whose places are known, in order. They do not overlap.
	Lines []Line `json:",omitempty"`
}

// Line is a line of a PDF's page.
type Line struct {
	Start, End int // count code points into Page.Text
	// Boxes are where it is drawn: left, bottom, right and top in points of the page's own coordinates, to
	// a tenth. A line that hyphens divide has several.
	Boxes [][4]float64
}

// Heading is a heading's place in its page.
type Heading struct {
	Offset int // code points into Page.Text
	Level  int // 1 is the highest
	Text   string
}

// Table is a table's place in its page, and how it may be cut. Places are code points into Page.Text.
type Table struct {
	Start, End int // from the caption or the header to the end of the last row
	// Caption and Header, the row or rows that name the columns, belong in front of each part of the table. Either
	// may be empty.
	Caption, Header string
	Columns         []string // the names of the columns, if the table has them
	Rows            []int    // where the rows begin, in ascending order
	// Fields reports whether a row is lines of "column: value". In other tables a row is one line, with bars between
	// its cells.
	Fields bool
}

// WarnOfSymbols counts the characters of which a font alone tells what they are.
func (d *Document) WarnOfSymbols() {
	for _, p := range d.Pages {
		unknown := 0
		for _, r := range p.Text {
			if r == utf8.RuneError || r >= 0xe000 && r < 0xf900 {
				unknown++
			}
		}
		place := ""
		if p.Number > 0 {
			place = "slide " + strconv.Itoa(p.Number)
		}
		d.Warnings.Add(config.UndecodableText, unknown, place)
	}
}
