package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestPDFFormValues(t *testing.T) {
	d, err := shared.Extract(t.Context(), "a.pdf", pdfFile(t, "form-values-lost.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"name: Rosalind Achterberg", "reason: Parental", "approved: ☒"} {
		if !strings.Contains(d.Pages[0].Text, want) {
			t.Errorf("%q does not hold %q", d.Pages[0].Text, want)
		}
	}
}

func TestPDFXFAFormIsUnsupported(t *testing.T) {
	_, err := shared.Extract(t.Context(), "a.pdf", pdfFile(t, "xfa-form-only-please-wait-indexed.pdf"))
	wantReason(t, err, config.Unsupported, "XFA")
}

func TestPDFNotesAndAttachments(t *testing.T) {
	data := strings.NewReplacer( // PDFium finds the objects again that this moves
		"/Type/Catalog", "/Type/Catalog/Names<</EmbeddedFiles<</Names[(report.xlsx)<</Type/Filespec/F(report.xlsx)"+
			"/EF<</F 1 0 R>>>>]>>>>",
		"/Type/Page/Parent", "/Type/Page/Annots[<</Type/Annot/Subtype/Text/Rect[0 0 9 9]/Contents(Ask Odile first)>>"+
			"<</Type/Annot/Subtype/Popup/Rect[0 0 9 9]/Contents(Ask Odile again)>>]/Parent",
	).Replace(string(smallPDF()))
	d, err := shared.Extract(t.Context(), "a.pdf", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	if got := oneLine(d.Pages[0].Text); got != prose+"Ask Odile first" {
		t.Errorf("got %q, want the note after the text", d.Pages[0].Text)
	}
	want := config.Warnings{{Reason: config.PartsIgnored, Count: 1, Places: []string{"report.xlsx"}}}
	if diff := cmp.Diff(want, d.Warnings); diff != "" {
		t.Error(diff)
	}
}
