package extract

import (
	"fmt"
	"strings"
	"testing"
)

func TestPDFTextThatAnnotationsDraw(t *testing.T) {
	for name, c := range map[string]struct{ entries, want string }{
		"a stamp":                              {"/Subtype/Stamp/AP<</N 95 0 R>>", "RECEIVED in May"},
		"a stamp with a remark":                {"/Subtype/Stamp/Contents(by Ann)/AP<</N 95 0 R>>", "by Ann\nRECEIVED in May"},
		"a stamp with the text as its remark":  {"/Subtype/Stamp/Contents(Received in May)/AP<</N 95 0 R>>", "Received in May"},
		"a stamp that viewers draw":            {"/Subtype/Stamp/Name/NotForPublicRelease", "Not For Public Release"},
		"text that was written on the page":    {"/Subtype/FreeText/DA(/F1 12 Tf)/AP<</N 95 0 R>>", "RECEIVED in May"},
		"text that the annotation holds twice": {"/Subtype/FreeText/Contents(Seen)/AP<</N 95 0 R>>", "Seen"},
		"a hidden stamp":                       {"/Subtype/Stamp/F 2/AP<</N 95 0 R>>", ""},
	} {
		t.Run(name, func(t *testing.T) {
			const drawing = "BT /F9 12 Tf 5 15 Td (RECEIVED in May) Tj ET"
			objects := "90 0 obj<</Type/Annot/Rect[100 100 300 140]" + c.entries + ">>endobj\n" +
				"94 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n" +
				"95 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 200 40]/Resources<</Font<</F9 94 0 R>>>>" +
				fmt.Sprintf("/Length %d>>stream\n%s\nendstream endobj\n", len(drawing), drawing)
			data := strings.NewReplacer(
				"/Type/Page/Parent", "/Type/Page/Annots[90 0 R]/Parent", "\n1 0 obj", "\n"+objects+"1 0 obj",
			).Replace(string(smallPDF()))
			d, err := shared.Extract(t.Context(), "a.pdf", []byte(data))
			if err != nil {
				t.Fatal(err)
			}
			if _, got, _ := strings.Cut(d.Pages[0].Text, "\n\n"); got != c.want {
				t.Errorf("got %q, want %q after the text", d.Pages[0].Text, c.want)
			}
		})
	}
}
