package office

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// maxSheets bounds a workbook. Each sheet, empty ones too, has a part of its own.
const maxSheets = 1_000

// ReadXLSX reads a workbook: each sheet that is shown under its name, as tables of the values that are shown, then
// its comments, text boxes and charts' titles.
func ReadXLSX(ctx context.Context, s document.Source) (*document.Document, error) {
	pack, title, err := openTitled(ctx, s)
	if err != nil {
		return nil, err
	}
	r := &xlsxReader{ooxml: pack, out: &document.Flow{Context: ctx, Limit: pack.limit}}
	for _, read := range []func() error{r.readWorkbook, r.readStrings, r.readFormats, r.writeSheets} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	d := r.out.Single(title)
	d.Warnings = r.warnings
	d.WarnOfSymbols()
	return document.WithText(d, config.Malformed, "the workbook holds no values in the sheets that it shows")
}

// xlsxReader turns SpreadsheetML (ECMA-376 part 1, section 18) into text.
type xlsxReader struct {
	*ooxml
	out       *document.Flow
	relations relationships // of the workbook
	sheets    []*node
	from1904  bool
	strings   []string // shared by the cells
	formats   cellFormats

	// warnings count the sheets, rows and columns that are not shown, and the cells with a formula whose value the file
	// lacks.
	warnings config.Warnings
}

func (r *xlsxReader) readWorkbook() error {
	root, err := r.tree(r.main)
	if err != nil {
		return err
	}
	r.sheets = slices.Collect(root.at("sheets").elements("sheet"))
	if len(r.sheets) > maxSheets {
		return config.Failf(config.TooComplex, "the workbook has more than %d sheets: split it", maxSheets)
	}
	r.from1904 = isTrue(root.at("workbookPr").attr("date1904"))
	r.relations, err = r.relationships(r.main)
	return err
}

// readStrings reads the texts that cells refer to.
func (r *xlsxReader) readStrings() error {
	total := 0
	return r.walk(r.relations.first("sharedStrings"), visitor{
		whole: func(name string) bool { return name == "si" },
		open:  func(*node) error { return nil },
		close: func(string) error { return nil },
		node: func(si *node) error {
			if len(r.strings) >= document.MaxCells {
				return config.Failf(config.TooComplex, "the workbook has more than %d texts: split it", document.MaxCells)
			}
			text := sheetText(si)
			r.strings = append(r.strings, text)
			total += len(text)
			return r.limit.Fits(total)
		},
	})
}

// sheetText is a text with its powers and indices, without the reading that is set over it.
func sheetText(n *node) string {
	var w inline
	for _, c := range n.children {
		switch c.name {
		case "t":
			w.write(unescaped(c.content()), onLine)
		case "r":
			style := runStyle{}.apply(c.child("rPr"))
			w.write(plain.InFont(c.at("rPr", "rFont").attr("val"), unescaped(c.at("t").content())), style.level)
		}
	}
	return w.String()
}

var escapedUnit = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// unescaped is a text of a workbook (ST_Xstring), which writes characters that XML does not allow as _x000D_, and the
// first sign of what only looks like that as _x005F_.
func unescaped(s string) string {
	return escapedUnit.ReplaceAllStringFunc(s, func(unit string) string {
		code, err := strconv.ParseUint(unit[2:6], 16, 16)
		switch {
		case err != nil || utf16.IsSurrogate(rune(code)):
			return unit
		case code < ' ':
			return "\n"
		}
		return string(rune(code))
	})
}

func (r *xlsxReader) writeSheets() error {
	for _, s := range r.sheets {
		name := s.attr("name")
		if state := s.attr("state"); state == "hidden" || state == "veryHidden" {
			r.warnings.Add(config.HiddenText, 1, "sheet "+name)
			continue
		}
		if err := r.sheet(name, r.relations.target(s.relationshipID("id"))); err != nil {
			return err
		}
	}
	return nil
}

// sheet writes one sheet, if there is anything in it.
func (r *xlsxReader) sheet(name, part string) error {
	relations, err := r.relationships(part)
	if err != nil {
		return err
	}
	s := &sheetReader{reader: r, relations: relations, grid: sheetGrid{name: name, limit: r.limit}}
	err = r.walk(part, visitor{
		whole: func(name string) bool {
			return slices.Contains([]string{"row", "col", "mergeCell", "hyperlink", "headerFooter"}, name)
		},
		open:  func(*node) error { return nil },
		close: func(string) error { return nil },
		node:  s.part,
	})
	if err != nil {
		return err
	}
	r.warnings.Add(config.Truncated, s.grid.merge(), name+" merged cells")
	beside, err := r.beside(relations)
	if err != nil {
		return err
	}
	beside = append(beside, s.furniture...)
	if s.grid.isEmpty() && len(beside) == 0 {
		return nil
	}
	if err := r.out.Heading(1, name); err != nil {
		return err
	}
	if err := s.grid.write(r.out); err != nil {
		return err
	}
	w := document.BlockWriter{Out: r.out}
	return w.WriteLast(beside)
}

// beside is what a sheet shows over its cells.
func (r *xlsxReader) beside(relations relationships) ([]document.Block, error) {
	var blocks []document.Block
	kind := "threadedComment" // whose texts the older form repeats, with a notice
	if relations.first(kind) == "" {
		kind = "comments"
	}
	for target := range relations.all(kind) {
		root, err := r.tree(target)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, sheetComments(root)...)
	}
	for target := range relations.all("drawing") {
		drawing, err := r.drawing(target)
		if err != nil {
			return nil, err
		}
		blocks = append(blocks, drawing...)
	}
	return blocks, nil
}

