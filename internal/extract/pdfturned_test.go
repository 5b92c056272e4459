package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

func TestPDFTableOnATurnedPage(t *testing.T) {
	rows := [][]string{{"Part", "Weight", "Price"}, {"Pump", "12 kg", "99.00"}, {"Valve", "3 kg", "45.50"}}
	for _, c := range []struct{ name, matrix string }{
		{"upright", "1 0 0 1 0 0"},
		{"running up the page", "0 1 -1 0 600 0"},
		{"running down the page", "0 -1 1 0 0 780"},
	} {
		t.Run(c.name, func(t *testing.T) {
			content := "q " + c.matrix + " cm "
			for i, row := range rows {
				for j, cell := range row {
					content += fmt.Sprintf("BT /F1 11 Tf %d %d Td (%s) Tj ET\n", 60+j*200, 400-20*i, cell)
				}
			}
			p := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: content + "Q"}}}).Pages[0]
			if want := "Part | Weight | Price\nPump | 12 kg | 99.00\nValve | 3 kg | 45.50"; p.Text != want {
				t.Errorf("got %q, want %q", p.Text, want)
			}
			if len(p.Tables) != 1 || p.Tables[0].Header != "Part | Weight | Price" {
				t.Errorf("tables %+v", p.Tables)
			}
			for _, l := range p.Lines {
				for _, b := range l.Boxes {
					if b[0] < 0 || b[1] < 0 || b[2] > 612 || b[3] > 792 {
						t.Errorf("a line stands at %v, which is not on the page", b)
					}
				}
			}
		})
	}
}

func TestPDFRunningLinesDrawnFirst(t *testing.T) {
	line := func(y int, text string) string { return fmt.Sprintf("BT /F1 11 Tf 60 %d Td (%s) Tj ET\n", y, text) }
	document := func(head, foot func(page int) string) string {
		var pages []pdftest.Page
		for p := range 8 {
			content := line(760, head(p+1)) + line(30, foot(p+1))
			for i := range 6 {
				text := fmt.Sprintf("Here stands line %c of this page, number %d of them, as it is.", 'A'+i, p*6+i)
				switch {
				case i == 5:
					text = fmt.Sprintf("Sentence %c of this document runs over the", 'A'+p)
				case i == 0 && p > 0:
					text = fmt.Sprintf("edge of page %c and ends there.", 'A'+p-1)
				}
				content += line(720-14*i, text)
			}
			pages = append(pages, pdftest.Page{Content: content})
		}
		var texts []string
		for _, p := range extractPDF(t, pdftest.Document{Pages: pages}).Pages {
			texts = append(texts, p.Text)
		}
		return strings.Join(texts, "\n")
	}
	for _, c := range []struct {
		name       string
		head, foot func(page int) string
		once       []string
	}{
		{"the same on all pages", func(int) string { return "Pump manual" },
			func(p int) string { return fmt.Sprintf("Page %d of 8 - Rev. C - 2024-05-01", p) },
			[]string{"Pump manual", "Rev. C"}},
		{"other on left pages than on right ones",
			func(p int) string { return []string{"Chapter " + string(rune('A'+p/4)), "Pump manual"}[p%2] },
			func(p int) string { return []string{"%d Edition May", "Hydra works %d"}[p%2] },
			[]string{"Pump manual", "Chapter A", "Chapter B", "Edition May", "Hydra works"}},
		{"roman numbers", func(p int) string {
			return []string{"i", "ii", "iii", "iv", "v", "vi", "vii", "viii"}[p-1] + " On pumps"
		}, func(p int) string { return fmt.Sprintf("- %d -", p) }, []string{"On pumps", "- 1 -"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := document(c.head, func(p int) string { return strings.ReplaceAll(c.foot(p), "%d", fmt.Sprint(p)) })
			for _, line := range c.once {
				if n := strings.Count(text, line); n != 1 {
					t.Errorf("%q stands %d times in the text", line, n)
				}
			}
			for _, p := range "ABCDEFG" {
				want := fmt.Sprintf("Sentence %c of this document runs over the\nedge of page %[1]c and ends there.", p)
				if !strings.Contains(text, want) {
					t.Errorf("lacks %q in %q", want, text)
				}
			}
		})
	}
}
