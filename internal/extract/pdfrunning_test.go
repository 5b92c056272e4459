package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

func TestPDFRunningLinesThatChange(t *testing.T) {
	titles := []string{"1 Introduction", "1 Introduction", "2 Safety", "2 Safety", "2.1 Rules", "3 Operation", "3 Operation"}
	romans := []string{"I", "II", "III", "IV", "V", "VI", "VII"}
	for name, line := range map[string]func(page int) string{
		"the section and the page":   func(p int) string { return fmt.Sprintf("%s - %d", titles[p], p+17) },
		"the section":                func(p int) string { return titles[p] },
		"the page and the section":   func(p int) string { return fmt.Sprintf("%d %s", p+17, titles[p]) },
		"a page within a chapter":    func(p int) string { return fmt.Sprintf("%d-%d", p/3+1, p%3+1) },
		"a page between dashes":      func(p int) string { return fmt.Sprintf("- %d -", p+4) },
		"a page and the book":        func(p int) string { return fmt.Sprintf("%d | Manual", p+4) },
		"a page of an annex":         func(p int) string { return fmt.Sprintf("B-%d", p+1) },
		"a Roman number in capitals": func(p int) string { return romans[p] },
	} {
		for place, y := range map[string]int{"head": 760, "foot": 30} {
			t.Run(name+" at the "+place, func(t *testing.T) {
				var pages []pdftest.Page
				for p := range titles {
					texts := []string{fmt.Sprintf("60,%d %s", y, line(p))}
					for i := range 12 {
						text := fmt.Sprintf("the words of line %c on this page%c go on and on without an end to their", 'a'+p, 'a'+i)
						texts = append(texts, fmt.Sprintf("60,%d %s", 700-14*i, text))
					}
					pages = append(pages, pdftest.Page{Content: cellsAt(texts...)})
				}
				text := ""
				for _, p := range extractPDF(t, pdftest.Document{Pages: pages}).Pages {
					text += p.Text + "\n"
				}
				if got := strings.Count(text, line(1)); got > 1 || got == 0 && line(1) == line(0) {
					t.Errorf("%q stands %d times in %q", line(1), got, text)
				}
				if strings.Contains(text, line(6)+"\n") && line(5) == line(6) && strings.Count(text, line(6)) > 1 {
					t.Errorf("%q stands again in %q", line(6), text)
				}
			})
		}
	}
}

func TestPDFTitlesOfSlidesAreNoRunningLines(t *testing.T) {
	var pages []pdftest.Page
	for _, title := range []string{"Our aims", "What we did", "What is next", "Thanks to all"} {
		content := "BT /F2 24 Tf 60 740 Td (" + title + ") Tj ET\n"
		pages = append(pages, pdftest.Page{Content: content + cellsAt("60,690 first point of it", "60,670 second point of it",
			"60,650 third point of it", "60,630 fourth point of it")})
	}
	for i, p := range extractPDF(t, pdftest.Document{Pages: pages}).Pages {
		if len(p.Headings) != 1 {
			t.Errorf("slide %d has the headings %+v", i+1, p.Headings)
		}
	}
}
