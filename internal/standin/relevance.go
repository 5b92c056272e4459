package standin

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// The weights of what makes a passage relevant, chosen by how often the passage with the answer is among the
// first five on quarterly reports.
const (
	coverageWeight = 5  // the share of the query's terms that the passage has
	densityWeight  = 2  // the same, by how often they come
	phraseWeight   = 10 // the share of the query's neighbouring terms that are neighbours in the passage
	figureLine     = 3  // the coverage of the best line that also has a figure: tables answer in one line
	nearness       = 9  // the cosine of the hashed vectors
	nameWeight     = 5  // the share of the query's names: what it is about, however common among the passages
	logitOfNothing = -8
)

// logits score passages against a query as a cross-encoder would: unbounded, higher is better. A term counts
// by its rarity among the passages given, so that words which all of them share decide nothing.
func logits(query string, passages []string) []float64 {
	read := make([]*passage, len(passages))
	for i, text := range passages {
		read[i] = readPassage(text)
	}
	q := newQuestion(query)
	q.weigh(read)
	vector := embed(query, rankingDimensions)

	out := make([]float64, len(passages))
	for i, p := range read {
		out[i] = round(logitOfNothing +
			coverageWeight*q.coverage(p.counts) +
			densityWeight*q.density(p.counts) +
			phraseWeight*q.phrases(p.terms) +
			figureLine*q.figureLine(p) +
			nearness*dot(vector, embedTerms(p.terms, rankingDimensions)) +
			nameWeight*q.named(p.counts))
	}
	return out
}

// round keeps 12 binary digits behind the point: sums of floats differ beyond, from processor to processor.
func round(x float64) float64 { return math.Round(x*4096) / 4096 }

const rankingDimensions = 1024

// passage is a text by its terms, and by those of its lines.
type passage struct {
	terms  []string
	counts map[string]int
	lines  [][]string
}

func readPassage(text string) *passage {
	p := &passage{}
	for line := range strings.SplitSeq(text, "\n") {
		terms := index.Analyse(line)
		p.lines = append(p.lines, terms)
		p.terms = append(p.terms, terms...)
	}
	p.counts = count(p.terms)
	return p
}

// question is a query's distinct terms by weight, which sum to 1, its pairs of neighbouring terms, and the terms of
// its names.
type question struct {
	terms  []string // in order, so that sums of floats come out the same each time
	weight map[string]float64
	pairs  map[[2]string]bool
	names  []string
}

func newQuestion(text string) *question {
	q := &question{weight: map[string]float64{}, pairs: map[[2]string]bool{}, names: names(text)}
	previous := ""
	for _, t := range index.Analyse(text) {
		if _, seen := q.weight[t]; !seen {
			q.terms = append(q.terms, t)
			q.weight[t] = 0
		}
		if previous != "" {
			q.pairs[[2]string{previous, t}] = true
		}
		previous = t
	}
	return q
}

// weigh gives each term its inverse document frequency among the passages, as BM25 has it.
func (q *question) weigh(passages []*passage) {
	total := 0.0
	for _, t := range q.terms {
		n := 0.0
		for _, p := range passages {
			if p.counts[t] > 0 {
				n++
			}
		}
		q.weight[t] = math.Log(1 + (float64(len(passages))-n+0.5)/(n+0.5))
		total += q.weight[t]
	}
	for _, t := range q.terms {
		q.weight[t] /= total
	}
}

// discount leaves the terms of a set, and figures, a quarter of their weight.
func (q *question) discount(less map[string]bool) {
	total := 0.0
	for _, t := range q.terms {
		if less[t] || figure(t) {
			q.weight[t] /= 4
		}
		total += q.weight[t]
	}
	for _, t := range q.terms {
		q.weight[t] /= total
	}
}

// coverage is the weight of the terms that occur.
func (q *question) coverage(counts map[string]int) float64 {
	sum := 0.0
	for _, t := range q.terms {
		if counts[t] > 0 {
			sum += q.weight[t]
		}
	}
	return sum
}

// density is like coverage, with each term by its number of occurrences: half at one, nearing all.
func (q *question) density(counts map[string]int) float64 {
	sum := 0.0
	for _, t := range q.terms {
		n := float64(counts[t])
		sum += q.weight[t] * n / (n + 1)
	}
	return sum
}

// phrases is the share of the query's pairs that are found.
func (q *question) phrases(terms []string) float64 {
	if len(q.pairs) == 0 {
		return 0
	}
	found := map[[2]string]bool{}
	for i := 1; i < len(terms); i++ {
		if pair := [2]string{terms[i-1], terms[i]}; q.pairs[pair] {
			found[pair] = true
		}
	}
	return float64(len(found)) / float64(len(q.pairs))
}

// named is the share of the query's names that occur.
func (q *question) named(counts map[string]int) float64 {
	if len(q.names) == 0 {
		return 0
	}
	found := 0
	for _, t := range q.names {
		if counts[t] > 0 {
			found++
		}
	}
	return float64(found) / float64(len(q.names))
}

// names are the distinct terms of the words that begin with a capital, the first word aside.
func names(text string) []string {
	var terms []string
	for i, word := range strings.Fields(text) {
		if first, _ := utf8.DecodeRuneInString(word); i == 0 || !unicode.IsUpper(first) {
			continue
		}
		for _, t := range index.Analyse(possessive.Replace(word)) {
			if !figure(t) && !slices.Contains(terms, t) {
				terms = append(terms, t)
			}
		}
	}
	return terms
}

var possessive = strings.NewReplacer("'s", "", "’s", "")

// figureLine is the coverage of the line that covers most among those with a figure the query lacks.
func (q *question) figureLine(p *passage) float64 {
	best := 0.0
	for _, line := range p.lines {
		if q.answers(line) {
			best = max(best, q.coverage(count(line)))
		}
	}
	return best
}

// answers reports whether terms hold a figure that the query lacks and that is not a year.
func (q *question) answers(terms []string) bool {
	for _, t := range terms {
		if _, asked := q.weight[t]; !asked && len(t) > 1 && figure(t) && !year(t) {
			return true
		}
	}
	return false
}

func year(t string) bool {
	return len(t) == 4 && (strings.HasPrefix(t, "19") || strings.HasPrefix(t, "20"))
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
