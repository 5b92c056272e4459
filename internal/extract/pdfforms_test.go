package extract

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
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

func TestPDFButtonsHaveTheStateThatThePageShows(t *testing.T) {
	const widget = "<</Type/Annot/Subtype/Widget/Rect[9 9 18 18]/F 4/AP<</N<<%s 95 0 R/Off 95 0 R>>>>"
	for name, c := range map[string]struct {
		states [3]string // of two radio buttons and a box
		want   string
	}{
		"the second is chosen, the box is ticked": {[3]string{"Off", "green", "yes"}, "colour: green\ninsured: ☒"},
		"the first is chosen, the box is not":     {[3]string{"red", "Off", "Off"}, "colour: red\ninsured: ☐"},
		"none is chosen":                          {[3]string{"Off", "Off", "Off"}, "insured: ☐"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := "90 0 obj<</FT/Btn/Ff 49152/T(colour)/Kids[91 0 R 92 0 R]>>endobj\n" +
				"91 0 obj" + fmt.Sprintf(widget, "/red") + "/Parent 90 0 R/AS/" + c.states[0] + ">>endobj\n" +
				"92 0 obj" + fmt.Sprintf(widget, "/green") + "/Parent 90 0 R/AS/" + c.states[1] + ">>endobj\n" +
				"93 0 obj" + fmt.Sprintf(widget, "/yes") + "/FT/Btn/T(insured)/AS/" + c.states[2] + ">>endobj\n" +
				"95 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 0>>stream\n\nendstream endobj\n"
			data := strings.NewReplacer( // PDFium finds the objects again that this moves
				"/Type/Catalog", "/Type/Catalog/AcroForm<</Fields[90 0 R 93 0 R]>>",
				"/Type/Page/Parent", "/Type/Page/Annots[91 0 R 92 0 R 93 0 R]/Parent",
				"\n1 0 obj", "\n"+objects+"1 0 obj",
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

func TestPDFListsHoldAllEntriesThatAreSelected(t *testing.T) {
	for name, c := range map[string]struct{ field, want string }{
		"several entries":    {"/Ff 2097152/Opt[(red)(green)(blue)]/V[(red)(blue)]", "colour: red, blue"},
		"a text for a value": {"/Ff 131072/Opt[[(DE)(Germany)][(CH)(Switzerland)]]/V(CH)", "colour: Switzerland"},
		"a value of its own": {"/Ff 393216/Opt[(red)(green)]/V(mauve)", "colour: mauve"},
		"nothing":            {"/Ff 131072/Opt[(red)(green)]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			data := strings.NewReplacer( // PDFium finds the objects again that this moves
				"/Type/Catalog", "/Type/Catalog/AcroForm<</Fields[90 0 R]>>",
				"/Type/Page/Parent", "/Type/Page/Annots[90 0 R]/Parent",
				"\n1 0 obj", "\n90 0 obj<</Type/Annot/Subtype/Widget/Rect[9 9 99 18]/F 4/FT/Ch/T(colour)"+c.field+
					">>endobj\n1 0 obj",
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

func TestPDFListsOfTooManyEntriesKeepTheirValues(t *testing.T) {
	const fields, entries = 300, 1000
	var objects, references strings.Builder
	for i := range fields {
		fmt.Fprintf(&references, "%d 0 R ", 100+i)
		fmt.Fprintf(&objects, "%d 0 obj<</Type/Annot/Subtype/Widget/Rect[9 9 99 18]/F 4/FT/Ch/Ff 131072/T(field %d)/V(k7)"+
			"/Opt 90 0 R>>endobj\n", 100+i, i)
	}
	objects.WriteString("90 0 obj[")
	for i := range entries {
		fmt.Fprintf(&objects, "[(k%d)(name %d)]", i, i)
	}
	data := strings.NewReplacer( // PDFium finds the objects again that this moves
		"/Type/Catalog", "/Type/Catalog/AcroForm<</Fields["+references.String()+"]>>",
		"/Type/Page/Parent", "/Type/Page/Annots["+references.String()+"]/Parent",
		"\n1 0 obj", "\n"+objects.String()+"]endobj\n1 0 obj",
	).Replace(string(smallPDF()))
	d, err := shared.Extract(t.Context(), "a.pdf", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"field 0: name 7\n", "field 299: k7"} {
		if !strings.Contains(d.Pages[0].Text, want) {
			t.Errorf("%q does not hold %q", d.Pages[0].Text, want)
		}
	}
	want := config.Warnings{
		{Reason: config.PartsIgnored, Count: 100, Places: []string{"names of entries in lists of a form"}},
	}
	if diff := cmp.Diff(want, d.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestPDFValuesThatNobodySeesStayOut(t *testing.T) {
	form := string(pdfFile(t, "form-values-lost.pdf"))
	for name, c := range map[string]struct {
		old, new string
		warned   bool
	}{
		"a password":         {"/Ff 0 ", "/Ff 8192 ", false},
		"a hidden field":     {"/F 4 /FT /Tx", "/F 2 /FT /Tx", true},
		"a field on no view": {"/F 4 /FT /Tx", "/F 36 /FT /Tx", true},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(form, c.old, c.new, 1) // PDFium finds the objects again that this moves
			if changed == form {
				t.Fatalf("the form does not hold %q", c.old)
			}
			d, err := shared.Extract(t.Context(), "a.pdf", []byte(changed))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(d.Pages[0].Text, "name: Rosalind") {
				t.Errorf("the value is read: %q", d.Pages[0].Text)
			}
			hidden := slices.ContainsFunc(d.Warnings, func(w config.Warning) bool { return w.Reason == config.HiddenText })
			if hidden != c.warned {
				t.Errorf("warnings are %v", d.Warnings)
			}
		})
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
	if got := plain.OneLine(d.Pages[0].Text); got != prose+"Ask Odile first" {
		t.Errorf("got %q, want the note after the text", d.Pages[0].Text)
	}
	want := config.Warnings{{Reason: config.PartsIgnored, Count: 1, Places: []string{"report.xlsx"}}}
	if diff := cmp.Diff(want, d.Warnings); diff != "" {
		t.Error(diff)
	}
}
