package office

import (
	"context"
	"path"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// ReadODF reads an OpenDocument file (ISO/IEC 26300): a text, a spreadsheet, a presentation or a drawing.
func ReadODF(ctx context.Context, s document.Source) (*document.Document, error) {
	a, err := openArchive(ctx, s)
	if err != nil {
		return nil, err
	}
	r := &odfReader{
		archive: a, imports: s.Imports, limit: document.NewLimit(s.Max), masters: map[string][]*node{},
		declared: map[string]string{},
		shown:    map[string]bool{},
		deleted:  map[string]bool{},
	}
	for _, read := range []func() error{r.readManifest, r.readStyles} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	d, err := r.document()
	if err != nil {
		return nil, err
	}
	meta, err := a.tree("meta.xml")
	if err != nil {
		return nil, err
	}
	if d.Title = plain.PlausibleTitle(meta.at("meta", "title").content()); d.Title == "" {
		d.Title = r.title
	}
	d.Warnings.Add(config.PagesWithoutText, len(r.images), r.images...)
	d.Warnings.Merge(r.warnings)
	d.Warnings.Add(config.HiddenText, r.hiddenRuns)
	d.WarnOfSymbols()
	if err := refusePictures(len(r.images), len(d.Pages)); err != nil {
		return nil, err
	}
	return document.WithText(d, config.NoTextLayer, "the document contains no text, perhaps only images; there is no OCR")
}

// odfReader turns the XML of OpenDocument into blocks.
type odfReader struct {
	*archive
	imports document.Importer
	limit   *document.Limit
	styles  map[string]odfStyle
	lists   odfLists
	title   string // the first paragraph in the style Title

	masters  map[string][]*node // shapes of the masters of slides, by the masters' names
	declared map[string]string  // headers, footers and dates of slides, by name
	shown    map[string]bool    // lines of masters that were written

	cells    int             // around the paragraph that is being read
	deleted  map[string]bool // tracked changes that delete text
	deleting bool            // reports whether the text that is being read is deleted

	attached   []document.Block // what is anchored in the paragraph that is being read
	objects    int              // how deep the object that is being read is held by others
	pictures   int              // on the slide that is being read
	images     []string
	hiddenRuns int
	warnings   config.Warnings // of sheets, rows and columns that are not shown, and parts that are not read
	err        error           // the first failure
}

// readManifest refuses encrypted files, whose parts are not XML.
func (r *odfReader) readManifest() error {
	root, err := r.tree("META-INF/manifest.xml")
	if err != nil {
		return err
	}
	for entry := range root.elements("file-entry") {
		if entry.attr("full-path") == "content.xml" && entry.child("encryption-data") != nil {
			return config.Failf(config.Encrypted, "the document needs a password: save it without one")
		}
	}
	return nil
}

// document reads the content as the kind of document that its body holds.
func (r *odfReader) document() (*document.Document, error) {
	out := &document.Flow{Context: r.ctx, Limit: r.limit}
	text := &odfBody{reader: r, writer: document.BlockWriter{Out: out}}
	d := &document.Document{}
	err := r.walk("content.xml", visitor{
		whole: func(name string) bool {
			switch name {
			case "document-content", "body", "text", "spreadsheet", "presentation", "drawing", "section", "table",
				"table-header-rows", "table-rows", "table-row-group", "index-body", "table-of-content",
				"table-columns", "table-header-columns", "table-column-group":
				return false
			}
			return true
		},
		open:  text.open,
		close: text.close,
		node: func(n *node) error {
			switch n.name {
			case "automatic-styles":
				r.addStyles(n)
			case "header-decl", "footer-decl", "date-time-decl":
				r.declared[n.attr("name")] = n.content()
			case "page":
				return r.page(d, n)
			default:
				return text.node(n)
			}
			return r.err
		},
	})
	if err == nil {
		err = text.writer.Flush()
	}
	if err == nil {
		err = r.err
	}
	if err != nil || len(d.Pages) > 0 {
		return d, err
	}
	if err := r.furniture(out); err != nil {
		return nil, err
	}
	d.Pages = []document.Page{out.Page(0)}
	return d, nil
}

// furniture writes the headers and footers of a text, once.
func (r *odfReader) furniture(out *document.Flow) error {
	root, err := r.tree("styles.xml")
	if err != nil {
		return err
	}
	w, seen := document.BlockWriter{Out: out}, map[string]bool{}
	for _, kind := range []string{
		"header", "header-left", "header-first", "footer", "footer-left", "footer-first",
	} {
		for page := range root.at("master-styles").descendants(kind) {
			for _, b := range r.blocks(page) {
				text := document.OneLineOf([]document.Block{b})
				if text == "" || seen[text] || strings.IndexFunc(text, plain.IsFigure) < 0 {
					continue
				}
				seen[text] = true
				if err := w.Write(document.Block{Text: text}); err != nil {
					return err
				}
			}
		}
	}
	return r.err
}

// odfBody writes the body of a text or a spreadsheet as it comes.
type odfBody struct {
	reader      *odfReader
	writer      document.BlockWriter
	spreadsheet bool
	table       *document.BlockTable // of a text
	sheet       *odfSheet            // of a spreadsheet
	header      bool                 // in the rows that name the columns
	depth       int                  // of tables
	sections    []bool               // around this place: which of them are not shown
}

func (b *odfBody) open(e *node) error {
	switch e.name {
	case "spreadsheet":
		b.spreadsheet = true
	case "section":
		hidden := isHiddenSection(e)
		if hidden {
			b.reader.hiddenRuns++
		}
		b.sections = append(b.sections, hidden)
	case "table-header-rows":
		b.header = true
	case "table":
		b.depth++
		if b.spreadsheet {
			b.sheet = b.reader.newSheet(e)
		} else if b.depth == 1 {
			b.table = document.NewBlockTable(b.reader.limit)
		}
	}
	return nil
}

func (b *odfBody) close(name string) error {
	switch name {
	case "section":
		b.sections = b.sections[:len(b.sections)-1]
	case "table-header-rows":
		b.header = false
	case "table":
		b.depth--
		if b.sheet != nil {
			s := b.sheet
			b.sheet = nil
			return s.write(b.writer.Out)
		}
		if b.depth == 0 && b.table != nil {
			t := b.table
			b.table = nil
			return b.writer.Write(document.Block{Kind: document.TableBlock, Table: t})
		}
	}
	return nil
}

func (b *odfBody) node(n *node) error {
	switch {
	case slices.Contains(b.sections, true):
		return nil
	case b.sheet != nil:
		return b.sheet.part(n)
	case b.table != nil:
		return b.reader.row(b.table, n, b.header)
	}
	return b.writer.WriteAll(b.reader.blocksOf(n))
}

func (r *odfReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// object is what an embedded object shows: a formula, which is part of the text, or the figures of a chart.
func (r *odfReader) object(w *odfInline, n *node) {
	name := path.Clean(strings.TrimPrefix(n.attr("href"), "./"))
	if formula := n.child("math"); formula != nil {
		w.formula(formula)
		return
	}
	root := n.child("document") // of a flat file
	if root == nil {
		var err error
		if root, err = r.tree(name + "/content.xml"); err != nil && !document.IsMalformed(err) {
			r.fail(err)
			return
		}
	}
	if r.objects >= document.MaxHeld || root == nil {
		r.warnings.Add(config.PartsIgnored, 1, name)
		return
	}
	r.objects++
	defer func() { r.objects-- }()
	if root.name == "math" {
		w.formula(root)
		return
	}
	showFigures(root)
	r.attached = append(r.attached, r.blocks(root.child("body"))...)
}

// foreignObject attaches the text of a document of another program.
func (r *odfReader) foreignObject(n *node) {
	name := path.Clean(strings.TrimPrefix(n.attr("href"), "./"))
	blocks, err := importPart(r.archive, r.imports, name)
	if err != nil {
		r.fail(err)
	}
	if blocks == nil {
		r.warnings.Add(config.PartsIgnored, 1, name)
	}
	r.attach(withoutHeadings(blocks))
}

// htmlOf is an element as HTML has it.
func htmlOf(n *node) *html.Node {
	if n.name == "" {
		return &html.Node{Type: html.TextNode, Data: n.text}
	}
	e := &html.Node{Type: html.ElementNode, Data: n.name}
	for _, c := range n.children {
		e.AppendChild(htmlOf(c))
	}
	return e
}
