package document

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func newFlow(t *testing.T) *Flow { return &Flow{Context: t.Context(), Limit: NewLimit(1 << 20)} }

func TestATableKnowsWhereItsRowsBegin(t *testing.T) {
	f := newFlow(t)
	if err := f.Paragraph("Prêt:"); err != nil {
		t.Fatal(err)
	}
	table, err := f.Table("Prices", []string{"", "2024", "2024"}, []string{"part", "net", "gross"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range [][]string{{"a | b", "1", ""}, {"", "", ""}, {"", "two\nlines", "3"}} {
		if err := table.Row(row); err != nil {
			t.Fatal(err)
		}
	}
	table.End()
	page := f.Page(0)
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
	table, err := f.Table("", []string{"only", "names"})
	if err != nil {
		t.Fatal(err)
	}
	table.End()
	if page := f.Page(0); page.Text != "only | names" || len(page.Tables) > 0 {
		t.Errorf("got %+v", page)
	}
}

func TestMergedCellsGiveTheirTextToEachPlace(t *testing.T) {
	text := func(s string) GridCell { return GridCell{Text: s} }
	tests := map[string]struct {
		rows [][]GridCell
		want [][]string
	}{
		"rows": {
			[][]GridCell{{{Text: "Benelux", Rows: 2}, text("Port"), text("1")}, {text("Hub"), text("447")}, {text("Nordics"), text("Hub"), text("2")}},
			[][]string{{"Benelux", "Port", "1"}, {"Benelux", "Hub", "447"}, {"Nordics", "Hub", "2"}},
		},
		"columns": {
			[][]GridCell{{text("x"), {Text: "all", Cols: 2}}, {text("y"), text("1"), text("2")}},
			[][]string{{"x", "all", "all"}, {"y", "1", "2"}},
		},
		"as Word has them": {
			[][]GridCell{{text("a"), text("1")}, {{Above: true}, text("2")}, {{Above: true}, text("3")}},
			[][]string{{"a", "1"}, {"a", "2"}, {"a", "3"}},
		},
		"a row of its own": {
			[][]GridCell{{{Text: "Pumps", Cols: 4}}, {text("a"), text("1")}},
			[][]string{{"Pumps"}, {"a", "1"}},
		},
		"a hole before a merged cell": {
			[][]GridCell{{text("a"), {Text: "b", Rows: 2}}, {}},
			[][]string{{"a", "b"}, {"", "b"}},
		},
		"long texts stand once in their row": {
			[][]GridCell{{{Text: strings.Repeat("x", 400), Cols: 2}, text("y")}},
			[][]string{{strings.Repeat("x", 400), "", "y"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := &Grid{Limit: NewLimit(1 << 20)}
			var got [][]string
			for _, cells := range tt.rows {
				row, err := g.Row(cells)
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
		if got := HeaderRows(tt.rows, 0); got != tt.want {
			t.Errorf("%s: %d rows, want %d", tt.name, got, tt.want)
		}
	}
}

func TestTablesAreBounded(t *testing.T) {
	g := &Grid{Limit: NewLimit(1 << 20)}
	row := make([]GridCell, 100)
	for i := range row {
		row[i].Cols = 1 << 30
	}
	_, err := g.Row(row)
	failsFor(t, err, config.TooComplex)
	_, err = (&Grid{Limit: NewLimit(1000)}).Row([]GridCell{{Text: strings.Repeat("x", 300), Cols: 10}, {}})
	failsFor(t, err, config.TooLarge)
	table, err := newFlow(t).Table("")
	if err != nil {
		t.Fatal(err)
	}
	for range MaxCells/MaxColumns + 1 {
		if err = table.Row(make([]string, MaxColumns)); err != nil {
			break
		}
	}
	failsFor(t, err, config.TooComplex)
}

func failsFor(t *testing.T, err error, want config.Reason) {
	t.Helper()
	if got, _ := config.ReasonOf(err); got != want {
		t.Errorf("%v has the reason %q, want %q", err, got, want)
	}
}
