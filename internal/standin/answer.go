package standin

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// What is said when there is nothing to quote.
const (
	noPassages = "I am a stand-in for a language model: I quote the passages that come with a question, and none came."
	noAnswer   = "The passages do not answer this question."
)

// maxQuotes is how many statements an answer has at most.
const maxQuotes = 3

// answer quotes the statements of a prompt's passages that fit its question best, each with the number of its
// passage in square brackets.
func answer(prompt string) string {
	passages, text := readPrompt(prompt)
	if len(passages) == 0 {
		return noPassages
	}
	chosen := choose(quotes(passages, text))
	if len(chosen) == 0 {
		return noAnswer
	}
	return render(chosen)
}

// quote is a statement that may become part of an answer.
type quote struct {
	statement
	passage, at int // indices of the passage, and of the statement in it
	terms       []string
	own         float64 // its coverage of the question
	coverage    float64 // the same, together with the label and heading it stands below
	score       float64
}

// What a statement is worth beside its coverage of the question, as parts of a full coverage.
const (
	phraseWorth  = 0.5  // all of the question's neighbouring terms are neighbours in it
	headingWorth = 0.4  // the heading above it covers the question, as far as it does not itself
	passageWorth = 0.4  // its whole passage covers the question
	cueWorth     = 0.15 // it has a word or figure that answers this kind of question
	rankWorth    = 0.1  // its passage comes first
	incomplete   = 0.2  // taken off when it begins or ends in the middle of a sentence, or only announces one
)

// quotes scores every statement of the passages.
func quotes(passages []cited, text string) []quote {
	q := newQuestion(text)
	var all []quote
	var units []*passage
	for p, cited := range passages {
		for i, s := range statements(cited.text) {
			terms := index.Analyse(s.text)
			all = append(all, quote{statement: s, passage: p, at: i, terms: terms})
			units = append(units, &passage{counts: count(terms)})
		}
	}
	q.weigh(units)
	q.discount(vague)

	wants := cueFor(text)
	for i := range all {
		s := &all[i]
		of := passages[s.passage]
		label := index.Analyse(of.label)
		heading := index.Analyse(s.heading)
		s.own = q.coverage(units[i].counts)
		s.coverage = q.coverage(count(slices.Concat(label, heading, s.terms)))
		s.score = s.own + phraseWorth*q.phrases(s.terms) +
			headingWorth*(q.coverage(count(slices.Concat(heading, s.terms)))-s.own) +
			passageWorth*q.coverage(count(slices.Concat(label, index.Analyse(of.text)))) +
			rankWorth*float64(len(passages)-s.passage)/float64(len(passages))
		if wants(q, s) {
			s.score += cueWorth
		}
		if !s.row && (startsLower(s.text) || !strings.HasSuffix(s.text, ".")) {
			s.score -= incomplete
		}
	}
	return all
}

// vague are the terms that seldom tell one statement from another: those that say when, which tell passages
// apart, and the verbs of questions. Figures count too.
var vague = set("q1 q2 q3 q4 quarter month year fiscal first second third fourth three six nine twelv " +
	"end ended period date " +
	"januari februari march april may june juli august septemb octob novemb decemb " +
	"mean use work make get need happen want take go come call")

func set(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

func startsLower(s string) bool { return s[0] >= 'a' && s[0] <= 'z' }

// cue reports whether a statement has what its kind of question asks for.
type cue func(q *question, s *quote) bool

var (
	asksFigure = regexp.MustCompile(
		`(?i)\b(how (many|much|large|big|long|high|old|far)|what (was|were)|when|in which year)\b`)
	asksReason = regexp.MustCompile(`(?i)\bwhy\b`)
	asksManner = regexp.MustCompile(`(?i)\bhow\b`)
	reason     = regexp.MustCompile(`(?i)\b(because|so that|since|due to|therefore)\b`)
	manner     = regexp.MustCompile(`(?i)\b(by|then|first|once|when|until|beside|after)\b`)
)

func cueFor(text string) cue {
	matches := func(words *regexp.Regexp) cue {
		return func(_ *question, s *quote) bool { return words.MatchString(s.text) }
	}
	switch {
	case asksFigure.MatchString(text):
		return func(q *question, s *quote) bool { return q.answers(s.terms) }
	case asksReason.MatchString(text):
		return matches(reason)
	case asksManner.MatchString(text):
		return matches(manner)
	}
	return func(*question, *quote) bool { return false }
}

// When a statement is quoted.
const (
	leastCoverage = 0.3 // the best one must cover so much of the question
	ofTheBest     = 0.7 // a further one must be so good, compared with the best
	nearTheBest   = 2   // or share a term with the question and follow the best within so many statements
)

// choose picks the best statement and up to two more, in the order in which they are to be read: by passage,
// the best's first.
func choose(all []quote) []quote {
	slices.SortStableFunc(all, func(a, b quote) int { return cmp.Compare(b.score, a.score) })
	if len(all) == 0 || all[0].coverage < leastCoverage {
		return nil
	}
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
	slices.SortFunc(chosen, func(a, b quote) int {
		if first := cmp.Compare(distance(a, best), distance(b, best)); first != 0 {
			return first
		}
		return cmp.Compare(a.at, b.at)
	})
	return chosen
}

// distance orders passages: that of the best statement, then the others as they came.
func distance(s, best quote) int {
	if s.passage == best.passage {
		return -1
	}
	return s.passage
}

// continues reports whether s goes on with what the best statement began. A row stands for itself.
func continues(best, s quote) bool {
	return s.passage == best.passage && s.at > best.at && s.at <= best.at+nearTheBest &&
		s.own > 0 && !s.row && !best.row
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
		case s.row || chosen[i-1].row:
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
