package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const numberingPart = `<w:numbering xmlns:w="w">
<w:abstractNum w:abstractNumId="1">
<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>
<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/></w:lvl>
<w:lvl w:ilvl="2"><w:start w:val="3"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="(%3)"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="2"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val=""/></w:lvl>
<w:lvl w:ilvl="1"><w:numFmt w:val="upperRoman"/><w:lvlText w:val="%2)"/></w:lvl></w:abstractNum>
<w:abstractNum w:abstractNumId="3"><w:lvl w:ilvl="0"><w:numFmt w:val="upperRoman"/><w:lvlText w:val="Article %1"/>
<w:pStyle w:val="berschrift1"/></w:lvl>
<w:lvl w:ilvl="1"><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2"/><w:isLgl/><w:pStyle w:val="Deep"/></w:lvl>
</w:abstractNum>
<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num>
<w:num w:numId="2"><w:abstractNumId w:val="2"/></w:num>
<w:num w:numId="3"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>
</w:num>
<w:num w:numId="4"><w:abstractNumId w:val="3"/></w:num></w:numbering>`

func TestDOCXNumbering(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"levels", listed("0", "1", "a") + listed("1", "1", "b") + listed("1", "1", "c") + listed("2", "1", "d") +
			listed("0", "1", "e") + listed("1", "1", "f") + listed("2", "1", "g"),
			"1. a\n1.1 b\n1.2 c\n(c) d\n2. e\n2.1 f\n(c) g"},
		{"a list that goes on after text", listed("0", "1", "a") + para(words("between")) + listed("0", "1", "b"),
			"1. a\n\nbetween\n2. b"},
		{"a list that begins anew", listed("0", "1", "a") + listed("0", "1", "b") + listed("0", "3", "c") + listed("0", "3",
			"d"), "1. a\n2. b\n1. c\n2. d"},
		{"bullets", listed("0", "2", "a") + listed("1", "2", "b") + listed("1", "2", "c"), "- a\nI) b\nII) c"},
		{"a level below none", listed("1", "1", "a"), "1.1 a"},
		{"a paragraph taken out of its list", listed("0", "0", "a"), "a"},
		{"headings by their styles", paragraph("berschrift1", "Scope") + paragraph("Deep", "Terms") + paragraph("Deep",
			"Parties") + paragraph("berschrift1", "Delivery"),
			"Article I Scope\n\n1.1 Terms\n\n1.2 Parties\n\nArticle II Delivery"},
		{"an empty item counts", listed("0", "1", "a") + listed("0", "1", "") + listed("0", "1", "c"), "1. a\n3. c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts := docxParts(c.body)
			parts["word/numbering.xml"] = numberingPart
			parts["word/styles.xml"] = strings.NewReplacer(
				`<w:name w:val="heading 1"/>`, `<w:name w:val="heading 1"/><w:pPr><w:numPr><w:numId w:val="4"/></w:numPr></w:pPr>`,
				`<w:pPr><w:outlineLvl w:val="2"/>`, `<w:pPr><w:outlineLvl w:val="2"/><w:numPr><w:ilvl w:val="1"/>`+
					`<w:numId w:val="4"/></w:numPr>`,
			).Replace(parts["word/styles.xml"])
			d, err := shared.Extract(t.Context(), "a.docx", zipOf(t, parts))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, textOfFirst(d)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
