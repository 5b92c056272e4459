package lexical

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Passage is a numbered text that was found for a question.
type Passage struct {
	Label string // names its document, and its heading or page
	Text  string
}

// Quotes are the statements of the passages that fit the question best, for a reader to judge: each
// with the number of its passage, which counts from 1, in square brackets. They are empty if no
// statement has a word of the question. fit reports whether the best has much of it.
func Quotes(question string, passages []Passage) (lines string, fit bool) {
	q := newQuestion(question)
	all := q.score(passages)
	if q.known == 0 {
		return "", false
	}
	chosen := choose(all)
	best := slices.MaxFunc(chosen, func(a, b quote) int { return cmp.Compare(a.score, b.score) })
	return render(chosen), q.known*q.covers(best.label, best.above, best.terms) >= leastFit
}

// quote is a statement that may be quoted.
type quote struct {
	statement
	passage, at int // are indices of the passage, and of the statement in it
	score       float64

	// The terms of the statement, of heading and columns above it, of its passage's label, and of its
	// whole passage. Those akin to a term of the question are replaced by that.
	terms, above, label, whole []string
}

// These weights add to a statement's coverage of the question, as parts of a full coverage.
const (
	phraseWorth  = 0.5 // all of the question's neighbouring terms are neighbours in it
	headingWorth = 0.4 // the heading above it covers the question, as far as it does not itself
	beforeWorth  = 0.3 // and the statement before it
	passageWorth = 0.4 // its whole passage covers the question
	cueWorth     = 0.4 // it has a word or figure that answers this kind of question
	rankWorth    = 0.1 // its passage comes first
	incomplete   = 0.2 // taken off when it begins or ends in the middle of a sentence, or only announces one
)

// score scores every statement of the passages.
func (q *question) score(passages []Passage) []quote {
	q.divide(vocabulary(passages))
	var all []quote
	for p, passage := range passages {
		label := q.adopt(index.Analyse(passage.Label))
		whole := q.adopt(index.Analyse(passage.Text))
		for i, s := range statements(passage.Text) {
			all = append(all, quote{statement: s, passage: p, at: i, terms: q.adopt(index.Analyse(cmp.Or(s.values, s.text))),
				above: q.adopt(index.Analyse(s.heading + "\n" + s.names)), label: label, whole: whole})
		}
	}
	q.weighStatements(all)

	answers := cueFor(q.text)
	for i := range all {
		s := &all[i]
		s.score = q.worth(s, len(passages))
		if i > 0 && s.at > 0 && !s.row && all[i-1].heading == s.heading {
			s.score += beforeWorth * (q.covers(s.above, s.terms, all[i-1].terms) - q.covers(s.above, s.terms))
		}
		if answers(q, s) {
			s.score += cueWorth
		}
	}
	return all
}

// worth is the score of a statement by itself, below its headings and within its passage.
func (q *question) worth(s *quote, passages int) float64 {
	own := q.covers(s.terms)
	worth := own + phraseWorth*q.phrases(s.terms) + headingWorth*(q.covers(s.above, s.terms)-own) +
		passageWorth*q.covers(s.label, s.whole) + rankWorth*float64(passages-s.passage)/float64(passages)
	if !s.row && (startsLower(s.text) || !strings.HasSuffix(s.text, ".")) {
		worth -= incomplete
	}
	return worth
}

// covers is the question's coverage by several lists of terms together.
func (q *question) covers(terms ...[]string) float64 {
	return q.coverage(count(slices.Concat(terms...)))
}

// vocabulary is the set of the passages' terms.
func vocabulary(passages []Passage) map[string]bool {
	terms := map[string]bool{}
	for _, p := range passages {
		for _, t := range index.Analyse(p.Label + "\n" + p.Text) {
			terms[cmp.Or(irregular[t], t)] = true
		}
	}
	return terms
}

// weighStatements weighs the question's terms by their rarity among the statements. Terms that
// neither a statement nor anything above it has weigh nothing.
func (q *question) weighStatements(all []quote) {
	units := make([]*passage, len(all))
	found := map[string]bool{}
	for i, s := range all {
		units[i] = &passage{counts: count(s.terms)}
		for _, t := range slices.Concat(s.terms, s.above, s.label) {
			found[t] = true
		}
	}
	q.weigh(units)
	q.discount(func(t string) bool { return vague[t] || common[t] || figure(t) })
	q.keep(found)
}

func startsLower(s string) bool { return s[0] >= 'a' && s[0] <= 'z' }

const (
	maxQuotes = 5
	ofTheBest = 0.5 // a further statement must be so good, compared with the best
	leastFit  = 0.3 // the best one must cover so much of the question to be called fitting
	nearBest  = 2   // or follow the best within so many statements
)

// choose picks the best statement and further ones, in the order in which they are to be read.
func choose(all []quote) []quote {
	slices.SortStableFunc(all, func(a, b quote) int { return cmp.Compare(b.score, a.score) })
	best := all[0]
	chosen := []quote{best}
	for _, s := range all[1:] {
		fits := s.score >= ofTheBest*best.score || continues(best, s)
		if fits && !slices.ContainsFunc(chosen, func(c quote) bool { return overlap(c, s) }) {
			chosen = append(chosen, s)
		}
		if len(chosen) == maxQuotes {
			break
		}
	}
	slices.SortStableFunc(chosen, func(a, b quote) int {
		if first := cmp.Compare(distance(a, best), distance(b, best)); first != 0 {
			return first
		}
		return cmp.Compare(a.at, b.at)
	})
	return chosen
}

// distance orders quotes: the best if it is a row, then those of its passage, then the others as they
// came. A sentence is read after the one before it.
func distance(s, best quote) int {
	switch {
	case s.passage == best.passage && s.at == best.at && s.row:
		return -2
	case s.passage == best.passage:
		return -1
	}
	return s.passage
}

// continues reports whether s goes on with the best statement's subject. A row stands for itself.
func continues(best, s quote) bool {
	return s.passage == best.passage && s.at > best.at && s.at <= best.at+nearBest &&
		!s.row && !best.row && s.heading == best.heading
}

// overlap reports whether one statement is part of the other, as happens where chunks overlap.
func overlap(a, b quote) bool {
	x, y := strings.Join(a.terms, " "), strings.Join(b.terms, " ")
	return strings.Contains(x, y) || strings.Contains(y, x)
}

// render joins statements, rows on lines of their own.
func render(chosen []quote) string {
	var b strings.Builder
	for i, s := range chosen {
		switch {
		case i == 0:
		case s.row || chosen[i-1].row || s.passage != chosen[i-1].passage:
			b.WriteByte('\n')
		default:
			b.WriteByte(' ')
		}
		b.WriteString(readable(s.text))
		b.WriteString(" [" + strconv.Itoa(s.passage+1) + "]")
	}
	return b.String()
}

var bracketed = regexp.MustCompile(`\[(\d+)\]`)

// readable takes Markdown's emphasis out of a statement, and turns a bracketed number of its own into a
// parenthesis: it would pass for a citation.
func readable(s string) string {
	return bracketed.ReplaceAllString(strings.ReplaceAll(s, "**", ""), "($1)")
}
