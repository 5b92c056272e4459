package extract

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

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
	form    *references.FPDF_FORMHANDLE // of a document with a form
	xfa     bool                        // the form is written in XML, which PDFium does not read
	ignored config.Warnings             // attachments
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
	tidy(pages)
	d := &Document{Title: r.title(), Pages: make([]Page, len(pages))}
	for i, p := range pages {
		d.Pages[i] = Page{Number: i + 1, Text: strings.TrimSpace(p.text + "\n\n" + p.beside)}
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
