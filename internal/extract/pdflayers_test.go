package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// layered is a PDF with a layer /On, a layer /Off, and a form /X1 that belongs to the layer which the object names.
func layered(content, form string) []byte {
	d := pdftest.Document{Pages: []pdftest.Page{{Content: shown + content}}}
	objects := "90 0 obj<</Type/OCG/Name(Off)>>endobj\n91 0 obj<</Type/OCG/Name(On)>>endobj\n" +
		"92 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 612 792]" + form +
		"/Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>/Length 47>>stream\n" +
		"BT /F1 10 Tf 60 600 Td (Words of a layer.) Tj ET\nendstream endobj\n"
	return []byte(strings.NewReplacer( // PDFium finds the objects again that this moves
		"/Type/Catalog", "/Type/Catalog/OCProperties<</OCGs[90 0 R 91 0 R]/D<</OFF[90 0 R]>>>>",
		"/Resources <<", "/Resources <</Properties<</Off 90 0 R/On 91 0 R>>/XObject<</X1 92 0 R>>",
		"\n1 0 obj", "\n"+objects+"1 0 obj",
	).Replace(string(d.Bytes())))
}

func TestPDFLayersThatAreOffStayOut(t *testing.T) {
	words := at(60, 600, "", "Words of a layer.")
	for _, c := range []struct {
		name, content, form string
		seen                bool
	}{
		{"text of a layer that is on", "/OC /On BDC " + words + "EMC", "", true},
		{"text of a layer that is off", "/OC /Off BDC " + words + "EMC", "", false},
		{"a form drawn in a layer that is on", "/OC /On BDC /X1 Do EMC", "", true},
		{"a form drawn in a layer that is off", "/OC /Off BDC /X1 Do EMC", "", false},
		{"a form of a layer that is on", "/X1 Do", "/OC 91 0 R", true},
		{"a form of a layer that is off", "/X1 Do", "/OC 90 0 R", false},
		{"text of no layer", words, "", true},
		{"text marked as something else", "/Span <</Lang(en)>> BDC " + words + "EMC", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := shared.Extract(t.Context(), "a.pdf", layered(c.content, c.form))
			if err != nil {
				t.Fatal(err)
			}
			want, warnings := "A line that is seen.", config.Warnings{hiddenOnPageOne}
			if c.seen {
				want, warnings = want+"\nWords of a layer.", nil
			}
			if got := d.Pages[0].Text; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if diff := cmp.Diff(warnings, d.Warnings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var hiddenOnPageOne = config.Warning{Reason: config.HiddenText, Count: 1, Places: []string{"page 1"}}
