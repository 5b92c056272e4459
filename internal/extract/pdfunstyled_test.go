package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// rowOf draws the cells of a row, each where it begins.
func rowOf(y int, cells []string, at []float64) string {
	var b strings.Builder
	for i, cell := range cells {
		if cell != "" {
			fmt.Fprintf(&b, "BT /F1 10 Tf %g %d Td (%s) Tj ET\n", at[i], y, cell)
		}
	}
	return b.String()
}

// A browser sets the cells of a table without a style as near to each other as words.
func TestPDFTablesWithoutStyle(t *testing.T) {
	page := func(rows [][]string, at []float64) string {
		content := at10(740, "The offices of the works and what each of them does for all of the people here.") +
			at10(727, "Ask the head of the department if the list below does not name the office you need.")
		for i, row := range rows {
			content += rowOf(700-16*i, row, at)
		}
		return content + at10(600, "The list holds until the end of the year.")
	}
	for _, c := range []struct {
		name string
		rows [][]string
		at   []float64
		want string
	}{
		{"of words", [][]string{
			{"Office", "Duty", "Terms"},
			{"Head of department", "grants leave", "in writing"},
			{"Personnel office", "keeps the files", "for ten years"},
			{"Works council", "is heard", "before notice"},
			{"Safety officer", "visits the works", "twice a year"},
		}, []float64{60, 152.6, 228.9}, "Office | Duty | Terms\nHead of department | grants leave | in writing\n" +
			"Personnel office | keeps the files | for ten years\nWorks council | is heard | before notice\n" +
			"Safety officer | visits the works | twice a year"},
		{"of figures and words", [][]string{
			{"Part", "Weight", "State", "Price"},
			{"Flange", "7.5 kg", "in stock", "95.00"},
			{"Bolt M8", "0.2 kg", "sold out", "1.20"},
			{"Washer", "0.1 kg", "in stock", "0.35"},
			{"Impeller", "2.4 kg", "on order", "210.00"},
		}, []float64{60, 99, 136, 177}, "Part | Weight | State | Price\nFlange | 7.5 kg | in stock | 95.00\n" +
			"Bolt M8 | 0.2 kg | sold out | 1.20\nWasher | 0.1 kg | in stock | 0.35\nImpeller | 2.4 kg | on order | 210.00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: page(c.rows, c.at)}}})
			if got := d.Pages[0].Text; !strings.Contains(got, "\n"+c.want+"\n") || len(d.Pages[0].Tables) != 1 {
				t.Errorf("got %q", got)
			}
		})
	}
}

// at10 draws a line of text at the left of a page.
func at10(y int, text string) string {
	return fmt.Sprintf("BT /F1 10 Tf 60 %d Td (%s) Tj ET\n", y, text)
}

// The empty cells of a table with a rule below each row keep their columns, whether figures are in it or not.
func TestPDFTableWithRulesBelowItsRowsAndEmptyCells(t *testing.T) {
	rows := [][]string{
		{"Part", "Weight", "State", "Price"},
		{"Flange", "", "in stock", "95.00"},
		{"Bolt M8", "0.2 kg", "", "1.20"},
		{"Washer", "0.1 kg", "in stock", ""},
		{"Gasket", "", "", "4.10"},
	}
	var content string
	for i, row := range rows {
		content += rowOf(700-20*i, row, []float64{60, 140, 220, 300}) +
			fmt.Sprintf("0.7 G 0.75 w 55 %d m 340 %d l S\n", 694-20*i, 694-20*i)
	}
	d := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: content}}})
	want := "Part | Weight | State | Price\nFlange |  | in stock | 95.00\nBolt M8 | 0.2 kg |  | 1.20\n" +
		"Washer | 0.1 kg | in stock |\nGasket |  |  | 4.10"
	if got := d.Pages[0].Text; got != want {
		t.Errorf("got %q", got)
	}
}
