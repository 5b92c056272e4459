package extraction

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var written = []block{
	{Kind: "heading", Level: 1, Text: "Pumps"},
	{Kind: "text", Text: "The load is 10^6 N, for 鑰匙 too."},
	{Kind: "heading", Level: 2, Text: "Flow"},
	{Kind: "table", Header: 2, Text: "Pump Hours Sat Sun Anna 7 8 Clara none",
		Rows: [][]string{{"Pump", "Hours", "Hours"}, {"", "Sat", "Sun"}, {"Anna", "7", "8"}, {"Clara", "none", "none"}}},
	{Kind: "optional", Text: "1"},
	{Kind: "running", Text: "Form QP-4471"},
}

const faithful = "# Pumps\n\nThe load is 10⁶ N,<sup>1</sup> for 鑰匙 too.\n\n## Flow\n\n| Pump | Hours Sat | Hours Sun |\n|---|---|---|\n" +
	"| Anna | 7 | 8 |\n| Clara | none | none |\n\nForm QP-4471"

// A measure that finds nothing wrong measures nothing.
func TestMeasuresFindWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name        string
		instead     string
		with        string
		want        string
		lost, added []string
	}{
		{"as it was written", "", "", "100.0 | 0.0 | 100.0 | 100.0 | 100.0", nil, nil},
		{"a power is flat", "10⁶", "106", "95.7 | 3.8 | 100.0 | 100.0 | 100.0", []string{"10^6"}, []string{"106"}},
		{"a power as HTML", "10⁶", "10<sup>6</sup>", "100.0 | 0.0 | 100.0 | 100.0 | 100.0", nil, nil},
		{"a line is lost", "Form QP-4471", "", "87.0 | 0.0 | 100.0 | 100.0 | 100.0", []string{"4471", "Form", "QP"}, nil},
		{"a line is read twice", "Form QP-4471", "Form QP-4471\nForm QP-4471", "100.0 | 10.3 | 100.0 | 100.0 | 100.0", nil,
			[]string{"4471", "Form", "QP"}},
		{"words change places", "load is", "is load", "100.0 | 0.0 | 94.1 | 100.0 | 100.0", nil, nil},
		{"a cell is in the wrong column", "| 7 | 8 |", "| 8 | 7 |", "100.0 | 0.0 | 94.1 | 66.7 | 100.0", nil, nil},
		{"a cell is empty", "| Clara | none | none |", "| Clara |  | none |", "100.0 | 0.0 | 100.0 | 83.3 | 100.0", nil, nil},
		{"a name of columns is lost", "Hours Sat | Hours Sun", "Sat | Sun", "95.7 | 0.0 | 100.0 | 33.3 | 100.0",
			[]string{"Hours"}, nil},
		{"a heading is text", "## Flow", "Flow", "100.0 | 0.0 | 100.0 | 100.0 | 50.0", nil, nil},
		{"a heading has another parent", "## Flow", "# Flow", "100.0 | 0.0 | 100.0 | 100.0 | 33.3", nil, nil},
		{"text is a heading", "Form QP", "# Form QP", "100.0 | 0.0 | 100.0 | 100.0 | 66.7", nil, nil},
		{"a table is lines", faithful[strings.Index(faithful, "| Pump"):], "Pump Hours\nSat Sun\nAnna 7 8\nClara none\n\nForm QP-4471",
			"100.0 | 0.0 | 100.0 | 83.3 | 100.0", nil, nil},
	} {
		s := scoreOf(written, nil, markdownReading(strings.Replace(faithful, test.instead, test.with, 1)))
		if got := s.String(); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
		if diff := cmp.Diff([][]string{test.lost, test.added}, [][]string{s.lost, s.more}); diff != "" {
			t.Errorf("%s: words (-want +got):\n%s", test.name, diff)
		}
	}
}
