// Package extract turns a document's bytes into text with page, heading and table offsets. The packages below it read a
// family of formats each; none of them imports this one.
package extract

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/mail"
	"github.com/ragpipeline/ragpipeline/internal/extract/markup"
	"github.com/ragpipeline/ragpipeline/internal/extract/office"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdf"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

// Options are the bounds of extraction; the zero value is useful.
type Options struct {
	// CacheDir holds compiled PDFium between processes; empty compiles it once in each.
	CacheDir string
	// MaxText is how many bytes of text a document may give, by default MaxText.
	MaxText int64
	// Reached, if set, is called with the number of each page of a PDF before it is read.
	Reached func(page int)
	// Starting, if set, is called before PDFium is started, and the function that it returns once it is. That takes
	// 0.2 s, or many seconds if PDFium is not compiled yet, and is not the document's fault.
	Starting func() (started func())
}

// Extractor turns documents into text, in this process. It is safe for use by several goroutines, of which one reads a
// PDF at a time. Nothing bounds the time or the memory that a reader takes: for that, internal/extract/worker runs an
// Extractor in a process that can be killed.
type Extractor struct {
	options Options
	pdfs    *pdf.Reader
}

// New makes an Extractor. It starts nothing before the first PDF.
func New(o Options) *Extractor {
	if o.MaxText <= 0 {
		o.MaxText = MaxText
	}
	if o.Reached == nil {
		o.Reached = func(int) {}
	}
	if o.Starting == nil {
		o.Starting = func() func() { return func() {} }
	}
	return &Extractor{options: o, pdfs: pdf.New(o.CacheDir, o.Starting)}
}

// Close ends PDFium, and waits for a PDF that is being read.
func (e *Extractor) Close() { e.pdfs.Close() }

// Extract reads data as the kind of document that its bytes show; name, a path or file name, decides only
// among kinds of text. A failure of the document itself is a *config.DocumentError; an ended ctx is ctx's error.
func (e *Extractor) Extract(ctx context.Context, name string, data []byte) (*Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := CheckSize(len(data)); err != nil {
		return nil, err
	}
	formats := map[string]bool{}
	d, err := e.read(ctx, e.source(ctx, name, data, formats, new(int64), 0))
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.Readers = config.ReadersOf(slices.Collect(maps.Keys(formats))...)
	return d, nil
}

// ExtractAll reads the documents one by one, as Extract does.
func (e *Extractor) ExtractAll(ctx context.Context, documents []Input) iter.Seq2[*Document, error] {
	return OneByOne(ctx, documents, e.Extract)
}

// CheckSize fails a document of so many bytes if it is empty or too large.
func CheckSize(bytes int) error {
	if bytes == 0 {
		return config.Failf(config.Malformed, "the document is empty")
	}
	if bytes > MaxSource {
		return config.Failf(config.TooLarge, "the document has %d bytes, at most %d can be read: split it", bytes, MaxSource)
	}
	return nil
}

// source is a document that is held by as many others as depth says, and shares formats and unpacked
// with them.
func (e *Extractor) source(
	ctx context.Context, name string, data []byte, formats map[string]bool, unpacked *int64, depth int,
) document.Source {
	s := document.Source{Name: name, Data: data, Max: e.options.MaxText, Formats: formats, Unpacked: unpacked}
	if depth < document.MaxHeld {
		s.Imports = func(name string, data []byte) (*Document, error) {
			return e.read(ctx, e.source(ctx, name, data, formats, unpacked, depth+1))
		}
	}
	return s
}

// read leaves the document to its kind's reader. A reader that panics on hostile bytes fails this document only.
func (e *Extractor) read(ctx context.Context, s document.Source) (d *Document, err error) {
	if s.Data, err = office.InArchive(ctx, s.Data); err != nil {
		return nil, err
	}
	kind, err := kindOf(ctx, s.Name, s.Data)
	if err != nil {
		return nil, err
	}
	s.Reads(kind)
	defer func() {
		if p := recover(); p != nil {
			d, err = nil, config.Failf(config.Malformed, "the %s cannot be read: %s", kind, plain.Quote(fmt.Sprint(p)))
		}
	}()
	switch kind {
	case document.PDF:
		return e.pdfs.Read(s, e.options.Reached)
	case document.DOCX:
		return office.ReadDOCX(ctx, s)
	case document.PPTX:
		return office.ReadPPTX(ctx, s)
	case document.XLSX:
		return office.ReadXLSX(ctx, s)
	case document.ODF:
		return office.ReadODF(ctx, s)
	case document.EPUB:
		return office.ReadEPUB(ctx, s)
	case document.HTML:
		return markup.ReadHTML(ctx, s)
	case document.Markdown:
		return markup.ReadMarkdown(ctx, s)
	case document.CSV:
		return records.ReadCSV(ctx, s)
	case document.JSON:
		return records.ReadJSON(ctx, s)
	case document.Notebook:
		return markup.ReadNotebook(ctx, s)
	case document.Mail:
		return mail.Read(ctx, s)
	case document.XML:
		return office.ReadXML(ctx, s)
	default:
		return markup.ReadText(ctx, s)
	}
}

// Input is a document as it came.
type Input struct {
	Name string // is a path or file name, which decides among kinds of text only
	Data []byte
	// Draw is a page of a PDF that worker.Pool draws instead of reading the document; 0 for none.
	Draw int
}

// OneByOne reads documents by a function such as Extractor.Extract, in their order.
func OneByOne(
	ctx context.Context, documents []Input, read func(context.Context, string, []byte) (*Document, error),
) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		for _, d := range documents {
			if !yield(read(ctx, d.Name, d.Data)) {
				return
			}
		}
	}
}

// Draw draws a page of a PDF, which counts from 1. Its errors are those of Extract.
func (e *Extractor) Draw(data []byte, page int) (d *Drawing, err error) {
	if err := CheckSize(len(data)); err != nil {
		return nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			d, err = nil, config.Failf(config.Malformed, "the page cannot be drawn: %s", plain.Quote(fmt.Sprint(p)))
		}
	}()
	return e.pdfs.Draw(data, page)
}
