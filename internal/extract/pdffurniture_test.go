package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

func TestPDFSentenceOverAPagesEnd(t *testing.T) {
	d, err := shared.Extract(t.Context(), "a.pdf", pdfFile(t, "sentence-over-page-break-and-repeated-header.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	whole := "only with the\nsignature of Dr. Pauline Okonkwo and the stamp of the laboratory.\n" +
		"Printed copies are not controlled. Page 1 of 4" // at the foot of the page, although it is drawn first
	if !strings.HasSuffix(d.Pages[0].Text, whole) {
		t.Errorf("page 1 ends with %q", d.Pages[0].Text)
	}
	for i, p := range d.Pages[1:] {
		if !strings.HasPrefix(p.Text, fmt.Sprintf("Paragraph 0 of page %d", i+2)) {
			t.Errorf("page %d begins with %q", i+2, p.Text)
		}
	}
}

func TestPDFFurnitureStandsOnce(t *testing.T) {
	for _, c := range []struct {
		name       string
		head, foot string // with %d for the page's number
		count      int    // of pages
		times      int
	}{
		{"a header", "ACME Quality Manual", "", 5, 1},
		{"a header of two pages", "ACME Quality Manual", "", 2, 1},
		{"a header with the page's number", "Quality Manual, page %d", "", 5, 1},
		{"a header with the page's number, of two pages", "Quality Manual, page %d", "", 2, 1},
		{"a footer", "", "Confidential", 5, 1},
		{"a footer of two pages", "", "Confidential", 2, 1},
		{"a footer with both numbers", "", "Confidential %d / 5", 5, 1},
		{"an invoice's number", "Confidential invoice 447%d", "", 5, 5},
		{"an invoice's number, of two pages", "Confidential invoice 447%d", "", 2, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			var pages []pdftest.Page
			for i := range c.count {
				number := func(s string) string { return strings.ReplaceAll(s, "%d", fmt.Sprint(i+1)) }
				sentence := fmt.Sprintf("Here page %c speaks as running text of page %[1]c and page %[1]c only. ", 'a'+i)
				body := strings.Repeat(sentence, i+2)
				pages = append(pages, pdftest.Page{Columns: []string{number(c.head) + "\n" + body + "\n" + number(c.foot)}})
			}
			d := extractPDF(t, pdftest.Document{Pages: pages})
			got := 0
			for i, p := range d.Pages {
				if strings.Contains(p.Text, "Confidential") || strings.Contains(p.Text, "Manual") {
					got++
				}
				if words := strings.Count(p.Text, "running"); words != i+2 {
					t.Errorf("page %d holds its sentence %d times, want %d", i+1, words, i+2)
				}
			}
			if got != c.times {
				t.Errorf("it stands on %d pages, want %d", got, c.times)
			}
		})
	}
}
