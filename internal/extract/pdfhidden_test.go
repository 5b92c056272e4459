package extract

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// at draws text where it is given, after some operators.
func at(x, y int, operators, text string) string {
	return fmt.Sprintf("q BT /F1 10 Tf %s %d %d Td (%s) Tj ET Q\n", operators, x, y, text)
}

const (
	shown     = "q BT /F1 10 Tf 60 700 Td (A line that is seen.) Tj ET Q\n"
	blackBox  = "q 0 g 50 590 300 30 re f Q\n"
	whiteBox  = "q 1 g 50 590 300 30 re f Q\n"
	greyImage = " cm BI /W 1 /H 1 /CS /G /BPC 8 ID \xc0 EI Q\n"
	scan      = "q 600 0 0 780 6 6" + greyImage
)

func TestPDFTextThatNobodySeesIsLeftOut(t *testing.T) {
	for _, c := range []struct{ name, content string }{
		{"white on the paper", at(60, 600, "1 g", "Hidden words.")},
		{"white, in another colour space", at(60, 600, "0 0 0 0 k", "Hidden words.")},
		{"almost white", at(60, 600, "0.97 0.97 0.97 rg", "Hidden words.")},
		{"black on a black box", blackBox + at(60, 600, "", "Hidden words.")},
		{"under a black box", at(60, 600, "", "Hidden words.") + blackBox},
		{"under a white box", at(60, 600, "", "Hidden words.") + whiteBox},
		{"under a picture", at(60, 600, "", "Hidden words.") + "q 300 0 0 30 50 590" + greyImage},
		{"not painted", at(60, 600, "3 Tr", "Hidden words.")},
		{"not painted but for a clip", at(60, 600, "7 Tr", "Hidden words.")},
		{"clipped away", "q 0 0 20 20 re W n " + at(60, 600, "", "Hidden words.") + "Q\n"},
		{"clipped away twice", "q 0 0 600 620 re W n 0 610 600 20 re W n " + at(60, 590, "", "Hidden words.") + "Q\n"},
		{"of one point", at(60, 600, "/F1 1 Tf", "Hidden words.")},
		{"of one point by its matrix", "BT /F1 100 Tf 0.01 0 0 0.01 60 600 Tm (Hidden words.) Tj ET"},
		{"left of the page", at(-300, 600, "", "Hidden words.")},
		{"above the page", at(60, 900, "", "Hidden words.")},
		{"at the end of a line that is seen", at(160, 700, "1 g", "Hidden words.")},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: shown + c.content}}})
			if got := d.Pages[0].Text; got != "A line that is seen." {
				t.Errorf("got %q", got)
			}
			want := config.Warnings{{Reason: config.HiddenText, Count: 1, Places: []string{"page 1"}}}
			if diff := cmp.Diff(want, d.Warnings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPDFTextThatLooksHiddenButIsSeenStays(t *testing.T) {
	for _, c := range []struct{ name, content string }{
		{"in a clip", "q 50 590 300 30 re W n " + at(60, 600, "", "Seen words.") + "Q\n"},
		{"white on a black box", blackBox + at(60, 600, "1 g", "Seen words.")},
		{"white on a coloured box, with a frame",
			"q 0 0.3 0.6 rg 50 590 300 30 re B Q\n" + at(60, 600, "1 g", "Seen words.")},
		{"white on a picture", "q 300 0 0 30 50 590 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x20 EI Q\n" +
			at(60, 600, "1 g", "Seen words.")},
		{"white with a black edge", at(60, 600, "1 g 0 G 2 Tr", "Seen words.")},
		{"grey", at(60, 600, "0.7 g", "Seen words.")},
		{"on a white box", whiteBox + at(60, 600, "", "Seen words.")},
		{"beside a box that comes later", at(60, 640, "", "Seen words.") + blackBox},
		{"under a box that lets it through", at(60, 600, "", "Seen words.") + "q 50 590 300 30 re S Q\n"},
		{"of four points", at(60, 600, "/F1 4 Tf", "Seen words.")},
		{"of a font of one point that is scaled", "BT /F1 1 Tf 10 0 0 10 60 600 Tm (Seen words.) Tj ET"},
		{"not painted, over letters that are drawn",
			"q 62 600 m 70 608 l S Q 75 600 m 90 604 l S\n" + at(60, 600, "3 Tr", "Seen words.")},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: shown + c.content}}})
			lines := strings.Split(d.Pages[0].Text, "\n")
			slices.Sort(lines)
			if want := []string{"A line that is seen.", "Seen words."}; !slices.Equal(lines, want) || d.Warnings != nil {
				t.Errorf("got %q, warnings %v", lines, d.Warnings)
			}
		})
	}
}

func TestPDFTextOfScansStays(t *testing.T) {
	text := at(60, 700, "3 Tr", "The text of a scanned page.")
	for name, content := range map[string]string{
		"not painted, over the picture":                     scan + text,
		"not painted, under the picture":                    text + scan,
		"painted, under the picture":                        at(60, 700, "", "The text of a scanned page.") + scan,
		"not painted, over a picture of a part of the page": "q 500 0 0 100 50 650" + greyImage + text,
		"strips of a picture":                               strings.Repeat("q 600 0 0 100 6 6"+greyImage, 5) + text,
	} {
		t.Run(name, func(t *testing.T) {
			d := extractPDF(t, pdftest.Document{
				Pages: []pdftest.Page{{Columns: []string{strings.Repeat(prose, 6)}}, {Content: content}},
			})
			if got := d.Pages[1].Text; got != "The text of a scanned page." {
				t.Errorf("got %q", got)
			}
			if slices.ContainsFunc(d.Warnings, func(w config.Warning) bool { return w.Reason == config.HiddenText }) {
				t.Errorf("warnings are %v", d.Warnings)
			}
		})
	}
}

func TestPDFTextBesideTheCropBoxIsLeftOut(t *testing.T) {
	d := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{
		Content: at(60, 700, "", "A mark of the printer.") + at(200, 400, "", "A line that is seen."),
		Crop:    [4]int{100, 100, 500, 600},
	}}})
	if got := d.Pages[0].Text; got != "A line that is seen." || len(d.Warnings) != 1 {
		t.Errorf("got %q, warnings %v", got, d.Warnings)
	}
}
