package query

import (
	"regexp"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// A chunk may go over headings. A citation shows the heading of the part that supports the answer: of
// all parts, the one that has the most of its words. Before there is an answer, the question stands in
// for it.

// headFor gives each passage the heading of its part that fits the text best. A passage of which no
// part has a word of it keeps its heading.
func headFor(passages []Passage, text string) {
	var wanted map[string]bool
	for i := range passages {
		p := &passages[i]
		if len(p.Layout.Headings) == 0 {
			continue
		}
		if wanted == nil {
			wanted = termsOf(text)
		}
		p.head(wanted)
	}
}

// headForStatements does the same with what the answer says before each of its citations. A passage
// that it cites more than once has the heading of the first.
func headForStatements(r *Result) {
	answer := []rune(r.Answer)
	done := map[int]bool{}
	for _, m := range r.Marks {
		if p := &r.Passages[m.Passage-1]; len(p.Layout.Headings) > 0 && !done[m.Passage] {
			done[m.Passage] = true
			p.head(termsOf(lastStatement(string(answer[:m.Start]))))
		}
	}
}

// lastStatement is the last sentence of a text.
func lastStatement(text string) string {
	text = strings.TrimRight(marker.ReplaceAllString(text, ""), " \n.!?")
	if ends := statementEnd.FindAllStringIndex(text, -1); len(ends) > 0 {
		text = text[ends[len(ends)-1][1]:]
	}
	return text
}

// statementEnd is where a sentence ends and another begins, or a line.
var statementEnd = regexp.MustCompile(`[.!?]\s+|\n+`)

func termsOf(text string) map[string]bool {
	terms := map[string]bool{}
	for _, term := range index.Analyse(text) {
		terms[term] = true
	}
	return terms
}

// head gives the passage the heading of the part that has the most of the terms, of equals the first.
func (p *Passage) head(wanted map[string]bool) {
	text, most := []rune(p.Text), 0
	for i, h := range p.Layout.Headings {
		end := len(text)
		if i+1 < len(p.Layout.Headings) {
			end = min(p.Layout.Headings[i+1].Offset, end)
		}
		found := 0
		for term := range termsOf(h.Path + "\n" + string(text[min(h.Offset, end):end])) {
			if wanted[term] {
				found++
			}
		}
		if found > most {
			p.Heading, most = h.Path, found
		}
	}
}
