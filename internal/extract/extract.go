package extract

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
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

// The bounds of a document, in bytes.
const (
	MaxSource = 128 << 20 // as it came
	MaxText   = 64 << 20  // the text in it
)

// Extractor turns documents into text, in this process. It is safe for use by several goroutines, of which one reads a
// PDF at a time. Nothing bounds the time or the memory that a reader takes: for that, internal/extract/worker runs an
// Extractor in a process that can be killed.
type Extractor struct {
	options Options
	pdfs    pdfiums
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
	return &Extractor{options: o, pdfs: pdfiums{cacheDir: o.CacheDir, starting: o.Starting, launch: launchPDFium}}
}

// Close ends PDFium, and waits for a PDF that is being read.
func (e *Extractor) Close() { e.pdfs.close() }

// source is a document as it came.
type source struct {
	name string // decides among kinds of text only
	data []byte
	max  int64 // bytes of text
	// formats takes the format of each document that is read, this one and those that it holds.
	formats map[string]bool
	// unpacked counts the bytes of archives, of this document and of those that it holds.
	unpacked *int64
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
) source {
	s := source{name: name, data: data, max: e.options.MaxText, formats: formats, unpacked: unpacked}
	if depth < maxHeld {
		s.imports = func(name string, data []byte) (*Document, error) {
			return e.read(ctx, e.source(ctx, name, data, formats, unpacked, depth+1))
		}
	}
	return s
}

// read leaves the document to its kind's reader. A reader that panics on hostile bytes fails this document only.
func (e *Extractor) read(ctx context.Context, s source) (d *Document, err error) {
	if s.data, err = inArchive(ctx, s.data); err != nil {
		return nil, err
	}
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
		return e.pdfs.read(s, e.options.Reached)
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
	case xmlText:
		return readXML(ctx, s)
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
