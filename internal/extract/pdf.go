package extract

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// perPage is what each page that was reached adds to a PDF's deadline. Pages count when they are reached, since
// a small file can declare a million of them.
const perPage = time.Second

// readPDF reads a PDF in a worker of its own. Past its deadline the worker is thrown away.
func (e *Extractor) readPDF(ctx context.Context, s source) (*Document, error) {
	w, err := e.pdfs.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer e.pdfs.release(w)
	stop := context.AfterFunc(ctx, w.interrupt)
	clock := startClock(e.options.Deadline, w.interrupt)
	defer func() {
		if !stop() || !clock.stop() {
			w.interrupt() // or it would be interrupted at its next document
		}
	}()

	d, err := w.read(s, clock.reached)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && clock.expired():
		return nil, config.Failf(config.TimedOut,
			"the PDF took longer than %v and %v for each page: it is damaged, or made to do this", e.options.Deadline, perPage)
	}
	return d, err
}

// clock ends a worker at its deadline.
type clock struct {
	started time.Time
	base    time.Duration
	timer   *time.Timer
	struck  atomic.Bool
}

func startClock(base time.Duration, expire func()) *clock {
	c := &clock{started: time.Now(), base: base}
	c.timer = time.AfterFunc(base, func() {
		c.struck.Store(true)
		expire()
	})
	return c
}

// reached puts the deadline off for so many pages.
func (c *clock) reached(pages int) {
	c.timer.Reset(time.Until(c.started.Add(c.base + time.Duration(pages)*perPage)))
}

// expired reports whether the deadline passed.
func (c *clock) expired() bool { return c.struck.Load() }

// stop reports whether it came before the deadline did.
func (c *clock) stop() bool { return c.timer.Stop() && !c.expired() }

// pdfReader reads one document in one worker.
type pdfReader struct {
	*pdfium
	reached func(page int)
	limit   *limit
	doc     references.FPDF_DOCUMENT
}

func (r *pdfReader) read(s source) (*Document, error) {
	opened, err := r.OpenDocument(&requests.OpenDocument{File: &s.data})
	if err != nil {
		return nil, openError(err)
	}
	r.doc = opened.Document
	//nolint:errcheck // the worker is thrown away when PDFium fails
	defer r.FPDF_CloseDocument(&requests.FPDF_CloseDocument{Document: r.doc})

	outline, err := r.outline()
	if err != nil {
		return nil, err
	}
	pages, err := r.pages(len(outline) == 0)
	if err != nil {
		return nil, err
	}
	d := &Document{Title: r.title(), Pages: make([]Page, len(pages))}
	for i, p := range pages {
		d.Pages[i] = Page{Number: i + 1, Text: p.text}
	}
	if len(outline) > 0 {
		placeOutline(d.Pages, outline)
	} else {
		placeDetected(d.Pages, pages)
	}
	return withText(d, config.NoTextLayer,
		"no page holds text, only images perhaps; there is no OCR: give the document a text layer first")
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
	return plausibleTitle(meta.Value)
}

// pdfPage is a page's text, and its lines where headings are to be found among them.
type pdfPage struct {
	text  string
	lines []pdfLine
}

// pages reads all pages in order, with the styles of their lines if wanted.
func (r *pdfReader) pages(styled bool) ([]pdfPage, error) {
	count, err := r.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: r.doc})
	if err != nil {
		return nil, err
	}
	if count.PageCount == 0 {
		return nil, config.Failf(config.Malformed, "the PDF has no pages: it is damaged or cut off")
	}
	var pages []pdfPage
	for i := range count.PageCount {
		r.reached(i + 1)
		p, err := r.page(i, styled)
		if errors.Is(err, pdfiumerrors.ErrPage) {
			err = config.Failf(config.Malformed, "page %d of %d cannot be read: the PDF is damaged or cut off",
				i+1, count.PageCount)
		}
		if err != nil {
			return nil, err
		}
		pages = append(pages, p)
	}
	return pages, nil
}

func (r *pdfReader) page(index int, styled bool) (pdfPage, error) {
	loaded, err := r.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: r.doc, Index: index})
	if err != nil {
		return pdfPage{}, err
	}
	defer r.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page}) //nolint:errcheck // as above
	text, err := r.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: requests.Page{ByReference: &loaded.Page}})
	if err != nil {
		return pdfPage{}, err
	}
	defer r.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text.TextPage}) //nolint:errcheck // as above
	return r.text(text.TextPage, styled)
}

// text reads a page's characters: PDFium puts columns in order, cells of a table row on one line, and \r\n
// between lines.
func (r *pdfReader) text(page references.FPDF_TEXTPAGE, styled bool) (pdfPage, error) {
	count, err := r.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: page})
	if err != nil || count.Count <= 0 {
		return pdfPage{}, err
	}
	if err := r.limit.take(count.Count); err != nil {
		return pdfPage{}, err
	}
	raw, err := r.FPDFText_GetText(&requests.FPDFText_GetText{TextPage: page, Count: count.Count})
	if err != nil {
		return pdfPage{}, err
	}
	if err := r.limit.take(len(raw.Text) - count.Count); err != nil {
		return pdfPage{}, err
	}
	p := pdfPage{text: normalise(joinHyphens(raw.Text))}
	if styled {
		p.lines, err = r.lines(page, raw.Text, p.text, utf8.RuneCountInString(raw.Text) == count.Count)
	}
	return p, err
}

// joinHyphens removes what PDFium writes for a hyphen at a line's end, U+FFFE or U+0002 by the font, and so joins
// the halves of the word.
func joinHyphens(s string) string { return softHyphens.Replace(s) }

var softHyphens = strings.NewReplacer("\x02", "", "\ufffe", "")
