package extract

import (
	"archive/zip"
	"bytes"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// wordBody makes a Word document of its body, sheetBody a workbook of one sheet, slideBody a presentation of one slide.
func wordBody(of func(n int) string) func(testing.TB, int) []byte {
	return func(tb testing.TB, n int) []byte { return packed(tb, docxParts(of(n))) }
}

func sheetBody(of func(n int) string) func(testing.TB, int) []byte {
	return func(tb testing.TB, n int) []byte { return packed(tb, sheetParts(of(n))) }
}

func slideBody(of func(n int) string) func(testing.TB, int) []byte {
	return func(tb testing.TB, n int) []byte { return packed(tb, pptxParts(of(n))) }
}

func openBody(kind string, of func(n int) string) func(testing.TB, int) []byte {
	return func(tb testing.TB, n int) []byte { return packed(tb, odfParts(kind, "", of(n))) }
}

// chartSlide makes a presentation that shows a chart n times, in which some series is repeated.
func chartSlide(series string, repeated int) func(testing.TB, int) []byte {
	return func(tb testing.TB, n int) []byte {
		frame := `<p:graphicFrame><c:chart xmlns:r="r" r:id="rId1"/></p:graphicFrame>`
		return packed(tb, pptxParts(times(n, frame)+shape("title", "x")), map[string]string{
			"ppt/slides/_rels/slide1.xml.rels": relationshipsOf("chart", "../charts/chart1.xml"),
			"ppt/charts/chart1.xml": `<c:chartSpace><c:chart><c:plotArea>` + times(repeated, series) +
				`</c:plotArea></c:chart></c:chartSpace>`,
		})
	}
}

// styledBook makes a book whose chapters have links to a style sheet.
func styledBook(chapters, links int) func(testing.TB, int) []byte {
	return func(tb testing.TB, n int) []byte {
		chapters, links := min(chapters, n), min(links, n)
		parts := epubParts()
		items, refs := "", ""
		for i := range chapters {
			id := "c" + strconv.Itoa(i)
			items += `<item id="` + id + `" href="` + id + `.xhtml" media-type="application/xhtml+xml"/>`
			refs += `<itemref idref="` + id + `"/>`
			parts["OEBPS/"+id+".xhtml"] = `<html><head>` + times(links, `<link rel="stylesheet" href="s.css"/>`) +
				`</head><body><p>10<span class="a">6</span> words</p></body></html>`
		}
		parts["OEBPS/book.opf"] = `<package><manifest>` + items + `</manifest><spine>` + refs + `</spine></package>`
		parts["OEBPS/s.css"] = times(min(8000, n), `.a{vertical-align:super}`)
		return packed(tb, parts)
	}
}

// hostileOffice are documents in archives.
var hostileOffice = []hostile{
	{name: "a Word document with an element of 48 million attributes", file: "a.docx", n: 48_000_000,
		make: attributesPacked, want: config.TooLarge, says: "zip bomb"},
	{name: "a Word document with an element of 6 million attributes", file: "a.docx", n: 6_000_000,
		make: wordBody(func(n int) string { return `<w:p` + times(n, ` a=""`) + `/>` }),
		want: config.TooComplex, says: "10000 attributes"},
	{name: "a Word document of 5,000 nested tables", file: "a.docx", n: 5000, make: wordBody(func(n int) string {
		return nested(n, `<w:tbl><w:tr><w:tc>`, para(words("x")), `</w:tc></w:tr></w:tbl>`)
	}), want: config.TooComplex, says: "deeper than 256"},
	{name: "a Word document of 80 tables around 10 MB", file: "a.docx", n: 80, make: wordBody(func(n int) string {
		return nested(n, `<w:tbl><w:tr><w:tc>`, times(10, para(words(noise(2*n*n*n)))), `</w:tc></w:tr></w:tbl>`)
	}), want: config.TooLarge, says: "nested ones counted again: split it"},
	{name: "a Word document of fields that do not end", file: "a.docx", n: 50_000, make: wordBody(func(n int) string {
		return times(n, para(`<w:r><w:fldChar w:fldCharType="begin"/><w:fldChar w:fldCharType="separate"/></w:r>`)) +
			times(n, para(words("x")))
	}), want: config.TooComplex, says: "256 fields"},
	{name: "a Word document of a field's long code", file: "a.docx", n: 200_000, make: wordBody(func(n int) string {
		return para(`<w:r><w:fldChar w:fldCharType="begin"/>`+times(n, `<w:instrText>abcdefghij</w:instrText>`)+
			`<w:fldChar w:fldCharType="end"/></w:r>`) + para(words("x"))
	})},
	{name: "a Word document of paragraphs that lost their ends", file: "a.docx", n: 200_000,
		make: wordBody(func(n int) string {
			return times(n, `<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr><w:r><w:t>words</w:t></w:r></w:p>`)
		})},
	{name: "a Word document of a nested formula", file: "a.docx", n: 110, make: wordBody(func(n int) string {
		return para(`<m:oMath>` + nested(n, `<m:rad><m:e>`, `<m:r><m:t>`+noise(6*n*n*n)+`</m:t></m:r>`, `</m:e></m:rad>`) +
			`</m:oMath>`)
	})},
	{name: "a Word document of nested alternatives", file: "a.docx", n: 110, make: wordBody(func(n int) string {
		return para(nested(n, `<mc:AlternateContent><mc:Choice>`, times(n*n*n/6, `<w:r/>`)+words("x"),
			`</mc:Choice></mc:AlternateContent>`))
	})},
	{name: "a Word document of a style with 100,000 properties", file: "a.docx", n: 100_000,
		make: func(tb testing.TB, n int) []byte {
			return packed(tb, docxParts(times(n, paragraph("Own", "x"))), map[string]string{
				"word/styles.xml": `<w:styles xmlns:w="x"><w:style w:type="paragraph" w:styleId="Own"><w:rPr>` +
					times(n, `<w:vanish w:val="0"/>`) + `</w:rPr></w:style></w:styles>`,
			})
		}},
	{name: "a Word document with a header of 80,000 lines", file: "a.docx", n: 80_000,
		make: func(tb testing.TB, n int) []byte {
			return packed(tb, docxParts(para(words("x"))), map[string]string{
				"word/_rels/document.xml.rels": relationshipsOf("header", "header1.xml"),
				"word/header1.xml":             `<w:hdr>` + numbered(n, para(words("line %d"))) + `</w:hdr>`,
			})
		}},
	{name: "a presentation that shows a slide 60,000 times", file: "a.pptx", n: 60_000,
		make: func(tb testing.TB, n int) []byte {
			return packed(tb, pptxParts(shape("title", "x")), map[string]string{
				"ppt/presentation.xml": `<p:presentation xmlns:r="r"><p:sldIdLst>` + times(n, `<p:sldId r:id="rId1"/>`) +
					`</p:sldIdLst></p:presentation>`,
			})
		}, want: config.TooComplex, says: "5000 slides: split it"},
	{name: "a slide of 20,000 shapes", file: "a.pptx", n: 20_000, make: slideBody(func(n int) string {
		s := ""
		for i := range 100 {
			s += times(n/100, box10(i*61%100, i, 1, 1, "x"))
		}
		return s + shape("title", "x")
	})},
	{name: "a slide of nested groups", file: "a.pptx", n: 200, make: slideBody(func(n int) string {
		return nested(n, `<p:grpSp>`+box10(1, 1, 1, 1, "y"), times(n*n*n/400, box10(1, 1, 1, 1, "x")), `</p:grpSp>`)
	})},
	{name: "a slide with a chart of 8 million figures", file: "a.pptx", n: 255, make: func(tb testing.TB, n int) []byte {
		return packed(tb, pptxParts(`<p:graphicFrame><c:chart xmlns:r="r" r:id="rId1"/></p:graphicFrame>`+shape("title", "x")),
			map[string]string{
				"ppt/slides/_rels/slide1.xml.rels": relationshipsOf("chart", "../charts/chart1.xml"),
				"ppt/charts/chart1.xml": `<c:chartSpace><c:chart><c:plotArea>` + times(n, `<c:ser><c:val><c:numLit>`+
					`<c:pt idx="31999"><c:v>1</c:v></c:pt></c:numLit></c:val></c:ser>`) + `</c:plotArea></c:chart></c:chartSpace>`,
			})
	}, want: config.TooComplex, says: "500000 figures"},
	{name: "a slide of 500 charts of gaps", file: "a.pptx", n: 500, make: chartSlide(`<c:ser><c:val><c:numLit>`+
		`<c:pt idx="400"><c:v>1</c:v></c:pt></c:numLit></c:val></c:ser>`, 50),
		want: config.TooComplex, says: "5000000 cells: split it"},
	{name: "a slide of a chart of 50,000 levels", file: "a.pptx", n: 1, make: chartSlide(`<c:ser><c:cat><c:multiLvlStrRef>`+
		`<c:multiLvlStrCache>`+times(50_000, `<c:lvl><c:pt idx="31999"><c:v>x</c:v></c:pt></c:lvl>`)+`</c:multiLvlStrCache>`+
		`</c:multiLvlStrRef></c:cat><c:val><c:numLit><c:pt idx="0"><c:v>1</c:v></c:pt></c:numLit></c:val></c:ser>`, 1)},
	{name: "a workbook whose rows ascend", file: "a.xlsx", n: 300_000, make: sheetBody(func(n int) string {
		rows := make([]byte, 0, 40*n)
		for i := range n {
			rows = append(strconv.AppendInt(append(rows, `<row r="`...), int64(n-i), 10), `"><c><v>1</v></c></row>`...)
		}
		return `<sheetData>` + string(rows) + `</sheetData>`
	})},
	{name: "a workbook of a million merged cells", file: "a.xlsx", n: 1_000_000, make: sheetBody(func(n int) string {
		return `<sheetData><row>` + times(min(n, 16_000), `<c><v>1</v></c>`) + `</row></sheetData>` +
			times(n, `<mergeCell ref="A1:B1"/>`)
	})},
	{name: "a workbook of 100,000 hidden ranges", file: "a.xlsx", n: 100_000, make: sheetBody(func(n int) string {
		return `<cols>` + times(n, `<col min="1" max="16000" hidden="1"/>`) + `</cols><sheetData><row>` +
			times(n, `<c><v>1</v></c>`) + `</row></sheetData>`
	}), want: config.TooComplex, says: "16384 ranges"},
	{name: "a workbook of 400,000 hidden rows", file: "a.xlsx", n: 400_000, make: sheetBody(func(n int) string {
		return `<sheetData>` + times(n, `<row hidden="1"><c><v>1</v></c></row>`) + `</sheetData>`
	}), want: config.Malformed, says: "no values in the sheets"},
	{name: "a workbook that refers to 8 MB 1,000 times", file: "a.xlsx", n: 1000, make: func(tb testing.TB, n int) []byte {
		return packed(tb, sheetParts(`<sheetData>`+times(n, `<row><c t="s"><v>0</v></c></row>`)+`</sheetData>`),
			map[string]string{"xl/sharedStrings.xml": `<sst><si><t>` + noise(8000*n) + ` x</t></si></sst>`})
	}, want: config.TooLarge, says: "67108864 bytes of text"},
	{name: "a sheet of a million repeated rows", file: "a.ods", n: 16_000, make: openBody("spreadsheet", func(n int) string {
		return `<table:table><table:table-row table:number-rows-repeated="1000000"><table:table-cell ` +
			`table:number-columns-repeated="` + strconv.Itoa(n) + `"><text:p>x</text:p></table:table-cell>` +
			`</table:table-row></table:table>`
	}), want: config.TooComplex, says: "5000000 cells: split it"},
	{name: "a sheet of repeated rows of long texts", file: "a.ods", n: 1000, make: openBody("spreadsheet", func(n int) string {
		return `<table:table><table:table-row table:number-rows-repeated="1000000"><table:table-cell><text:p>` +
			times(n, "x y ") + `</text:p></table:table-cell></table:table-row></table:table>`
	}), want: config.TooLarge, says: "67108864 bytes of text"},
	{name: "a sheet of 100,000 hidden columns", file: "a.ods", n: 100_000, make: openBody("spreadsheet", func(n int) string {
		return `<table:table>` + times(n, `<table:table-column table:visibility="collapse"/>`) + `<table:table-row>` +
			times(n, `<table:table-cell><text:p>x</text:p></table:table-cell>`) + `</table:table-row></table:table>`
	}), want: config.TooComplex, says: "16384 ranges"},
	{name: "a text with a row of 100 million cells", file: "a.odt", n: 100_000, make: openBody("text", func(n int) string {
		return `<table:table><table:table-row>` + times(n, `<table:table-cell table:number-columns-repeated="1000">`+
			`<text:p>x</text:p></table:table-cell>`) + `</table:table-row></table:table>`
	}), want: config.TooComplex, says: "16384 columns: split it"},
	{name: "a text of 80 tables around 10 MB", file: "a.odt", n: 80, make: openBody("text", func(n int) string {
		return nested(n, `<table:table><table:table-row><table:table-cell>`, times(10, `<text:p>`+noise(2*n*n*n)+`</text:p>`),
			`</table:table-cell></table:table-row></table:table>`)
	}), want: config.TooLarge, says: "nested ones counted again: split it"},
	{name: "a text of a style with 9,900 properties", file: "a.odt", n: 200_000, make: func(tb testing.TB, n int) []byte {
		return packed(tb, odfParts("text", "", times(n, `<text:p text:style-name="S">x</text:p>`)), map[string]string{
			"styles.xml": `<office:document-styles><office:styles><style:style style:name="S"><style:text-properties` +
				times(9_900, ` a="x"`) + `/></style:style></office:styles></office:document-styles>`,
		})
	}},
	{name: "a book with 5,000 links to a style sheet", file: "a.epub", n: 8000, make: styledBook(1, 5000)},
	{name: "a book of 2,000 chapters with one style sheet", file: "a.epub", n: 8000, make: styledBook(2000, 1)},
	{name: "a book that lists a chapter under 60,000 names", file: "a.epub", n: 60_000, make: func(tb testing.TB, n int) []byte {
		return packed(tb, epubParts(), map[string]string{
			"OEBPS/book.opf": `<package><manifest>` +
				numbered(n, `<item id="i%d" href="text/a.xhtml" media-type="application/xhtml+xml"/>`) +
				`</manifest><spine>` + numbered(n, `<itemref idref="i%d"/>`) + `</spine></package>`,
		})
	}},
}

// attributesPacked is a Word document of 937 kB or less, made without holding it unpacked.
func attributesPacked(tb testing.TB, n int) []byte {
	tb.Helper()
	before, after, _ := strings.Cut(docxParts("|")["word/document.xml"], "|")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("word/document.xml")
	if err != nil {
		tb.Fatal(err)
	}
	pieces := []string{before, `<w:p`}
	for range n / 1000 {
		pieces = append(pieces, thousandAttributes)
	}
	for _, piece := range append(pieces, times(n%1000, ` a=""`), `/>`, after) {
		if _, err := io.WriteString(w, piece); err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

var thousandAttributes = times(1000, ` a=""`)
