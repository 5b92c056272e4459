package extract

import (
	"encoding/xml"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/office"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// renamed are the parts of a package whose main part has another name.
func renamed(parts map[string]string, from, to string) map[string]string {
	moved := map[string]string{"_rels/.rels": relationshipsOf("officeDocument", "/"+to)}
	for name, content := range parts {
		if name == from {
			name = to
		}
		moved[name] = content
	}
	return moved
}

func TestOfficePackagesOfEveryMake(t *testing.T) {
	body := docxParts(para(words("Words.")))
	slide := pptxParts(shape("body", "Words."))
	backslashes := map[string]string{}
	for name, content := range slide {
		backslashes[strings.ReplaceAll(name, "/", `\`)] = strings.ReplaceAll(content, "slides/", `slides\`)
	}
	strict := docxParts("")
	strict["word/document.xml"] = strings.NewReplacer("http://schemas.openxmlformats.org/wordprocessingml/2006/main",
		"http://purl.oclc.org/ooxml/wordprocessingml/main", "</w:body>",
		para(words("Words."))+"</w:body>").Replace(strict["word/document.xml"])
	prefixed := docxParts("")
	prefixed["word/document.xml"] = `<document xmlns="w"><body><p><r><t>Words.</t></r></p></body></document>`
	utf16le := docxParts("")
	utf16le["word/document.xml"] = "\xff\xfe" + inUTF16LE(`<?xml version="1.0" encoding="UTF-16"?>`+
		`<w:document xmlns:w="w"><w:p><w:r><w:t>Words.</w:t></w:r></w:p></w:document>`)
	for name, data := range map[string][]byte{
		"a main part of another name": zipOf(t, renamed(body, "word/document.xml", "word/document2.xml")),
		"backslashes":                 zipOf(t, backslashes),
		"strict":                      zipOf(t, strict),
		"no prefixes":                 zipOf(t, prefixed),
		"a part in UTF-16":            zipOf(t, utf16le),
	} {
		for _, file := range []string{"a.docx", "a.docm", "a.dotx", "a.pptm", "a.potx", "a.ppsx", "a"} {
			d, err := shared.Extract(t.Context(), file, data)
			if err != nil || textOfFirst(d) != "Words." {
				t.Errorf("%s as %s: got %v, %v", name, file, d, err)
			}
		}
	}
}

func inUTF16LE(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func TestOfficeFilesThatAreNotReadAreNamed(t *testing.T) {
	compound := func(stream string) []byte {
		return []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1...." + inUTF16LE(stream))
	}
	binary := map[string]string{"_rels/.rels": relationshipsOf("officeDocument", "xl/workbook.bin"),
		"xl/workbook.bin": "\x83\x01"}
	visio := map[string]string{"_rels/.rels": relationshipsOf("document", "visio/document.xml", "officeDocument",
		"visio/document.xml"), "visio/document.xml": `<VisioDocument/>`}
	for _, c := range []struct {
		data []byte
		says string
	}{
		{compound("__substg1.0_1000001F"), "Outlook messages (MSG) are not read"},
		{compound("WordDocument"), "(DOC) is not read: save it as DOCX"},
		{compound("PowerPoint Document"), "(PPT) is not read: save it as PPTX"},
		{compound("Workbook"), "(XLS) is not read: save it as XLSX"},
		{compound("Contents"), "before 2007"},
		{[]byte(`{\rtf1 x}`), "(RTF) is not read"},
		{[]byte(`<?xml version="1.0"?><?mso-application progid="Word.Document"?><w:wordDocument/>`), "as one XML file"},
		{zipOf(t, binary), "(XLSB) are not read"},
		{zipOf(t, visio), "Visio"},
		{zipOf(t, map[string]string{"mimetype": "application/x-krita"}), "application/x-krita"},
		{zipOf(t, map[string]string{"a.txt": "x"}), "unpack it"},
	} {
		_, err := shared.Extract(t.Context(), "a.docx", c.data)
		wantReason(t, err, config.Unsupported, c.says)
	}
}

// hostileBodies are bodies of Word documents that ask for far more than their size.
func hostileBodies() map[string]string {
	nested := strings.Repeat(`<w:tbl><w:tr><w:tc>`, 5000) + para(words("x")) + strings.Repeat(`</w:tc></w:tr></w:tbl>`,
		5000)
	wide := `<w:tc><w:tcPr><w:gridSpan w:val="100000000"/></w:tcPr>` + para(words("x")) + `</w:tc>`
	return map[string]string{
		"deep tables":     nested,
		"many attributes": `<w:p` + strings.Repeat(` a=""`, office.MaxAttributes+1) + `/>`,
		"many columns":    `<w:tbl>` + row(strings.Repeat(wide, 20)) + `</w:tbl>`,
		"many cells":      `<w:tbl>` + strings.Repeat(row(strings.Repeat(wide, 16)), 400) + `</w:tbl>`,
		"a long comment":  `<!--` + noise(office.MaxPiece+1<<17) + `-->`,
		"a long text":     para(words(noise(office.MaxPiece + 1<<17))),
		"many elements":   `<w:p>` + strings.Repeat(`<w:r/>`, office.MaxNodes) + `</w:p>`,
	}
}

// noise is text that no archive can pack so well that it passes for a bomb.
func noise(length int) string {
	var b strings.Builder
	for i := 0; b.Len() < length; i++ {
		b.WriteString(strconv.Itoa(i * i))
	}
	return b.String()
}

func TestHostileDocumentsFailByThemselves(t *testing.T) {
	for name, body := range hostileBodies() {
		t.Run(name, func(t *testing.T) {
			_, err := shared.Extract(t.Context(), "a.docx", docxOf(t, body))
			if reason, _ := config.ReasonOf(err); reason != config.TooComplex {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("a slide shown 60,000 times", func(t *testing.T) {
		parts := pptxParts(shape("title", "x"))
		parts["ppt/presentation.xml"] = `<p:presentation xmlns:r="r"><p:sldIdLst>` + strings.Repeat(`<p:sldId r:id="rId1"/>`,
			60_000) + `</p:sldIdLst></p:presentation>`
		_, err := shared.Extract(t.Context(), "a.pptx", zipOf(t, parts))
		wantReason(t, err, config.TooComplex, "5000 slides")
	})
	t.Run("a slide shown twice", func(t *testing.T) {
		parts := pptxParts(shape("title", "x"))
		parts["ppt/presentation.xml"] = `<p:presentation xmlns:r="r"><p:sldIdLst><p:sldId r:id="rId1"/>` +
			`<p:sldId r:id="rId1"/></p:sldIdLst></p:presentation>`
		d, err := shared.Extract(t.Context(), "a.pptx", zipOf(t, parts))
		if err != nil || len(d.Pages) != 1 {
			t.Errorf("got %v, %v", d, err)
		}
	})
}

// manyAttributes is a tag that must not reach the decoder as a whole.
var manyAttributes = `<a` + strings.Repeat(` a="x"`, office.MaxAttributes+1) + `/>`

// mostAttributes reads to the end or to the first error, and returns the attributes of the tag that has most.
func mostAttributes(text string) (int, error) {
	d := office.NewXMLDecoder(strings.NewReader(text), "part")
	most := 0
	for {
		token, err := d.Token()
		if err != nil {
			return most, err
		}
		if e, ok := token.(xml.StartElement); ok {
			most = max(most, len(e.Attr))
		}
	}
}

// What the guard takes for text must be text to the decoder, or a tag could hide in it.
func TestTagsCannotHideFromTheGuard(t *testing.T) {
	for _, before := range []string{
		``, `<b c='>'/>`, `<b c=">" d='"'/>`, `<!-->-->`, `<!-- <![CDATA[ -->`, `<b><![CDATA[<!--]]></b>`, `<?x <!--?>`,
		`<!DOCTYPE a "'>">`, `<!DOCTYPE a [<!-- ' -->]><b c="'>"/>`,
	} {
		most, err := mostAttributes(before + manyAttributes)
		if _, named := config.ReasonOf(err); !named || most > office.MaxAttributes {
			t.Errorf("%s: read a tag of %d attributes, then %v", before, most, err)
		}
	}
}

// FuzzGuard holds the guard to the decoder: no tag has more attributes than the guard allows, whatever stands before it.
func FuzzGuard(f *testing.F) {
	for _, s := range []string{`<!--`, `-->`, `<![CDATA[`, `]]>`, `<?`, `'`, `<!DOCTYPE [ `, `<a b="`,
		`<?xml version="1.0" encoding="shift_jis"?>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, before string) {
		if most, err := mostAttributes(before + manyAttributes); most > office.MaxAttributes {
			t.Fatalf("a tag of %d attributes passed, then %v", most, err)
		}
	})
}

func TestSymbols(t *testing.T) {
	for _, c := range []struct{ font, code, want string }{
		{"Symbol", "F06D", "µ"}, {"Symbol", "F0B0", "°"}, {"Symbol", "F0A3", "≤"}, {"Symbol", "F0E5", "∑"}, {"Symbol", "57",
			"Ω"},
		{"Wingdings", "F0FC", "✓"}, {"Wingdings", "F0E0", "→"}, {"Wingdings", "F081", "①"}, {"Wingdings 2", "F052", "☑"},
		{"Wingdings 3", "F067", "→"}, {"Webdings", "F061", "✔"}, {"Arial", "00B5", "µ"}, {"Private", "E123", "\ue123"}, {"x",
			"no", ""},
	} {
		if got := plain.Symbol(c.font, c.code); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.font, c.code, strconv.QuoteToASCII(got), c.want)
		}
	}
}
