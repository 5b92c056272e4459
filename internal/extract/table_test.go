package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func newFlow(t *testing.T) *flow { return &flow{ctx: t.Context(), limit: newLimit(1 << 20)} }

func TestATableKnowsWhereItsRowsBegin(t *testing.T) {
	f := newFlow(t)
	if err := f.paragraph("Prêt:"); err != nil {
		t.Fatal(err)
	}
	table, err := f.table("Prices", []string{"", "2024", "2024"}, []string{"part", "net", "gross"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range [][]string{{"a | b", "1", ""}, {"", "", ""}, {"", "two\nlines", "3"}} {
		if err := table.row(row); err != nil {
			t.Fatal(err)
		}
	}
	table.end()
	page := f.page(0)
	if want := "Prêt:\n\nPrices\n| 2024 | 2024\npart | net | gross\na|b | 1 |\n| two lines | 3"; page.Text != want {
		t.Fatalf("got %q, want %q", page.Text, want)
	}
	at := func(s string) int { return len([]rune(page.Text[:strings.Index(page.Text, s)])) }
	want := []Table{{
		Start: at("Prices"), End: len([]rune(page.Text)), Caption: "Prices", Header: "| 2024 | 2024\npart | net | gross",
		Columns: []string{"part", "2024 net", "2024 gross"}, Rows: []int{at("a|b"), at("| two")},
	}}
	if diff := cmp.Diff(want, page.Tables); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestATableWithoutRowsIsText(t *testing.T) {
	f := newFlow(t)
	table, err := f.table("", []string{"only", "names"})
	if err != nil {
		t.Fatal(err)
	}
	table.end()
	if page := f.page(0); page.Text != "only | names" || len(page.Tables) > 0 {
		t.Errorf("got %+v", page)
	}
}

func TestMergedCellsGiveTheirTextToEachPlace(t *testing.T) {
	text := func(s string) gridCell { return gridCell{text: s} }
	tests := map[string]struct {
		rows [][]gridCell
		want [][]string
	}{
		"rows": {
			[][]gridCell{{{text: "Benelux", rows: 2}, text("Port"), text("1")}, {text("Hub"), text("447")}, {text("Nordics"), text("Hub"), text("2")}},
			[][]string{{"Benelux", "Port", "1"}, {"Benelux", "Hub", "447"}, {"Nordics", "Hub", "2"}},
		},
		"columns": {
			[][]gridCell{{text("x"), {text: "all", cols: 2}}, {text("y"), text("1"), text("2")}},
			[][]string{{"x", "all", "all"}, {"y", "1", "2"}},
		},
		"as Word has them": {
			[][]gridCell{{text("a"), text("1")}, {{above: true}, text("2")}, {{above: true}, text("3")}},
			[][]string{{"a", "1"}, {"a", "2"}, {"a", "3"}},
		},
		"a row of its own": {
			[][]gridCell{{{text: "Pumps", cols: 4}}, {text("a"), text("1")}},
			[][]string{{"Pumps"}, {"a", "1"}},
		},
		"a hole before a merged cell": {
			[][]gridCell{{text("a"), {text: "b", rows: 2}}, {}},
			[][]string{{"a", "b"}, {"", "b"}},
		},
		"long texts stand once in their row": {
			[][]gridCell{{{text: strings.Repeat("x", 400), cols: 2}, text("y")}},
			[][]string{{strings.Repeat("x", 400), "", "y"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := &grid{limit: newLimit(1 << 20)}
			var got [][]string
			for _, cells := range tt.rows {
				row, err := g.row(cells)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, row)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRowsThatNameTheColumns(t *testing.T) {
	for _, tt := range []struct {
		name string
		rows [][]string
		want int
	}{
		{"words", [][]string{{"Pump", "Flow"}, {"Anna", "812"}}, 1},
		{"years", [][]string{{"Pump", "2023", "2024"}, {"Anna", "812", "795"}}, 1},
		{"numbers", [][]string{{"Anna", "812"}, {"Clara", "395"}}, 0},
		{"two rows", [][]string{{"Pump", "Flow", "Flow"}, {"Pump", "min", "max"}, {"Anna", "1", "2"}}, 2},
		{"names and values", [][]string{{"Flow", "812 l/min"}, {"Mass", "44 kg"}, {"Price", "1,250.00 €"}}, 0},
		{"a unit among the names", [][]string{{"Pump", "Flow", "5 bar"}, {"Anna", "812 l/min", "7 l/min"}}, 1},
	} {
		if got := headerRows(tt.rows, 0); got != tt.want {
			t.Errorf("%s: %d rows, want %d", tt.name, got, tt.want)
		}
	}
}

func TestTablesAreBounded(t *testing.T) {
	g := &grid{limit: newLimit(1 << 20)}
	row := make([]gridCell, 100)
	for i := range row {
		row[i].cols = 1 << 30
	}
	_, err := g.row(row)
	wantReason(t, err, config.TooComplex, "columns")
	_, err = (&grid{limit: newLimit(1000)}).row([]gridCell{{text: strings.Repeat("x", 300), cols: 10}, {}})
	wantReason(t, err, config.TooLarge, "1000 bytes")
	table, err := newFlow(t).table("")
	if err != nil {
		t.Fatal(err)
	}
	for range maxCells/maxColumns + 1 {
		if err = table.row(make([]string, maxColumns)); err != nil {
			break
		}
	}
	wantReason(t, err, config.TooComplex, "cells")
}

func TestScriptsAndFractionsAreNoFigures(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{"10" + superscript("6"), "10⁶"},
		{"10" + superscript("−6"), "10⁻⁶"},
		{"x" + superscript("n"), "x^n"},
		{"x" + superscript("n+1"), "xⁿ⁺¹"},
		{"e" + superscript("2x"), "e^(2x)"},
		{"1" + superscript("st"), "1st"},
		{"ACME" + superscript("TM"), "ACMETM"},
		{"word" + superscript("*"), "word*"},
		{"H" + subscript("2") + "O", "H₂O"},
		{"x" + subscript("max"), "x_max"},
		{"a" + subscript("i,j"), "a_(i,j)"},
		{"101" + subscript("2"), "101₂"},
		{"x" + superscript(" "), "x "},
		{fraction("12", "5"), "12/5"},
		{fraction("a + b", "2"), "(a + b)/2"},
		{fraction("1", "x²"), "1/x²"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
