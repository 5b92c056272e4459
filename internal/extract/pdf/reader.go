// Package pdf reads PDFs with PDFium: it finds lines, headings and tables by where characters stand.
package pdf

import (
	"errors"
	"strings"

	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// maxPages bounds the pages of a PDF: a few bytes can show one page any number of times.
const maxPages = 20_000

// pdfReader reads one document.
type pdfReader struct {
	*pdfium
	reached func(page int)
	limit   *document.Limit
	doc     references.FPDF_DOCUMENT
	form    *references.FPDF_FORMHANDLE // of a document with a form
	xfa     bool                        // the form is written in XML, which PDFium does not read
	ignored config.Warnings             // attachments
	above   *pdfTable                   // the last table of the page before
	// formLayers reports whether forms of the document may belong to layers.
	formLayers bool
	// drawsText reports whether annotations of the page may have text in their drawings only.
	drawsText bool
	// options is how many entries of lists may be looked at on the page still.
	options int
}

func (r *pdfReader) read(s document.Source) (*document.Document, error) {
	opened, err := r.OpenDocument(&requests.OpenDocument{File: &s.Data})
	if err != nil {
		return nil, openError(err)
	}
	r.doc = opened.Document
	//nolint:errcheck // a PDFium that fails is not used again
	defer r.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: r.doc})

	r.formLayers = holdsFormLayers(s.Data)
	if err := r.checkPages(); err != nil {
		return nil, err
	}
	outline, err := r.outline()
	if err != nil {
		return nil, err
	}
	closeForm, err := r.openForm()
	if err != nil {
		return nil, err
	}
	defer closeForm()
	pages, err := r.pages(len(outline) == 0)
	if err != nil {
		return nil, err
	}
	if r.isPleaseWait(pages) {
		return nil, errXFA
	}
	r.attachments()
	findLost(pages, s.Data)
	tidy(pages)
	d := &document.Document{Title: r.title(), Pages: make([]document.Page, len(pages))}
	for i, p := range pages {
		d.Pages[i] = document.Page{Number: i + 1, Text: strings.TrimSpace(p.text + "\n\n" + p.beside)}
		placeTables(&d.Pages[i], p.tables)
		placeLines(&d.Pages[i], p.lines)
	}
	if err := judgePages(d, pages); err != nil {
		return nil, err
	}
	d.Warnings.Merge(r.ignored)
	if len(outline) > 0 {
		placeOutline(d.Pages, outline)
	} else {
		placeDetected(d.Pages, pages)
	}
	return d, nil
}

func (r *pdfReader) checkPages() error {
	count, err := r.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: r.doc})
	if err == nil && count.PageCount > maxPages {
		err = config.Failf(config.TooLarge, "the PDF has %d pages, more than %d: split it", count.PageCount, maxPages)
	}
	return err
}

// openError tells a password from damage.
func openError(err error) error {
	switch {
	case errors.Is(err, pdfiumerrors.ErrPassword):
		return config.Failf(config.Encrypted, "the PDF needs a password: save it without one")
	case errors.Is(err, pdfiumerrors.ErrSecurity):
		return config.Failf(config.Encrypted,
			"the PDF is protected in a way that PDFium does not know: save it without protection")
	case errors.Is(err, pdfiumerrors.ErrFormat), errors.Is(err, pdfiumerrors.ErrFile),
		errors.Is(err, pdfiumerrors.ErrUnknown):
		return config.Failf(config.Malformed, "the PDF is damaged or cut off: no pages can be found in it")
	}
	return err
}

func (r *pdfReader) title() string {
	meta, err := r.FPDF_GetMetaText(&requests.FPDF_GetMetaText{Document: r.doc, Tag: "Title"})
	if err != nil {
		return ""
	}
	return plain.PlausibleTitle(meta.Value)
}
