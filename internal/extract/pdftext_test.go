package extract

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

func TestPDFHyphensThatAnotherProgramWrote(t *testing.T) {
	d, err := shared.Extract(t.Context(), "a.pdf", pdfFile(t, "real-hyphens-at-line-end-removed.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	want := "The budget for the years 2029-2031 is fixed. It uses a state-of-the-art scanner, order number AB-4471-C, and a" +
		" price-determining index. In- und Auslandsreisen sowie Vor- und Nachbereitung. An ordinary example of hyphenation." +
		" The range is 10-15 bar. The e-mail is anna-maria@example.org."
	if diff := cmp.Diff(want, d.Pages[0].Text); diff != "" {
		t.Error(diff)
	}
}

func TestPDFScripts(t *testing.T) {
	const up, down, back = "/F1 6 Tf 4 Ts ", "/F1 6 Tf -2 Ts ", "/F1 10 Tf 0 Ts "
	for content, want := range map[string]string{
		"(10) Tj " + up + "(6) Tj " + back + "( cycles) Tj":                                        "10⁶ cycles",
		"(10) Tj " + up + "(-6) Tj " + back + "( m) Tj":                                            "10⁻⁶ m",
		"(CO) Tj " + down + "(2) Tj " + back + "( and H) Tj " + down + "(2) Tj " + back + "(O) Tj": "CO₂ and H₂O",
		"(12 m) Tj " + up + "(2) Tj " + back + "(/s) Tj":                                           "12 m²/s",
		"(the 1) Tj " + up + "(st) Tj " + back + "( floor) Tj":                                     "the 1st floor",
		"(1,250) Tj " + up + "(3) Tj " + back + "( tons) Tj":                                       "1,250³ tons",
		"(x) Tj " + up + "(n) Tj " + back + "( grows) Tj":                                          "x^n grows",
		"(A) Tj /F1 7 Tf (CME 12) Tj /F1 10 Tf ( in small capitals) Tj":                            "ACME 12 in small capitals",
		// WeasyPrint makes a power a ninth smaller.
		"(10) Tj /F1 8.9 Tf 3 Ts (24) Tj " + back + "( kg) Tj": "10²⁴ kg",
		"(plain 106 and 98,024) Tj":                            "plain 106 and 98,024",
	} {
		d := extractPDF(t, pdftest.Document{
			Pages: []pdftest.Page{{Content: "BT /F1 10 Tf 60 700 Td " + content + " ET"}},
		})
		if got := d.Pages[0].Text; got != want {
			t.Errorf("%s is read as %q, want %q", content, got, want)
		}
	}
}

func TestPDFScriptsOfScaledFonts(t *testing.T) {
	content := "BT /F1 1 Tf 10 0 0 10 60 700 Tm (10) Tj 6 0 0 6 71.2 704 Tm (6) Tj ET"
	d := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: content}}})
	if got := d.Pages[0].Text; got != "10⁶" {
		t.Errorf("got %q: the size is in the matrix", got)
	}
}

func TestPDFRightToLeft(t *testing.T) {
	d, err := shared.Extract(t.Context(), "a.pdf", pdfFile(t, "hebrew-words-reversed.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	want := "תקופת ההודעה היא שלושים יום\nהסכם מספר 4471 נחתם בתל אביב\nמנהל הפרויקט Daniel Levi אישר את התקציב"
	if diff := cmp.Diff(want, d.Pages[0].Text); diff != "" {
		t.Error(diff)
	}
}

func TestPDFBlankAfterAPower(t *testing.T) {
	const content = "BT /F1 10 Tf 60 700 Td (of 10) Tj /F1 6 Tf 4 Ts (4) Tj ET BT /F1 10 Tf 0 Ts 93 700 Td (lifts) Tj ET"
	d := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: content}}})
	if diff := cmp.Diff("of 10⁴ lifts", d.Pages[0].Text); diff != "" {
		t.Error(diff)
	}
}

func TestPDFHyphensThatAreDrawn(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"a word", []string{"its VIB of vib‐", "ration at rest"}, "its VIB of vibration at rest"},
		{"a name", []string{"the Rhine‐", "Main area"}, "the Rhine‐\nMain area"},
		{"a dash", []string{"it is ‐", "and was"}, "it is ‐\nand was"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, visual(t, c.lines...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
