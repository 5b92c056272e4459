// Package extract turns a document's bytes into text with page and heading offsets.
package extract

// Document is the text of one document.
type Document struct {
	// Title is what the document calls itself; empty when it does not.
	Title string
	// Pages are hard boundaries for chunks. A format without pages has one, numbered 0.
	Pages []Page
}

// Page is a page, a slide, or the whole document.
type Page struct {
	Number int    // 1-based; 0 where the format has no pages
	Text   string // normalised: valid UTF-8, \n line ends, no control characters but \n and \t
	// Headings are in order of Offset. A heading holds until one of its level or higher follows, on later
	// pages too.
	Headings []Heading
}

// Heading is a heading's place in its page.
type Heading struct {
	Offset int // code points into Page.Text
	Level  int // 1 is the highest
	Text   string
}
