package extract

import (
	"fmt"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// Letters of mathematics, as Word and Typst write them, take two places each in PDFium's list of characters.
func TestPDFLettersOfMathematics(t *testing.T) {
	const italicE, italicX, italicI = '𝐸', '𝑥', '𝑖'
	letters := map[byte]rune{'E': italicE, 'x': italicX, 'i': italicI}
	draw := func(x, y float64, font, text string) string {
		return fmt.Sprintf("BT %s %g %g Td (%s) Tj ET\n", font, x, y, text)
	}
	for _, c := range []struct{ name, content, want string }{
		{"a power after them", draw(60, 700, "/F3 10 Tf", "EEEE") + draw(86.7, 704, "/F1 6 Tf", "2") +
			draw(60, 680, "/F1 10 Tf", "The next line is read whole."), "𝐸𝐸𝐸𝐸²\nThe next line is read whole."},
		{"a power behind a power", draw(60, 700, "/F3 10 Tf", "E") + draw(66.7, 704, "/F1 6 Tf", "2") +
			draw(72, 700, "/F1 10 Tf", "is 3 of 10") + draw(114.3, 704, "/F1 6 Tf", "8") +
			draw(120, 700, "/F1 10 Tf", "m/s"), "𝐸² is 3 of 10⁸ m/s"},
		{"a power and an index", draw(60, 700, "/F3 10 Tf", "x") + draw(65, 704, "/F1 6 Tf", "2") +
			draw(65, 697, "/F3 6 Tf", "i") + draw(69.2, 700, "/F1 10 Tf", " = 4"), "𝑥²_𝑖 = 4"},
		{"a fraction, and what follows it", draw(60, 700, "/F1 10 Tf", "It is") + draw(84, 704, "/F1 7 Tf", "12") +
			draw(86, 696, "/F1 7 Tf", "5") + draw(96, 700, "/F1 10 Tf", "holds."), "It is 12/5 holds."},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := extractPDF(t, pdftest.Document{Unicode: letters, Pages: []pdftest.Page{{Content: c.content}}})
			if got := d.Pages[0].Text; got != c.want || d.Warnings != nil {
				t.Errorf("got %q, warnings %v, want %q", got, d.Warnings, c.want)
			}
		})
	}
}

func TestPDFPictureThatOCRHasReadIsNoPageWithoutText(t *testing.T) {
	read := at(60, 700, "3 Tr", "Annual report of the works.")
	for name, c := range map[string]struct {
		content string
		warned  bool
	}{
		"words that OCR read":             {scan + read, false},
		"a number that OCR read":          {scan + at(60, 700, "3 Tr", "17"), true},
		"a stamp over what was not read":  {scan + at(60, 700, "", "Received on the first of May."), true},
		"a picture that shows no letters": {scan, true},
	} {
		t.Run(name, func(t *testing.T) {
			d := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Columns: []string{prose}}, {Content: c.content}}})
			warned := len(d.Warnings) == 1 && d.Warnings[0].Reason == config.PagesWithoutText
			if warned != c.warned || len(d.Warnings) > 1 {
				t.Errorf("warnings are %v", d.Warnings)
			}
		})
	}
}
