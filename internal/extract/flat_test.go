package extract

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/office"
)

// flatODF is the parts of a document as one file.
func flatODF(parts map[string]string) string {
	inner := func(part string) string {
		_, text, _ := strings.Cut(parts[part], ">")
		return text[:strings.LastIndex(text, "<")]
	}
	return `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<office:document xmlns:office="o" office:mimetype="` +
		parts["mimetype"] + `"><office:meta><dc:title>Flat</dc:title></office:meta>` + inner("styles.xml") +
		inner("content.xml") + `</office:document>`
}

func flatOPC(parts map[string]string) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" standalone="yes"?><?mso-application progid="Word.Document"?><pkg:package xmlns:pkg="p">`)
	for name, content := range parts {
		b.WriteString(`<pkg:part pkg:name="/` + name + `">`)
		if strings.HasPrefix(content, "<") {
			b.WriteString(`<pkg:xmlData>` + content + `</pkg:xmlData>`)
		} else {
			b.WriteString(`<pkg:binaryData>` + base64.StdEncoding.EncodeToString([]byte(content)) + `</pkg:binaryData>`)
		}
		b.WriteString(`</pkg:part>`)
	}
	return b.String() + `</pkg:package>`
}

func TestOfficeDocumentsInOneXMLFile(t *testing.T) {
	chart := odfParts("text", "", `<text:p>Words.<draw:frame><draw:object><office:document><office:body><office:chart>`+
		`<chart:chart><chart:title><text:p>Shares</text:p></chart:title></chart:chart></office:chart></office:body>`+
		`</office:document></draw:object></draw:frame></text:p>`)
	word := docxParts(para(words("Words.")) + `<w:altChunk ` + relationshipsNamespace + `r:id="rId1"/>`)
	word["word/_rels/document.xml.rels"] = relationshipsOf("aFChunk", "chunk.txt")
	word["word/chunk.txt"] = "Shares"
	for name, data := range map[string]string{"a.fodt": flatODF(chart), "a.xml": flatOPC(word), "a.odt": flatODF(chart)} {
		d, err := shared.Extract(t.Context(), name, []byte(data))
		if err != nil || !strings.HasPrefix(textOfFirst(d), "Words.\n\nShares") {
			t.Errorf("%s: got %q, %v", name, textOfFirst(d), err)
		}
	}
	for name, c := range map[string]struct {
		data   string
		reason config.Reason
	}{
		"cut off":     {flatODF(chart)[:900], config.Malformed},
		"bad base64":  {strings.Replace(flatOPC(word), `<pkg:binaryData>`, `<pkg:binaryData>!`, 1), config.Malformed},
		"deep":        {`<?xml version="1.0"?><office:document x="">` + strings.Repeat("<a>", 300), config.TooComplex},
		"many parts":  {`<?xml version="1.0"?><pkg:package>` + strings.Repeat(`<pkg:part><pkg:xmlData/></pkg:part>`, 10_001), config.TooLarge},
		"of no kind":  {`<?xml version="1.0"?><office:document office:mimetype="x"></office:document>`, config.Unsupported},
		"of no parts": {`<?xml version="1.0"?><pkg:package></pkg:package>`, config.Unsupported},
	} {
		_, err := shared.Extract(t.Context(), name, []byte(c.data))
		wantReason(t, err, c.reason, "")
	}
}

func FuzzFlat(f *testing.F) {
	f.Add([]byte(flatODF(odfParts("text", "", "<text:p>x</text:p>"))))
	f.Add([]byte(flatOPC(docxParts(para(words("x"))))))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := office.InArchive(t.Context(), data); err != nil {
			if _, own := config.ReasonOf(err); !own {
				t.Error(err)
			}
		}
	})
}
