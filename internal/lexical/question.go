package lexical

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// question is a query's distinct terms by weight, which sum to 1, its pairs of neighbouring terms, and the terms of
// its names.
type question struct {
	text   string
	terms  []string // in order, so that sums of floats come out the same each time
	weight map[string]float64
	pairs  map[[2]string]bool
	names  []string
	known  float64           // is the weight of the terms that keep has kept
	kin    map[string]string // has each term of a text that was met, and the one that it counts as
}

func newQuestion(text string) *question {
	q := &question{text: text, names: names(text),
		weight: map[string]float64{}, pairs: map[[2]string]bool{}, kin: map[string]string{}}
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

// discount leaves the terms that say less a quarter of their weight.
func (q *question) discount(less func(term string) bool) {
	total := 0.0
	for _, t := range q.terms {
		if less(t) {
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

// keep leaves weight to the terms of a set alone. If it has none of them, all weigh nothing.
func (q *question) keep(only map[string]bool) {
	total := 0.0
	for _, t := range q.terms {
		if !only[t] {
			q.weight[t] = 0
		}
		total += q.weight[t]
	}
	q.known = total
	for _, t := range q.terms {
		if total > 0 {
			q.weight[t] /= total
		}
	}
}

// adopt replaces the terms that are akin to one of the question's by that.
func (q *question) adopt(terms []string) []string {
	for i, t := range terms {
		if own, known := q.kin[t]; known {
			terms[i] = own
			continue
		}
		own := t
		if _, asked := q.weight[t]; !asked {
			if at := slices.IndexFunc(q.terms, func(own string) bool { return akin(own, t) }); at >= 0 {
				own = q.terms[at]
			}
		}
		q.kin[t], terms[i] = own, own
	}
	return terms
}

// divide replaces a term that none of the texts has by two that they have and that make it up, such
// as payday by pay and day.
func (q *question) divide(found map[string]bool) {
	var terms []string
	for _, t := range q.terms {
		parts := []string{t}
		for i := leastPart; !found[t] && i <= len(t)-leastPart; i++ {
			if found[t[:i]] && found[t[i:]] {
				parts = []string{t[:i], t[i:]}
				break
			}
		}
		for _, part := range parts {
			if !slices.Contains(terms, part) {
				terms = append(terms, part)
			}
		}
	}
	q.terms = terms
}

// leastPart is how many bytes each part of a compound has at least.
const leastPart = 3

// leastStem is how many bytes words must share to be taken for forms of one.
const leastStem = 5

// akin reports whether two stems are likely to be of one family, such as deliveri and deliv, or
// recalibr and calibr.
func akin(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if base := irregular[b]; base == a && a != "" || irregular[a] == b {
		return true
	}
	if len(a) < leastStem || figure(a) || figure(b) {
		return false
	}
	shared := 0
	for shared < len(a) && a[shared] == b[shared] {
		shared++
	}
	return shared >= leastStem && 5*shared >= 3*len(b) || strings.HasSuffix(b, a)
}

// irregular maps stems of irregular forms to the stem of the plain one.
var irregular = pairs(`paid:pay sold:sell bought:buy kept:keep left:leav sent:send told:tell ran:run gave:give
	given:give taken:take took:take went:go gone:go came:come got:get held:hold lost:lose made:make met:meet said:say
	saw:see seen:see spent:spend stolen:steal stole:steal theft:steal written:write wrote:write chosen:choos chose:choos
	broken:break broke:break driven:drive drove:drive lent:lend built:build brought:bring began:begin begun:begin
	worn:wear wore:wear grown:grow grew:grow known:know knew:know spoken:speak spoke:speak caught:catch
	children:child men:man women:woman feet:foot teeth:tooth mice:mous`)

func pairs(list string) map[string]string {
	m := map[string]string{}
	for pair := range strings.FieldsSeq(list) {
		form, plain, _ := strings.Cut(pair, ":")
		m[form] = plain
	}
	return m
}
