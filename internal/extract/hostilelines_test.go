package extract

import "github.com/ragpipeline/ragpipeline/internal/config"

// hostileLines are texts in markup and in XML.
func hostileLines() []hostile {
	return []hostile{
		{name: "a text of tables that are none", file: "a.txt", n: 300_000,
			make: asText(func(n int) string { return times(n, "+--+\nx | y\n--+--\na  b\n-- --\n") + "xxxx" })},
		{name: "JSON of a string in single quotes that nothing closes", file: "a.json", n: 1_000_000,
			make: asText(func(n int) string { return "{\"a\": '" + times(n, `\'`) + "\n}" }), want: config.Malformed,
			says: "broken at line 1"},
		{name: "a text of items", file: "a.txt", n: 10_000,
			make: asText(func(n int) string { return times(n, "1. A\n\n") })},
		{name: "a text of blocks that do not end", file: "a.org", n: 300_000,
			make: asText(func(n int) string { return numbered(n, "#+begin_a%d\n") })},
		{name: "a table of AsciiDoc whose cells span everything", file: "a.adoc", n: 4000, make: asText(func(n int) string {
			return "|===\n" + times(n, "999.999+|x\n") + "|===\n"
		}), want: config.TooComplex, says: "16384 columns: split it"},
		{name: "XML of 600,000 elements", file: "a.xml", n: 600_000,
			make: asText(func(n int) string { return "<a>" + times(n, "<b>x</b>") + "</a>" }), want: config.TooComplex,
			says: "500000 others"},
		{name: "XML with elements within a line", file: "a.xml", n: 200_000,
			make: asText(func(n int) string {
				return "<topic><title>x</title><p>" + times(n, "<b>x</b>") + "</p></topic>"
			})},
		{name: "XML of nested sections", file: "a.xml", n: 100, make: asText(func(n int) string {
			return "<book>" + times(n, nested(80, "<article><title>x</title>", "<p>y</p>", "</article>")) + "</book>"
		})},
		{name: "XML with an entity many times", file: "a.xml", n: 100, make: asText(func(n int) string {
			return `<!DOCTYPE a [<!ENTITY b "` + times(1<<20, "x") + `">]><a>` + times(n, "&b;") + `</a>`
		}), want: config.TooLarge, says: "entities"},
	}
}
