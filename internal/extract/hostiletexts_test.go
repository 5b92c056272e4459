package extract

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// hostileTexts are pages, tables, and other documents that are text.
var hostileTexts = slices.Concat(hostileLines(), hostileWikis(), hostileSpans(), hostileNesting(), hostilePages(), []hostile{
	{name: "a page with a first row of 5,000 columns", file: "a.html", n: 5000, make: asPage(func(n int) string {
		return "<table><tr>" + times(n, "<td>x") + times(n, "<tr><td>x") + "</table>"
	})},
	{name: "a page with a first row of 20,000 columns", file: "a.html", n: 20_000, make: asPage(func(n int) string {
		return "<table><tr>" + times(n, "<td>x") + times(n, "<tr><td>x") + "</table>"
	}), want: config.TooComplex, says: "16384 columns: split it"},
	{name: "a page with 5,000 cells that go on for 5,000 rows", file: "a.html", n: 5000, make: asPage(func(n int) string {
		return "<table><tr>" + times(n, "<td rowspan=9999>x") + times(n, "<tr><td>x") + "</table>"
	}), want: config.TooComplex, says: "5000000 cells: split it"},
	{name: "a page with merged cells of long texts", file: "a.html", n: 300, make: asPage(func(n int) string {
		return "<table><tr>" + times(16, "<td colspan=1000 rowspan=9999>"+times(290, "x")) + times(n, "<tr><td>x") + "</table>"
	}), want: config.TooLarge, says: "67108864 bytes of text"},
	{name: "a page with an element of 15 million attributes", file: "a.html", n: 15_000_000, make: asPage(func(n int) string {
		return "<p" + times(n, " a") + ">x"
	}), want: config.TooComplex, says: "100000 attributes"},
	{name: "a page that hides attributes behind a bracket in quotes", file: "a.html", n: 5_000_000,
		make: asPage(func(n int) string { return `<p a=">" b = '>'` + times(n, ` a=""`) + ">x" }),
		want: config.TooComplex, says: "100000 attributes"},
	{name: "a page of 7 million elements", file: "a.html", n: 7_000_000,
		make: asPage(func(n int) string { return times(n, "<p>x") }), want: config.TooComplex, says: "700000 tags: split it"},
	{name: "a page with formatting that each paragraph repeats", file: "a.html", n: 12_500, make: asPage(func(n int) string {
		return "<p>" + numbered(400, "<b id=%d>") + "</p>" + times(n, "<p>x</p>")
	})},
	{name: "a page of a list of 200,000 items", file: "a.html", n: 200_000, make: asPage(func(n int) string {
		return "<ol>" + times(n, "<li>x</li>\n") + "</ol>"
	})},
	{name: "a page of 50,000 headings", file: "a.html", n: 50_000, make: asPage(func(n int) string {
		return times(n, "<h2>head</h2><p>x</p>")
	})},
	{name: "a table of 120 MiB of commas", file: "a.csv", n: 120 << 20,
		make: asText(func(n int) string { return times(n, ",") }), want: config.TooLarge, says: "67108864 can be read: split it"},
	{name: "a table of 60 MiB of commas", file: "a.csv", n: 60 << 20,
		make: asText(func(n int) string { return times(n, ",") }), want: config.TooComplex, says: "16384 columns: split it"},
	{name: "a table of empty rows", file: "a.csv", n: 8 << 20,
		make: asText(func(n int) string { return times(n, ",,,\n") }), want: config.Malformed, says: "no values"},
	{name: "a table of 1,000 columns with long names", file: "a.csv", n: 5000, make: asText(func(n int) string {
		return times(1000, times(190, "n")+",") + "n\n" + times(n, times(1000, "1,")+"1\n")
	}), want: config.TooLarge, says: "67108864 bytes of text: split it"},
	{name: "a table of quotes that nothing closes", file: "a.csv", n: 2_000_000,
		make: asText(func(n int) string { return "a,b\n" + times(n, "\"x\n") })},
	{name: "a table of quotes around many lines", file: "a.csv", n: 20_000,
		make: asText(func(n int) string { return "a,b\n" + times(n, "\"x"+times(400, "y\n")) }),
		want: config.TooComplex, says: "5000000 cells"},
	{name: "JSON with many keys far down", file: "a.json", n: 2_000_000, make: asText(func(n int) string {
		return nested(900, `{"a":`, `{`+times(n, `"b":1,`)+`"c":2}`, "}")
	}), want: config.TooLarge, says: "67108864 bytes of text: split it"},
	{name: "JSON with 30 million values", file: "a.json", n: 30_000_000,
		make: asText(func(n int) string { return "[" + times(n, "1,") + "1]" }), want: config.TooComplex, says: "5000000 values"},
	{name: "a notebook of 10 million cells", file: "a.ipynb", n: 10_000_000,
		make: asText(func(n int) string { return `{"cells":[` + times(n, "{},") + `{"source":"x"}]}` }),
		want: config.TooComplex, says: "1000000 values: clear its outputs"},
	{name: "a notebook of 10 million outputs", file: "a.ipynb", n: 10_000_000,
		make: asText(func(n int) string { return `{"cells":[{"source":"x","outputs":[` + times(n, "{},") + `{}]}]}` }),
		want: config.TooComplex, says: "1000000 values: clear its outputs"},
	{name: "Markdown with long lines in deep quotations", file: "a.md", n: 100_000,
		make: asText(func(n int) string { return times(n, times(99, "> ")+"x\n") })},
	{name: "Markdown with references to references", file: "a.md", n: 200_000,
		make: asText(func(n int) string { return times(n, "[a]: <b> 'c'\n") + times(n, "[a") })},
	{name: "a mail of 300 pages", file: "a.eml", n: 300, make: asText(func(n int) string {
		page := "<html><body><table><tr><td>" + times(1500, "<p>Some words in a page</p>") + "</table>"
		return mailOf("mixed", slices.Repeat([]string{"Content-Type: text/html\r\n\r\n" + page}, n)...)
	})},
})

