package extract

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Options are the bounds of extraction; the zero value is useful.
type Options struct {
	// Worker is the command line that starts a process which calls ServePDF; such processes read the PDFs. Empty
	// reads them in this process, which is about three times slower, since what cannot be killed must ask in each
	// loop whether it shall go on.
	Worker []string
	// CacheDir holds compiled PDFium between processes; empty compiles it once in each. Workers that are processes
	// are told their own.
	CacheDir string
	// Workers is how many PDFs are read at once: by default one a core, up to 4.
	Workers int
	// MaxText is how many bytes of text a document may give, by default 64 MiB.
	MaxText int64
	// Deadline is what a PDF may take beyond one second for each page that was reached, by default 30 s.
	Deadline time.Duration
}

// maxSource bounds a document's bytes: PDFium holds them beside its own data in 512 MiB.
const maxSource = 256 << 20

// Extractor turns documents into text. It is safe for use by several goroutines.
type Extractor struct {
	options Options
	pdfium  *pdfiumStarter // when PDFs are read in this process
	pdfs    *pdfPool
}

// New makes an Extractor. It starts nothing before the first PDF.
func New(o Options) *Extractor {
	if o.Workers <= 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), 4)
	}
	if o.MaxText <= 0 {
		o.MaxText = 64 << 20
	}
	if o.Deadline <= 0 {
		o.Deadline = 30 * time.Second
	}
	e := &Extractor{options: o, pdfium: newPDFiumStarter(o.CacheDir, true)}
	start := func() (pdfWorker, error) { return e.pdfium.start() }
	if len(o.Worker) > 0 {
		processes := pdfProcesses{command: o.Worker}
		start = func() (pdfWorker, error) { return processes.start() }
	}
	e.pdfs = newPDFPool(o.Workers, start)
	return e
}

// Close ends the PDF workers, waiting for those in use. PDFs cannot be read afterwards.
func (e *Extractor) Close() {
	e.pdfs.close()
	e.pdfium.close()
}

// source is a document as it came.
type source struct {
	name string // decides among kinds of text only
	data []byte
	max  int64 // bytes of text
	// formats takes the format of each document that is read, this one and those that it holds.
	formats map[string]bool
	// imports reads a document that this one holds; nil where it is held by too many others itself.
	imports importer
}

// maxHeld is how deep documents may hold each other.
const maxHeld = 2

// Extract reads data as the kind of document that its bytes show; name, a path or file name, decides only
// among kinds of text. A failure of the document itself is a *config.DocumentError; an ended ctx is ctx's error.
func (e *Extractor) Extract(ctx context.Context, name string, data []byte) (*Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, config.Failf(config.Malformed, "the document is empty")
	}
	if len(data) > maxSource {
		return nil, config.Failf(config.TooLarge, "the document has %d bytes, at most %d can be read: split it", len(data),
			maxSource)
	}
	formats := map[string]bool{}
	d, err := e.read(ctx, e.source(ctx, name, data, formats, 0))
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.Readers = config.ReadersOf(slices.Collect(maps.Keys(formats))...)
	return d, nil
}

// source is a document that is held by as many others as depth says, and shares formats with them.
func (e *Extractor) source(ctx context.Context, name string, data []byte, formats map[string]bool, depth int) source {
	s := source{name: name, data: data, max: e.options.MaxText, formats: formats}
	if depth < maxHeld {
		s.imports = func(name string, data []byte) (*Document, error) {
			return e.read(ctx, e.source(ctx, name, data, formats, depth+1))
		}
	}
	return s
}

// read leaves the document to its kind's reader. A reader that panics on hostile bytes fails this document only.
func (e *Extractor) read(ctx context.Context, s source) (d *Document, err error) {
	kind, err := kindOf(ctx, s.name, s.data)
	if err != nil {
		return nil, err
	}
	s.formats[formatOf[kind]] = true
	defer func() {
		if p := recover(); p != nil {
			d, err = nil, config.Failf(config.Malformed, "the %s cannot be read: %s", kind, quote(fmt.Sprint(p)))
		}
	}()
	switch kind {
	case pdf:
		return e.readPDF(ctx, s)
	case docx:
		return readDOCX(ctx, s)
	case pptx:
		return readPPTX(ctx, s)
	case xlsx:
		return readXLSX(ctx, s)
	case odf:
		return readODF(ctx, s)
	case epub:
		return readEPUB(ctx, s)
	case htmlText:
		return readHTML(ctx, s)
	case markdown:
		return readMarkdown(ctx, s)
	case csvText:
		return readCSV(ctx, s)
	case jsonText:
		return readJSON(ctx, s)
	case notebook:
		return readNotebook(ctx, s)
	case mail:
		return readMail(ctx, s)
	default:
		return readText(ctx, s)
	}
}

// withText fails a document that has nothing to index.
func withText(d *Document, reason config.Reason, message string) (*Document, error) {
	for _, p := range d.Pages {
		if p.Text != "" {
			return d, nil
		}
	}
	return nil, config.Failf(reason, "%s", message)
}

// quote bounds what of a foreign text gets into a message.
func quote(s string) string {
	const limit = 80
	s = strings.Join(strings.Fields(normalise(s)), " ")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}
