package extract

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// workbook makes a workbook as programs write them.
func workbook(t *testing.T, fill func(*excelize.File) error) []byte {
	t.Helper()
	f := excelize.NewFile()
	var b bytes.Buffer
	err := fill(f)
	if err == nil {
		err = f.Write(&b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// first is the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestXLSX(t *testing.T) {
	data := workbook(t, func(f *excelize.File) error {
		const sheet = "Sheet1"
		style := func(format string) int {
			id, err := f.NewStyle(&excelize.Style{CustomNumFmt: &format})
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		day := time.Date(2026, 3, 17, 0, 0, 0, 0, time.UTC)
		set := func(cell string, value any) error { return f.SetCellValue(sheet, cell, value) }
		_, added := f.NewSheet("Secret")
		_, second := f.NewSheet("Notes")
		return first(added, second,
			set("A1", "Stock in March"), f.MergeCell(sheet, "A1", "D1"),
			set("A3", "Region"), set("B3", "Article"), set("C3", "Delivered"), set("D3", "Share"), set("E3", "Hidden"),
			set("A4", "Benelux"), set("B4", "Cable"), set("C4", day), set("D4", 0.25), set("E4", "x"),
			set("B5", "Hub"), set("D5", 1234.5), f.MergeCell(sheet, "A4", "A5"),
			set("A6", "Nordics"), set("B6", 0.1+0.2), set("C6", true), set("A7", "gone"),
			f.SetCellStyle(sheet, "C4", "C4", style("dd/mm/yyyy")), f.SetCellStyle(sheet, "D4", "D4", style("0.0%")),
			f.SetCellStyle(sheet, "D5", "D5", style(`#,##0.00 "EUR"`)),
			set("A10", "Contact"), set("B10", "Phone"), set("A11", "Ines"), set("B11", "0032 9"),
			f.SetRowVisible(sheet, 7, false), f.SetColVisible(sheet, "E", false),
			f.SetCellValue("Secret", "A1", "not shown"), f.SetSheetVisible("Secret", false),
			f.SetCellValue("Notes", "B2", "Only this."),
			f.AddChart("Notes", "D4", &excelize.Chart{
				Type: excelize.Col, Title: excelize.ChartTitle{Paragraph: []excelize.RichTextRun{{Text: "Shares by region"}}},
				Series: []excelize.ChartSeries{{Name: "Sheet1!$D$3", Values: "Sheet1!$D$4:$D$5"}},
			}),
			f.AddComment("Notes", excelize.Comment{Cell: "B2", Author: "A",
				Paragraph: []excelize.RichTextRun{{Text: "Check."}}}),
		)
	})
	d, err := shared.Extract(t.Context(), "a.xlsx", data)
	if err != nil {
		t.Fatal(err)
	}
	const want = `Sheet1

Stock in March
Region | Article | Delivered | Share
Benelux | Cable | 17/03/2026 | 25.0%
Benelux | Hub |  | 1,234.50 EUR
Nordics | 0.3 | TRUE |

Contact | Phone
Ines | 0032 9

Notes

Only this.

Comment on B2: Check.

Shares by region`
	if diff := cmp.Diff(want, textOfFirst(d)); diff != "" {
		t.Error(diff)
	}
	if got := d.Pages[0].Tables; len(got) != 2 || got[0].Header != "Region | Article | Delivered | Share" ||
		got[0].Caption != "Stock in March" || len(got[0].Rows) != 3 || got[1].Header != "Contact | Phone" {
		t.Errorf("tables %+v", got)
	}
	if diff := cmp.Diff([]string{"Notes"}, d.HeadingPath(0, strings.Index(want, "Only"))); diff != "" {
		t.Error(diff)
	}
	warnings := config.Warnings{{
		Reason: config.HiddenText, Count: 3, Places: []string{"Sheet1 column 5", "Sheet1 row 7", "sheet Secret"},
	}}
	if diff := cmp.Diff(warnings, d.Warnings); diff != "" {
		t.Error(diff)
	}
}

// sheetParts is a workbook of one sheet with these elements.
func sheetParts(content string) map[string]string {
	return map[string]string{
		"_rels/.rels":     relationshipsOf("officeDocument", "xl/workbook.xml"),
		"xl/workbook.xml": `<workbook xmlns:r="r"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": relationshipsOf("worksheet", "worksheets/sheet1.xml", "sharedStrings",
			"sharedStrings.xml",
			"styles", "styles.xml"),
		"xl/sharedStrings.xml": `<sst><si><r><t>10</t></r><r><rPr><vertAlign val="superscript"/></rPr><t>6</t></r><rPh>` +
			`<t>x</t></rPh></si></sst>`,
		"xl/styles.xml": `<styleSheet><numFmts><numFmt numFmtId="170" formatCode="yyyy\-mm"/></numFmts><cellXfs>` +
			`<xf numFmtId="0"/>` +
			`<xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="9"/></cellXfs></styleSheet>`,
		"xl/worksheets/sheet1.xml": `<worksheet>` + content + `</worksheet>`,
	}
}

func TestXLSXCells(t *testing.T) {
	for _, c := range []struct{ name, cells, want string }{
		{"a shared text with a power", `<c r="A1" t="s"><v>0</v></c>`, "10⁶"},
		{"a text of its own", `<c t="inlineStr"><is><t>in place</t></is></c>`, "in place"},
		{"a formula's value", `<c><f>1+1</f><v>2</v></c>`, "2"},
		{"a formula's text", `<c t="str"><f>"a"</f><v>a</v></c>`, "a"},
		{"an error", `<c t="e"><v>#N/A</v></c>`, "#N/A"},
		{"a day", `<c s="1"><v>46098</v></c>`, "2026-03-17"},
		{"a day in the ISO form", `<c t="d"><v>2026-03-17T00:00:00</v></c>`, "2026-03-17"},
		{"a format of the file", `<c s="2"><v>46098</v></c>`, "2026-03"},
		{"a percentage", `<c s="3"><v>0.07</v></c>`, "7%"},
		{"a large number", `<c><v>123456789012345</v></c>`, "123456789012345"},
		{"cells without places", `<c><v>1</v></c><c><v>2</v></c>`, "1 | 2"},
		{"a text that is not there", `<c t="s"><v>7</v></c><c><v>1</v></c>`, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := shared.Extract(t.Context(), "a.xlsx", zipOf(t, sheetParts(`<sheetData><row>`+c.cells+`</row>`+
				`</sheetData>`)))
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimPrefix(textOfFirst(d), "S\n\n"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestXLSXSaysWhichFormulasHaveNoValue(t *testing.T) {
	d, err := shared.Extract(t.Context(), "a.xlsx", zipOf(t, sheetParts(
		`<sheetData><row r="2"><c r="A2"><v>1</v></c><c r="B2"><f>A2*2</f></c></row></sheetData><headerFooter>`+
			`<oddHeader>&amp;C&amp;"Arial,Bold"&amp;12QP-4471&amp;P</oddHeader></headerFooter>`)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Warnings{{Reason: config.PartsIgnored, Count: 1, Places: []string{"S!B2"}}},
		d.Warnings); diff != "" {
		t.Error(diff)
	}
	if want := "S\n\n1\n\nQP-4471"; textOfFirst(d) != want {
		t.Errorf("got %q", textOfFirst(d))
	}
}

func TestHostileWorkbooksFailByThemselves(t *testing.T) {
	for name, content := range map[string]string{
		"a column too far": `<sheetData><row><c r="ZZZZ1"><v>1</v></c></row></sheetData>`,
		"a row too far":    `<sheetData><row r="99999999"><c><v>1</v></c></row></sheetData>`,
		"cells far apart":  `<sheetData>` + strings.Repeat(`<row><c r="XFD1"><v>1</v></c></row>`, 400) + `</sheetData>`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := shared.Extract(t.Context(), "a.xlsx", zipOf(t, sheetParts(content)))
			wantReason(t, err, config.TooComplex, "")
		})
	}
	t.Run("merged cells over everything", func(t *testing.T) {
		content := `<sheetData>` + strings.Repeat(`<row><c><v>1</v></c><c><v>2</v></c></row>`, 1000) + `</sheetData>` +
			strings.Repeat(`<mergeCell ref="A1:XFD1048576"/>`, 10_000)
		if _, err := shared.Extract(t.Context(), "a.xlsx", zipOf(t, sheetParts(content))); err != nil {
			t.Error(err)
		}
	})
}

func FuzzXLSX(f *testing.F) {
	fuzzPart(f, "a.xlsx", "xl/worksheets/sheet1.xml", sheetParts(""),
		`<worksheet><sheetData><row r="1"><c r="A1" t="s"><v>0</v></c><c s="2"><v>46098</v></c></row></sheetData>`+
			`<mergeCells><mergeCell ref="A1:B2"/></mergeCells></worksheet>`,
		`<worksheet><cols><col min="1" max="3" hidden="1"/></cols><sheetData><row hidden="1"><c><v>1</v></c></row><row>`+
			`<c r="D2"><v>1e308</v></c></row></sheetData></worksheet>`)
}
