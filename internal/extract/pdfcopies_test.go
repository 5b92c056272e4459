package extract

import (
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// Programs that run OCR over a page with text write it again, unpainted, where it stands.
func TestPDFTextThatOCRWroteAgainCountsOnce(t *testing.T) {
	const line = "The pump of the second circuit delivers water."
	words := "q BT 3 Tr /F1 9 Tf 60.5 700.6 Td (The) Tj 17 0 Td (pump) Tj 29 0 Td (of) Tj 11 0 Td (the) Tj 17 0 Td " +
		"(second) Tj 37 0 Td (circuit) Tj ET Q\n"
	for name, c := range map[string]struct{ content, want string }{
		"line by line":               {at(60, 700, "", line) + at(61, 701, "3 Tr", line), line},
		"word by word":               {at(60, 700, "", line) + words, line},
		"before the text":            {words + at(60, 700, "", line), line},
		"in letters of another size": {at(60, 700, "", line) + at(60, 700, "3 Tr /F1 9.4 Tf", line), line},
		"beside what the picture shows": {scan + at(60, 700, "", line) + at(60, 700, "3 Tr", line) +
			at(60, 600, "3 Tr", "Words of the picture alone."), line + "\nWords of the picture alone."},
	} {
		t.Run(name, func(t *testing.T) {
			d := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: c.content}}})
			if got := d.Pages[0].Text; got != c.want || d.Warnings != nil {
				t.Errorf("got %q, warnings %v", got, d.Warnings)
			}
		})
	}
}

func TestPDFInitialsBelongToTheirWords(t *testing.T) {
	text := func(x int, first string) string {
		return at(x, 700, "", first) + at(x, 688, "", "and a castle with seven towers upon a hill.") +
			at(60, 664, "", "The youngest of them went into the world.")
	}
	for name, c := range map[string]struct{ content, want string }{
		"over three lines":   {at(60, 676, "/F1 40 Tf", "O") + text(92, "nce upon a time there was a king"), "Once upon a time"},
		"a word of a letter": {at(60, 676, "/F1 40 Tf", "I") + text(73, "n a time of kings there was one"), "In a time of kings"},
		"in capitals":        {at(60, 676, "/F1 40 Tf", "O") + text(92, "NCE upon a time there was a king"), "ONCE upon a time"},
		"a grade, and not the beginning of a word": {
			at(60, 600, "/F1 40 Tf", "B") + text(92, "nce upon a time there was a king"), "B\n"},
	} {
		t.Run(name, func(t *testing.T) {
			d := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: c.content}}})
			if got := d.Pages[0].Text; !strings.Contains("\n"+got+"\n", "\n"+c.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestPDFPageWhoseContentIsMissingIsNotBlank(t *testing.T) {
	const words = "BT /F1 12 Tf 72 700 Td (Words on a page that can be read) Tj ET"
	whole := string(deflatedPDF(func(_ int, b []byte) []byte { return b }, words, words, words))
	for name, c := range map[string]struct {
		contents string
		warned   bool
	}{
		"an object that is not there":     {"/Contents 99 0 R", true},
		"several, the last of them":       {"/Contents[98 0 R 99 0 R]", true},
		"a page without content is blank": {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			data := strings.Replace(whole, "/Contents 7 0 R", c.contents, 1)
			d, err := shared.Extract(t.Context(), "a.pdf", []byte(data))
			if err != nil {
				t.Fatal(err)
			}
			warned := len(d.Warnings) == 1 && d.Warnings[0].Reason == config.PagesWithoutText
			if warned != c.warned || len(d.Warnings) > 1 || d.Pages[1].Text != "" {
				t.Errorf("warnings are %v, the page's text is %q", d.Warnings, d.Pages[1].Text)
			}
		})
	}
}
