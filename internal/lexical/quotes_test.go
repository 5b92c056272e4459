package lexical

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	hotels = Passage{Label: "travel.md, Hotels", Text: "## Hotels\n\nThe company pays up to the limit a night.\n\n" +
		"| City | Limit a night |\n|---|---|\n| Paris | 190 EUR |\n| Oslo | 185 EUR |"}
	sheet  = Passage{Label: "plans.xlsx", Text: "Plan | Price a month | Users\nHarbour | 3.40 | 50\nOcean | 5.75 | 900"}
	prices = Passage{Label: "prices.csv", Text: "Article: T4\nDescription: Reefer tracker\nPrice: 238.00\n\n" +
		"Article: G1\nDescription: Yard gateway for indoor use\nPrice: 495.00"}
	launch = Passage{Label: "minutes.md, Tracker T5", Text: "## Tracker T5\n\nMarek showed samples of the T5. " +
		"The launch moves from March to 15 June 2026. The target price is 169 EUR."}
	salary = Passage{Label: "pay.md", Text: "Employees have a pension. The salary is paid on the 25th day of the month."}
)

func TestQuotes(t *testing.T) {
	for name, c := range map[string]struct {
		question string
		passages []Passage
		want     string
		fit      bool
	}{
		"a row comes with the names of its columns": {
			"What may a hotel in Oslo cost?", []Passage{salary, hotels},
			"City: Oslo; Limit a night: 185 EUR [2]\nCity: Paris; Limit a night: 190 EUR [2]", true,
		},
		"so does one of a sheet": {
			"What does the Ocean plan cost a month?", []Passage{sheet},
			"Plan: Ocean; Price a month: 5.75; Users: 900 [1]\nPlan: Harbour; Price a month: 3.40; Users: 50 [1]", true,
		},
		"a record of a CSV table is one line": {
			"How much is the gateway for indoor use?", []Passage{prices},
			"Article: G1; Description: Yard gateway for indoor use; Price: 495.00 [1]", true,
		},
		"the date comes with the sentence before it": {
			"When does the T5 come?", []Passage{launch},
			"Marek showed samples of the T5. [1] The launch moves from March to 15 June 2026. [1] " +
				"The target price is 169 EUR. [1]", true,
		},
		"other forms and parts of a word are found": {
			"When is payday?", []Passage{salary},
			"The salary is paid on the 25th day of the month. [1]", true,
		},
		"a line with little of the question does not fit": {
			"Does the orchestra rehearse at the lighthouse or in Oslo?", []Passage{hotels},
			"City: Oslo; Limit a night: 185 EUR [1]", false,
		},
		"nothing in common": {"Who won the chess championship?", []Passage{hotels, prices}, "", false},
		"no passages":       {"Who?", nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			got, fit := Quotes(c.question, c.passages)
			if diff := cmp.Diff(c.want, got); diff != "" || fit != c.fit {
				t.Errorf("fit %t, want %t (-want +got):\n%s", fit, c.fit, diff)
			}
		})
	}
}
