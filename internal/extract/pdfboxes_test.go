package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// Each line is known where it is drawn, in documents with an outline and without one, and although what
// stands on all pages is left out of the text.
func TestPDFLinesStandInTheirBoxes(t *testing.T) {
	const left, size, pages, onPage = 72, 10, 4, 6
	for _, outline := range [][]pdftest.Bookmark{nil, {{Title: "All", Page: 0}}} {
		document := pdftest.Document{Outline: outline}
		drawn := map[string]int{} // baseline by text
		for p := range pages {
			var content strings.Builder
			line := func(text string, y int) {
				fmt.Fprintf(&content, "BT /F1 %d Tf %d %d Td (%s) Tj ET\n", size, left, y, text)
			}
			line("Annual report of the company", 760)
			for i := range onPage {
				text, y := fmt.Sprintf("Sentence %c of sheet %c ends.", 'a'+i, 'A'+p), 700-40*i-p
				line(text, y)
				drawn[text] = y
			}
			document.Pages = append(document.Pages, pdftest.Page{Content: content.String()})
		}
		d, err := shared.Extract(t.Context(), "a.pdf", document.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, page := range d.Pages {
			text := []rune(page.Text)
			for _, l := range page.Lines {
				y, ok := drawn[string(text[l.Start:l.End])]
				if !ok {
					continue
				}
				found++
				if len(l.Boxes) != 1 {
					t.Fatalf("%d boxes of %q", len(l.Boxes), string(text[l.Start:l.End]))
				}
				if b := l.Boxes[0]; b[0] < left-2 || b[0] > left+2 || b[1] > float64(y) || b[1] < float64(y)-size ||
					b[3] < float64(y)+size/2 || b[3] > float64(y)+1.5*size || b[2] < left+100 || b[2] > left+200 {
					t.Errorf("%q is drawn at %d, %d, and its box is %v", string(text[l.Start:l.End]), left, y, b)
				}
			}
		}
		if found != pages*onPage {
			t.Errorf("outline %v: %d of %d lines have places", outline != nil, found, pages*onPage)
		}
	}
}

// A line that a hyphen divides is one of the text, and two of the page.
func TestPDFLinesThatHyphensDivideHaveSeveralBoxes(t *testing.T) {
	content := "BT /F1 10 Tf 72 700 Td (We read the documen-) Tj 0 -14 Td (tation of it.) Tj ET"
	d, err := shared.Extract(t.Context(), "a.pdf", pdftest.Document{Pages: []pdftest.Page{{Content: content}}}.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	boxes := 0
	for _, l := range d.Pages[0].Lines {
		boxes += len(l.Boxes)
	}
	if boxes != 2 {
		t.Errorf("text %q has the lines %+v", d.Pages[0].Text, d.Pages[0].Lines)
	}
}
