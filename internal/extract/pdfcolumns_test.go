package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

func TestPDFColumnsThatWereDrawnRowByRow(t *testing.T) {
	columns := [][]string{
		{"The left column speaks of the pumps, which",
			"the foreman inspects each month with care.", "He writes down what he has seen and under-",
			"stands, and the office keeps the sheets of", "ten years in the cellar below the old hall.",
			"Nobody has ever asked for one of them yet."},
		{"The right column speaks of valves, which a", "fitter turns fully open and shut each year.",
			"She greases the spindle and signs the card", "that hangs from it, as the rules of the law",
			"demand of every plant that handles steam.", "There are ninety of them in the house now."},
	}
	draw := func(columns [][]string, x ...int) string {
		content := "BT /F2 14 Tf 60 740 Td (A title that stands over both of the columns) Tj ET\n"
		for i := range columns[0] {
			for j := range columns {
				content += fmt.Sprintf("BT /F1 10 Tf %d %d Td (%s) Tj ET\n", x[j], 700-12*i, columns[j][i])
			}
		}
		return content
	}
	text := func(content string) string {
		return extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: content}}}).Pages[0].Text
	}
	got := text(draw(columns, 60, 320))
	left := strings.ReplaceAll(strings.Join(columns[0], "\n"), "under-\nstands", "understands")
	if want := left + "\n" + strings.Join(columns[1], "\n"); !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	terms := [][]string{
		{"Growth of the revenue from office products", "Growth of the seats that are in commerce",
			"Subscribers of the products for consumers", "Growth of the revenue from dynamic products",
			"Growth of the seats in the schools at last", "Members of the house and of its consumers"},
		{"the revenue from all products of this kind", "the seats at the end of the whole period",
			"the number of those who pay in each month", "the revenue from each of these products",
			"the seats in schools at the end of a year", "the number of those who do not pay at all"},
	}
	if got := text(draw(terms, 60, 320)); !strings.Contains(got, terms[0][1]+" | "+terms[1][1]) {
		t.Errorf("a list of definitions was read by columns: %q", got)
	}
	short := [][]string{
		{"Pump", "Valve", "Filter", "Motor", "Seal", "Lamp"},
		{"The first of all the parts of this hall", "Turned each year", "Washed", "Wound anew in the month of May",
			"Not in store", "Seen to by the night shift"},
	}
	if got := text(draw(short, 60, 320)); !strings.Contains(got, "Filter | Washed") {
		t.Errorf("a list of terms was read by columns: %q", got)
	}
}

func TestPDFSidebarThatWasDrawnRowByRow(t *testing.T) {
	var texts, left, right []string
	for i := range 9 {
		y := 700 - 12*i
		left = append(left, fmt.Sprintf("this is line %d of the text that runs on beside it and", i))
		texts = append(texts, fmt.Sprintf("60,%d %s", y, left[i]))
		if i < 6 {
			right = append(right, fmt.Sprintf("which is line %d of the sidebar", i))
			texts = append(texts, fmt.Sprintf("380,%d %s", y, right[i]))
		}
	}
	got := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: cellsAt(texts...)}}}).Pages[0].Text
	if want := strings.Join(append(left, right...), "\n"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
