package lexical

import (
	"math"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// The weights of what a term adds to a vector, chosen by how often the passage with the answer is among the
// nearest five on quarterly reports.
const (
	termWeight   = 1.0 // the term itself
	gramsWeight  = 0.3 // all its character n-grams together
	pairWeight   = 0.3 // the term with the one before it
	figureWeight = 0.3 // what remains of a figure's weight: a table's figures would drown what the table is about
)

// Embed is the vector of a text, of length 1: signed feature hashing (Weinberger et al., "Feature hashing for
// large scale multitask learning", 2009) of the keyword analyser's terms, of pairs of neighbours, and of the
// terms' padded character n-grams of 3 to 5, which bring misspelt and inflected words near. A term that comes
// n times counts 1 + ln n.
//
// The conversions of products to their own type keep a compiler from fusing them with an addition, which
// would make vectors differ between processors.
func Embed(text string, dimensions int) []float32 {
	return embedTerms(index.Analyse(text), dimensions)
}

func embedTerms(terms []string, dimensions int) []float32 {
	v := make([]float32, dimensions)
	counts := count(terms)
	previous := uint64(0)
	for _, term := range terms {
		h := mix(hash(term))
		if previous != 0 {
			add(v, mix(previous+h*3), pairWeight)
		}
		previous = h
		if n := counts[term]; n > 0 {
			addTerm(v, term, h, float32(1+math.Log(float64(n))))
			delete(counts, term)
		}
	}
	return normalise(v)
}

// addTerm adds a term and its character n-grams.
func addTerm(v []float32, term string, h uint64, weight float32) {
	if figure(term) {
		weight *= figureWeight
	}
	add(v, h, float32(weight*termWeight))

	var buffer [64]byte
	padded := append(append(append(buffer[:0], '<'), term...), '>')
	grams := 0
	for n := minGram; n <= maxGram; n++ {
		grams += max(0, len(padded)-n+1)
	}
	each := weight * gramsWeight / float32(math.Sqrt(float64(grams)))
	for i := range padded {
		h := uint64(offset)
		for j := i; j < min(i+maxGram, len(padded)); j++ {
			h = (h ^ uint64(padded[j])) * prime
			if j-i+1 >= minGram {
				add(v, mix(h), each)
			}
		}
	}
}

// The lengths of the character n-grams, in bytes. A padded term has at least minGram.
const minGram, maxGram = 3, 5

// figure reports whether a term is a number.
func figure(term string) bool {
	return digit(term[0]) && digit(term[len(term)-1])
}

func digit(b byte) bool { return '0' <= b && b <= '9' }

// add adds a feature: its hash chooses the place and the sign.
func add(v []float32, h uint64, weight float32) {
	if h>>63 != 0 {
		weight = -weight
	}
	v[(h&math.MaxInt64)%uint64(len(v))] += weight
}

// normalise scales v to length 1. A text without a term points along the first axis, for zeros have no
// direction.
func normalise(v []float32) []float32 {
	norm := vector.Norm(v)
	if norm == 0 {
		v[0] = 1
		return v
	}
	scale := Decimals / norm
	for i, x := range v {
		v[i] = float32(math.Round(float64(x)*scale) / Decimals)
	}
	return v
}

// Decimals rounds the numbers of a vector to five places: finer ones would only make replies longer and slower
// to write.
const Decimals = 100_000

// hash is FNV-1a over 64 bits.
func hash(s string) uint64 {
	h := uint64(offset)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * prime
	}
	return h
}

const (
	offset = 14695981039346656037
	prime  = 1099511628211
)

// mix spreads a hash over all its bits (SplitMix64's finaliser): FNV leaves the upper bits of short inputs
// alike.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// count is how often each term comes.
func count(terms []string) map[string]int {
	m := make(map[string]int, len(terms))
	for _, t := range terms {
		m[t]++
	}
	return m
}
