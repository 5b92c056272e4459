package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

func TestPDFTableWithLevelLinesOnly(t *testing.T) {
	rows := [][]string{
		{"Part", "Supplier", "Remark"},
		{"Pump", "Hydra AG", "spare in store"},
		{"Valve", "", "order early"},
		{"Filter", "Rein GmbH", ""},
		{"Seal", "", "obsolete"},
	}
	const want = "Part | Supplier | Remark\nPump | Hydra AG | spare in store\nValve |  | order early\n" +
		"Filter | Rein GmbH |\nSeal |  | obsolete"
	cells := func(rows [][]string) string {
		var b strings.Builder
		for i, row := range rows {
			for j, cell := range row {
				if cell != "" {
					fmt.Fprintf(&b, "BT /F1 10 Tf %d %d Td (%s) Tj ET\n", 72+120*j, 700-20*i, cell)
				}
			}
		}
		return b.String()
	}
	line := func(y int) string { return fmt.Sprintf("0.5 w 70 %d m 430 %d l S\n", y, y) }
	pieces := func(y int) string { // as programs draw the lower edges of cells
		return fmt.Sprintf("0.5 w 70 %d m 190 %[1]d l S 190 %[1]d m 310 %[1]d l S 310 %[1]d m 430 %[1]d l S\n", y)
	}
	for _, c := range []struct{ name, content, want string }{
		{"around the names and below the last row", line(714) + line(694) + line(614) + cells(rows), want},
		{"below each row", line(694) + line(674) + line(654) + line(634) + line(614) + cells(rows), want},
		{"below each cell", pieces(714) + pieces(694) + pieces(674) + pieces(654) + pieces(634) + pieces(614) +
			cells(rows), want},
		{"a cell of two lines", line(714) + line(694) + line(614) + cells(rows[:3]) +
			"BT /F1 10 Tf 312 649 Td (for all shifts) Tj ET BT /F1 10 Tf 72 625 Td (Filter) Tj ET\n",
			"Part | Supplier | Remark\nPump | Hydra AG | spare in store\nValve |  | order early for all shifts\n" +
				"Filter |  |"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: c.content}}}).Pages[0]
			if diff := cmp.Diff(c.want, p.Text); diff != "" {
				t.Error(diff)
			}
			if len(p.Tables) != 1 || p.Tables[0].Header != "Part | Supplier | Remark" {
				t.Errorf("tables %+v", p.Tables)
			}
		})
	}
}

func TestPDFLinesBetweenParagraphsMakeNoTable(t *testing.T) {
	content := ""
	for i := range 4 {
		y := 700 - 60*i
		content += fmt.Sprintf("0.5 w 70 %d m 430 %[1]d l S\n", y)
		for j, text := range []string{"This speaks of pumps and valves, and of their upkeep.", "It goes on here."} {
			content += fmt.Sprintf("BT /F1 10 Tf 72 %d Td (%s) Tj ET\n", y-20-14*j, text)
		}
	}
	p := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: content}}}).Pages[0]
	if len(p.Tables) > 0 || strings.Contains(p.Text, "|") {
		t.Errorf("a table in %q", p.Text)
	}
}
