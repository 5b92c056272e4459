package config

import (
	"math"
	"sort"
)

// Lengths is how long the texts of an index are, between the boundaries that no chunk crosses: pages, slides, and
// documents without either. From it follows about how many chunks another chunking would give.
type Lengths []LengthClass

// LengthClass counts the texts of similar length.
type LengthClass struct {
	UpTo       int `json:"upTo"` // bounds the characters of each; the last class has no bound, 0
	Texts      int `json:"texts"`
	Characters int `json:"characters"` // sums up all of them
}

// lengthBounds are the bounds of the classes, in characters.
var lengthBounds = []int{250, 500, 750, 1000, 1500, 2000, 3000, 4000, 6000, 8000, 16_000, 32_000, 64_000}

// Add counts a text of that many characters.
func (l *Lengths) Add(characters int) {
	class := LengthClass{Texts: 1, Characters: characters}
	if i := sort.SearchInts(lengthBounds, characters); i < len(lengthBounds) {
		class.UpTo = lengthBounds[i]
	}
	l.AddAll(Lengths{class})
}

// AddAll adds what others have counted.
func (l *Lengths) AddAll(others Lengths) {
	for _, other := range others {
		l.add(other)
	}
}

func (l *Lengths) add(class LengthClass) {
	for i := range *l {
		if (*l)[i].UpTo == class.UpTo {
			(*l)[i].Texts += class.Texts
			(*l)[i].Characters += class.Characters
			return
		}
	}
	*l = append(*l, class)
	sort.Slice(*l, func(i, j int) bool { return above((*l)[j].UpTo, (*l)[i].UpTo) })
}

// above orders bounds, with no bound last.
func above(a, b int) bool { return b != 0 && (a == 0 || a > b) }

// Chunks estimates how many chunks the texts give when they are cut as `next`, given that they were cut into n chunks
// as `now`. It is 0 if there is nothing to go by.
func (l Lengths) Chunks(n int, now, next Chunking) int {
	before := l.model(now)
	if before == 0 {
		return 0
	}
	return int(math.Round(float64(n) * l.model(next) / before))
}

// The model of a splitter: a text up to the size is one chunk; a longer one is cut where its paragraphs, lines and
// words end, so that a chunk is `fill` of the size on average, and repeats the overlap. A token of cl100k_base has
// about charactersPerToken in English.
const (
	fill               = 0.9
	charactersPerToken = 4.2
)

func (l Lengths) model(c Chunking) (chunks float64) {
	size, overlap := float64(c.Size), float64(c.Overlap)
	if c.Unit == Tokens {
		size, overlap = size*charactersPerToken, overlap*charactersPerToken
	}
	step := max(size*fill-overlap, size*0.1, 1)
	for _, class := range l {
		if class.Texts == 0 {
			continue
		}
		each := 1.0
		if mean := float64(class.Characters) / float64(class.Texts); mean > size {
			each = max(2, 1.5+(mean-size)/step)
		}
		chunks += each * float64(class.Texts)
	}
	return chunks
}
