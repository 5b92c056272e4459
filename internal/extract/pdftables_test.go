package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// drawnLines is a page of lines, each of cells that begin at a place or end there: "60 Label" or "300> 1,234".
// Helvetica's figures are 5.56 points wide at ten points, its commas and dots 2.78.
func drawnLines(lines ...[]string) string {
	var b strings.Builder
	y := 720
	for _, line := range lines {
		for _, cell := range line {
			place, text, _ := strings.Cut(cell, " ")
			x := 0
			for _, r := range strings.TrimSuffix(place, ">") {
				x = 10*x + int(r-'0')
			}
			if strings.HasSuffix(place, ">") {
				x -= int(5.56*float64(len(text)) - 2.78*float64(strings.Count(text, ",")+strings.Count(text, " ")))
			}
			b.WriteString(at(x, y, "", strings.NewReplacer("(", `\(`, ")", `\)`).Replace(text)))
		}
		y -= 14
	}
	return b.String()
}

func line(cells ...string) []string { return cells }

func TestPDFTables(t *testing.T) {
	period := line("280 Three Months Ended", "430 Nine Months Ended")
	dates := line("280 Oct 1, 2022", "350 Sep 25, 2021", "430 Oct 1, 2022", "500 Sep 25, 2021")
	row := func(label, a, b, c, d string) []string {
		return line("60 "+label, "330> "+a, "400> "+b, "480> "+c, "550> "+d)
	}
	for _, c := range []struct {
		name  string
		lines [][]string
		text  string
		want  []Table
	}{
		{
			name: "names over several columns, a unit, labels and an empty cell",
			lines: [][]string{
				line("60 The revenue of each period was as follows:"), period,
				append(line("60 (In millions)"), dates...),
				line("60 Revenue:"), row("Cloud", "1,250", "1,115", "3,600", "3,310"),
				line("60 Devices", "330> 90", "480> 250", "550> 260"),
				row("Total", "1,340", "1,115", "3,850", "3,570"),
			},
			text: "The revenue of each period was as follows:\n| Three Months Ended |  | Nine Months Ended |\n" +
				"(In millions) | Oct 1, 2022 | Sep 25, 2021 | Oct 1, 2022 | Sep 25, 2021\nRevenue:\n" +
				"Cloud | 1,250 | 1,115 | 3,600 | 3,310\nDevices | 90 |  | 250 | 260\nTotal | 1,340 | 1,115 | 3,850 | 3,570",
			want: []Table{{
				Start: 0, End: 273, Caption: "The revenue of each period was as follows:",
				Header: "| Three Months Ended |  | Nine Months Ended |\n" +
					"(In millions) | Oct 1, 2022 | Sep 25, 2021 | Oct 1, 2022 | Sep 25, 2021",
				Columns: []string{"(In millions)", "Three Months Ended Oct 1, 2022", "Three Months Ended Sep 25, 2021",
					"Nine Months Ended Oct 1, 2022", "Nine Months Ended Sep 25, 2021"},
				Rows: []int{161, 170, 208, 236},
			}},
		},
		{
			name: "a label of two lines, currencies and amounts in brackets",
			lines: [][]string{
				line("330 2022", "400 2021"), line("60 Net income", "300 $", "350> 17,556", "380 $", "420> 20,505"),
				line("60 Acquisition of companies, net of cash acquired, and purchases of"),
				line("60 other assets", "350> (349)", "420> (1,206)"), line("60 Other", "350> —", "420> 12"),
			},
			text: "| 2022 | 2021\nNet income | $ 17,556 | $ 20,505\nAcquisition of companies, net of cash acquired, and" +
				" purchases of other assets | (349) | (1,206)\nOther | — | 12",
			want: []Table{{
				Start: 0, End: 157, Header: "| 2022 | 2021", Columns: []string{"", "2022", "2021"},
				Rows: []int{14, 47, 143},
			}},
		},
		{
			name: "a table of contents",
			lines: [][]string{
				line("60 Introduction", "500> 12"), line("60 Results", "500> 14"), line("60 Outlook", "500> 21"),
			},
			text: "Introduction 12\nResults 14\nOutlook 21",
		},
		{
			name: "figures that stand in no columns",
			lines: [][]string{
				line("60 Width", "200> 1,200"), line("60 Height", "400> 1,450"),
				line("60 Depth", "300> 1,100", "420> 7,100"),
			},
			text: "Width 1,200\nHeight 1,450\nDepth 1,100 7,100",
		},
		{
			name: "sentences that end in figures",
			lines: [][]string{
				line("60 The company was founded in 1,984"), line("60 and moved to its new offices in 2,003"),
			},
			text: "The company was founded in 1,984\nand moved to its new offices in 2,003",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			content := strings.ReplaceAll(drawnLines(c.lines...), "—", `\227`)
			p := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: content}}}).Pages[0]
			if diff := cmp.Diff(c.text, p.Text); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.want, p.Tables); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPDFTableGoesOnOnTheNextPage(t *testing.T) {
	page := func(lines ...[]string) pdftest.Page { return pdftest.Page{Content: drawnLines(lines...)} }
	d := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{
		page(line("330 2022", "400 2021"), line("60 Cloud", "350> 1,250", "420> 1,115"),
			line("60 Devices", "350> 900", "420> 870")),
		page(line("60 Services", "350> 1,340", "420> 1,000"), line("60 Total", "350> 3,490", "420> 2,985")),
	}})
	want := []Table{{
		Start: 0, End: 46, Header: "| 2022 | 2021", Columns: []string{"", "2022", "2021"}, Rows: []int{0, 25},
	}}
	if diff := cmp.Diff(want, d.Pages[1].Tables); diff != "" {
		t.Errorf("%s%s", d.Pages[1].Text, diff)
	}
}
