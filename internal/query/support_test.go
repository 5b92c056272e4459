package query

import (
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// handbook is a chunk over three headings.
func handbook() Passage {
	parts := []string{"You get 30 days of leave.\n", "Expenses\nA taxi is paid after 22:00.\n", "Travel\nTrains are second class."}
	c := index.Chunk{Title: "handbook.md", Heading: "Leave", Text: strings.Join(parts, "")}
	from := 0
	for i, path := range []string{"Leave", "Money > Expenses", "Money > Travel"} {
		c.Layout.Headings = append(c.Layout.Headings, index.Heading{Offset: from, Path: path})
		from += len([]rune(parts[i]))
	}
	return Passage{Chunk: c}
}

func TestTheHeadingIsThatOfThePartThatSupports(t *testing.T) {
	for question, want := range map[string]string{
		"How many days of leave do I get?":     "Leave",
		"When may I take a taxi?":              "Money > Expenses",
		"Which class do I travel in by train?": "Money > Travel",
		"Who is the chairman?":                 "Leave",
	} {
		passages := []Passage{handbook(), {Chunk: index.Chunk{Heading: "Own", Text: "A taxi."}}}
		headFor(passages, question)
		if passages[0].Heading != want || passages[1].Heading != "Own" {
			t.Errorf("%s: heading %q, want %q", question, passages[0].Heading, want)
		}
	}
}

// The statement before a citation counts more than the question, which may be about several parts.
func TestTheHeadingFollowsTheStatement(t *testing.T) {
	for answer, want := range map[string]string{
		"Leave is 30 days. A taxi is paid at night [1].": "Money > Expenses",
		"Trains are second class [1]. Leave is fine.":    "Money > Travel",
		"30 days [1]. A taxi is paid at night [1].":      "Leave",
		"So it is [1].": "Money > Travel",
	} {
		chat := &model.Completion{Content: answer, FinishReason: "stop"}
		r := reply{citations: newCitations([]Passage{handbook()}), result: Result{Passages: []Passage{handbook()}}}
		headFor(r.result.Passages, "By which class do I travel?")
		if err := r.finish(chat); err != nil {
			t.Fatal(err)
		}
		headForStatements(&r.result)
		if got := r.result.Passages[0].Heading; got != want {
			t.Errorf("%s: heading %q, want %q", answer, got, want)
		}
	}
}

func TestPagesAndSlidesAreNamed(t *testing.T) {
	for want, c := range map[string]index.Chunk{
		"Deck, slide 3":  {Title: "Deck", Page: 3, Layout: index.Layout{Slide: true}},
		"Report, page 3": {Title: "Report", Page: 3},
		"Note":           {Title: "Note"},
	} {
		if got := (&Passage{Chunk: c}).Label(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