// hostileSpans are cells of 85 bytes that cover up to 10^8 columns or rows.
func hostileSpans() []hostile {
	var all []hostile
	for _, span := range []string{"colspan", "rowspan"} {
		for _, digits := range []int{6, 7, 8} {
			all = append(all, hostile{
				name: fmt.Sprintf("a page with a %s of 10^%d", span, digits), file: "a.html", n: digits,
				make: asPage(func(n int) string {
					return "<table><tr><td " + span + "=1" + times(n, "0") + ">a<td>b<tr><td>c<td>d</table>"
				}),
			})
		}
	}
	return all
}

// hostileNesting are pages of nested elements around a text.
func hostileNesting() []hostile {
	all := []hostile{
		{name: "a page of 3,000 nested quotations", file: "a.html", n: 3000, make: asPage(func(n int) string {
			return times(n, "<blockquote>") + "x"
		})},
		{name: "a page of nested quotations around a long text", file: "a.html", n: 1500, make: asPage(func(n int) string {
			return times(n, "<blockquote>x") + longText(n)
		})},
		{name: "a page of 60,000 nested lists", file: "a.html", n: 60_000, make: asPage(func(n int) string {
			return times(n, "<ul><li>x")
		})},
		{name: "a page that nests 26 MB of text 380 deep", file: "a.html", n: 380, make: asPage(func(n int) string {
			return times(n, "<div>") + times(16, longText(n))
		}), want: config.TooComplex, says: "nests its text too deep"},
	}
	for _, tag := range []string{"div", "b", "a href=x", "sup", "dl><dd", "h1><div", "pre", "table><tr><td"} {
		name, _, _ := strings.Cut(strings.ReplaceAll(tag, ">", " "), " ")
		all = append(all, hostile{
			name: "a page of 380 nested " + name + " around a long text", file: "a.html", n: 380,
			make: asPage(func(n int) string { return nested(n, "<"+tag+">", times(3, longText(n)), "</"+name+">") }),
		})
	}
	return all
}

// hostilePages are PDFs of one page.
func hostilePages() []hostile {
	page := func(of func(n int) string) func(testing.TB, int) []byte {
		return func(_ testing.TB, n int) []byte {
			thai := map[byte]rune{'a': 'ก', 'b': 'ู', 'c': '่'}
			return pdftest.Document{Unicode: thai, Pages: []pdftest.Page{{Content: of(n)}}}.Bytes()
		}
	}
	return []hostile{
		{name: "a PDF with all its words in one cell", file: "a.pdf", n: 4000, make: page(func(n int) string {
			words := "60 500 200 100 re 260 500 200 100 re 60 600 200 100 re 260 600 200 100 re S\n"
			for i := range n {
				words += fmt.Sprintf("BT /F1 6 Tf %d %d Td (w%d) Tj ET\n", 70+i%6*30, 590-i/6%9*10, i)
			}
			return words
		})},
		{name: "a PDF with all its marks on one line", file: "a.pdf", n: 10_000, make: page(func(n int) string {
			return times(n, "BT /F3 10 Tf 60 700 Td (abc) Tj 3 1 Td (bc) Tj ET\n")
		})},
	}
}
