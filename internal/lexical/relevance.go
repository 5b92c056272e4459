package lexical

import (
	"math"
	"strings"

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

// Logits score passages against a query as a cross-encoder would: unbounded, higher is better. A term counts
// by its rarity among the passages given, so that words which all of them share decide nothing.
func Logits(query string, passages []string) []float64 {
	q := newQuestion(query)
	read := make([]*passage, len(passages))
	for i, text := range passages {
		read[i] = q.read(text)
	}
	q.weigh(read)
	q.discount(func(t string) bool { return common[t] })
	vector := Embed(query, rankingDimensions)

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

func (q *question) read(text string) *passage {
	p := &passage{}
	for line := range strings.SplitSeq(text, "\n") {
		terms := q.adopt(index.Analyse(line))
		p.lines = append(p.lines, terms)
		p.terms = append(p.terms, terms...)
	}
	p.counts = count(p.terms)
	return p
}

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
