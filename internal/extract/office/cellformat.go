package office

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Excel's own bounds.
const (
	maxCellStyles   = 65_490
	maxFormatLength = 255
)

// cellFormats shows numbers as a workbook's styles say: as dates, percentages, currencies. The formats are excelize's,
// which is given a workbook of the styles alone: its own reader holds whole workbooks in memory. It knows neither
// conditions nor formats for zero: each section of a format is a style of its own there.
type cellFormats struct {
	styles   []string                   // ids of number formats, by cell style
	sections map[string][]formatSection // by id; none where numbers are shown as they are
	written  []writtenFormat            // by style in book, from 1
	book     *excelize.File
	shown    map[styledValue]string
}

type styledValue struct {
	text  string
	style int
}

// writtenFormat is a number format in the book: a code, or if that is empty one that Excel knows by its id.
type writtenFormat struct{ id, code string }

// readFormats reads the number format of each cell style.
func (r *xlsxReader) readFormats() error {
	root, err := r.tree(r.relations.first("styles"))
	if err != nil {
		return err
	}
	codes := map[string]string{}
	for format := range root.at("numFmts").elements("numFmt") {
		codes[format.attr("numFmtId")] = format.attr("formatCode")
	}
	for xf := range root.at("cellXfs").elements("xf") {
		id := xf.attr("numFmtId")
		r.formats.add(id, codes[id])
	}
	if len(r.formats.styles) > maxCellStyles {
		return config.Failf(config.TooComplex, "the workbook has more than %d cell styles: simplify it", maxCellStyles)
	}
	return r.formats.open(r.from1904)
}

// add adds a cell style.
func (f *cellFormats) add(id, code string) {
	if f.sections == nil {
		f.sections = map[string][]formatSection{}
	}
	f.styles = append(f.styles, id)
	if _, known := f.sections[id]; known || number(id) == 0 || strings.EqualFold(code, "General") ||
		len(code) > maxFormatLength {
		return
	}
	sections := formatSectionsOf(code)
	for i := range sections {
		f.written = append(f.written, writtenFormat{id, sections[i].code})
		sections[i].style = len(f.written)
	}
	f.sections[id] = sections
}

// open makes the workbook of the styles.
func (f *cellFormats) open(from1904 bool) error {
	const namespace = ` xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`
	const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	const ownID = 1000 // of the first code
	var codes, styles strings.Builder
	for i, w := range f.written {
		if w.code != "" {
			w.id = strconv.Itoa(ownID + i)
			codes.WriteString(`<numFmt numFmtId="` + w.id + `" formatCode="` + escaped(w.code) + `"/>`)
		}
		styles.WriteString(`<xf numFmtId="` + escaped(w.id) + `"/>`)
	}
	relationship := func(kind, target string) string {
		return `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` +
			`<Relationship Id="rId1" Type="` +
			office + "/" + kind + `" Target="` + target + `"/></Relationships>`
	}
	parts := map[string]string{
		"[Content_Types].xml": `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`,
		"_rels/.rels":         relationship("officeDocument", "xl/workbook.xml"),
		"xl/workbook.xml": `<workbook` + namespace + `><workbookPr date1904="` + strconv.FormatBool(from1904) +
			`"/><sheets><sheet name="s" sheetId="1" r:id="rId1" xmlns:r="` + office + `"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": relationship("worksheet", "worksheets/sheet1.xml"),
		"xl/worksheets/sheet1.xml":   `<worksheet` + namespace + `><sheetData/></worksheet>`,
		// excelize takes the first style for the absence of one
		"xl/styles.xml": `<styleSheet` + namespace + `><numFmts>` + codes.String() + `</numFmts><cellXfs><xf numFmtId="0"/>` +
			styles.String() + `</cellXfs></styleSheet>`,
	}
	book, err := openParts(parts)
	if err != nil {
		return config.Failf(config.Malformed, "the workbook's number formats are damaged: %s", plain.Quote(err.Error()))
	}
	f.book, f.shown = book, map[styledValue]string{}
	return nil
}

func openParts(parts map[string]string) (*excelize.File, error) {
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, parts[name])
		}
		if err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return excelize.OpenReader(&packed, excelize.Options{
		UnzipXMLSizeLimit: MaxUnpacked, // never into a temporary file
		UnzipSizeLimit:    MaxUnpacked,
		ShortDatePattern:  "yyyy-mm-dd", // a region's own form could be read in two ways
	})
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

// show is a number in a cell style.
func (f *cellFormats) show(text string, style int) string {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(value, 0) || math.IsNaN(value) {
		return text
	}
	if style < 0 || style >= len(f.styles) || len(f.sections[f.styles[style]]) == 0 {
		return generalNumber(value)
	}
	key := styledValue{text, style}
	if shown, ok := f.shown[key]; ok {
		return shown
	}
	shown := f.inSections(value, f.sections[f.styles[style]])
	const remembered = 50_000
	if len(f.shown) < remembered {
		f.shown[key] = shown
	}
	return shown
}

// inSections shows a number in the section that it belongs to. One that an empty section hides is shown as it is.
func (f *cellFormats) inSections(value float64, sections []formatSection) string {
	if s, ok := sectionFor(value, sections); ok && (s.code != "" || len(sections) == 1) {
		shown, err := f.formatted(s.signed(value), s.style)
		if err == nil && strings.TrimSpace(shown) != "" {
			return shown
		}
	}
	return generalNumber(value)
}

// formatted asks excelize. It may panic on formats that nothing writes.
func (f *cellFormats) formatted(value float64, style int) (shown string, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("the number format cannot be read")
		}
	}()
	const sheet, cell = "s", "A1"
	if err := f.book.SetCellStyle(sheet, cell, cell, style); err != nil {
		return "", err
	}
	if err := f.book.SetCellFloat(sheet, cell, value, -1, 64); err != nil {
		return "", err
	}
	return f.book.GetCellValue(sheet, cell)
}

// generalNumber is a number as the format General shows it, in full: the 15 digits that a spreadsheet has.
func generalNumber(value float64) string {
	text := strconv.FormatFloat(value, 'g', 15, 64)
	if short, err := strconv.ParseFloat(text,
		64); err == nil && math.Abs(short) < 1e15 && (short == 0 || math.Abs(short) >= 1e-9) {
		return strconv.FormatFloat(short, 'f', -1, 64)
	}
	return text
}