func sheetComments(root *node) []document.Block {
	var blocks []document.Block
	for _, name := range []string{"comment", "threadedComment"} {
		for comment := range root.descendants(name) {
			text := plain.Fold(sheetText(comment.child("text").orEmpty()))
			if text == "" {
				text = plain.Fold(comment.at("text").content())
			}
			if text != "" {
				blocks = append(blocks, document.Block{Text: "Comment on " + comment.attr("ref") + ": " + text})
			}
		}
	}
	return blocks
}

// drawing is the text of the boxes over a sheet, what an author wrote about its pictures, and the titles of its charts,
// whose figures stand in the sheets.
func (r *xlsxReader) drawing(part string) ([]document.Block, error) {
	root, err := r.tree(part)
	if err != nil {
		return nil, err
	}
	relations, err := r.relationships(part)
	if err != nil {
		return nil, err
	}
	var blocks []document.Block
	hidden := 0
	for body := range root.descendants("txBody") {
		blocks = append(blocks, drawingText(body, &hidden)...)
	}
	for drawn := range root.descendants("cNvPr") {
		blocks = append(blocks, alternativeText(drawn.attr("title"), drawn.attr("descr"))...)
	}
	for chart := range root.descendants("chart") {
		all, err := chartBlocks(r.ooxml, relations.target(chart.relationshipID("id")))
		if err != nil && !document.IsMalformed(err) {
			return nil, err
		}
		blocks = append(blocks,
			slices.DeleteFunc(all, func(b document.Block) bool { return b.Kind == document.TableBlock })...)
	}
	return blocks, nil
}

// sheetReader reads the rows of one sheet.
type sheetReader struct {
	reader    *xlsxReader
	relations relationships
	grid      sheetGrid
	hidden    hiddenColumns
	furniture []document.Block
}

func (s *sheetReader) part(n *node) error {
	switch n.name {
	case "row":
		return s.row(n)
	case "col":
		if isTrue(n.attr("hidden")) {
			return s.hidden.hide(s.grid.name, number(n.attr("min"))-1, number(n.attr("max"))-1)
		}
	case "mergeCell":
		return s.grid.addMerge(n.attr("ref"))
	case "hyperlink": // which stands behind all rows
		return s.grid.addLink(n.attr("ref"), s.relations.address(n.relationshipID("id")))
	case "headerFooter":
		for _, name := range []string{"oddHeader", "oddFooter"} {
			if text := headerText(n.at(name).content()); text != "" {
				s.furniture = append(s.furniture, document.Block{Text: text})
			}
		}
	}
	return nil
}

func (s *sheetReader) hide(what, which string) {
	s.reader.warnings.Add(config.HiddenText, 1, s.grid.name+" "+what+" "+which)
}

func (s *sheetReader) row(n *node) error {
	index := s.grid.next()
	if at := number(n.attr("r")); at > 0 {
		index = at - 1
	}
	if isTrue(n.attr("hidden")) {
		if n.find("v") != nil || n.find("is") != nil {
			s.hide("row", strconv.Itoa(index+1))
		}
		return nil
	}
	next := 0
	for c := range n.elements("c") {
		if ref := c.attr("r"); ref != "" {
			if column, _, ok := cellPlace(ref); ok {
				next = column
			}
		}
		column := next
		next++
		if s.isHidden(column, c) {
			continue
		}
		if err := s.grid.put(index, column, s.value(c)); err != nil {
			return err
		}
	}
	return nil
}

// isHidden reports whether a column is not shown, and notes that there is a value in it.
func (s *sheetReader) isHidden(column int, c *node) bool {
	hidden, first := s.hidden.at(column, len(c.children) > 0)
	if first {
		s.hide("column", strconv.Itoa(column+1))
	}
	return hidden
}

// value is what a cell shows.
func (s *sheetReader) value(c *node) string {
	r, v := s.reader, c.at("v")
	text := v.content()
	switch c.attr("t") {
	case "s":
		if i := number(text); v != nil && i >= 0 && i < len(r.strings) {
			return r.strings[i]
		}
		return ""
	case "inlineStr":
		return sheetText(c.child("is").orEmpty())
	case "b":
		return map[string]string{"1": "TRUE", "0": "FALSE"}[text]
	case "str", "e":
		return withAddress(unescaped(text), formulaLink(c.child("f")))
	case "d":
		return strings.TrimSuffix(text, "T00:00:00")
	}
	if text == "" && c.child("f") != nil {
		r.warnings.Add(config.PartsIgnored, 1, s.grid.name+"!"+c.attr("r"))
	}
	return r.formats.show(text, number(c.attr("s")))
}

var linkFormula = regexp.MustCompile(`(?i)^\s*HYPERLINK\(\s*"([^"]+)"`)

// formulaLink is where a formula HYPERLINK leads, if it says so by itself.
func formulaLink(formula *node) string {
	if found := linkFormula.FindStringSubmatch(formula.content()); found != nil {
		return found[1]
	}
	return ""
}

// headerText is a sheet's header or footer without its codes: &L, &P, &"Arial,Bold", &12.
func headerText(code string) string {
	var b strings.Builder
	for rest := code; rest != ""; {
		before, after, found := strings.Cut(rest, "&")
		b.WriteString(before)
		if !found || after == "" {
			break
		}
		switch c := after[0]; {
		case c == '&':
			b.WriteByte('&')
			rest = after[1:]
		case c == '"':
			_, rest, _ = strings.Cut(after[1:], `"`)
		case c >= '0' && c <= '9':
			rest = strings.TrimLeft(after, "0123456789")
		case c == 'K':
			rest = after[min(7, len(after)):]
		default:
			b.WriteByte(' ')
			rest = after[1:]
		}
	}
	text := plain.Fold(b.String())
	if strings.IndexFunc(text, plain.IsFigure) < 0 {
		return ""
	}
	return text
}

// number is a count or an index in an attribute, or 0 if there is none.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
