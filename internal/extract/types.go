package extract

import (
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdf"
)

// What callers need of the packages below, which read one family of formats each.
type (
	// Document is the text of one document.
	Document = document.Document
	// Page is a page, a slide, or the whole document.
	Page = document.Page
	// Line is a line of a PDF's page.
	Line = document.Line
	// Heading is a heading's place in its page.
	Heading = document.Heading
	// Table is a table's place in its page, and how it may be cut.
	Table = document.Table
	// Drawing is a page of a PDF as a picture.
	Drawing = pdf.Drawing
)

// The bounds of a document, in bytes.
const (
	MaxSource = document.MaxSource // as it came
	MaxText   = document.MaxText   // the text in it
)

// UserCache makes the directory of this user's cache that holds compiled PDFium, as pdf.UserCache does.
func UserCache() string { return pdf.UserCache() }
