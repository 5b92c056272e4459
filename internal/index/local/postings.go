package local

import (
	"hash/maphash"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"unsafe"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// postings is an inverted index in memory, ranked by BM25.
type postings struct {
	names []term         // are the terms that were loaded, in order: each one's place is its number
	terms map[term]int32 // has the numbers of the others, which come after: a map takes thrice as much
	// loaded holds the lists of the terms that were loaded, one after the other, and ends where each ends.
	// Most terms occur in one chunk or two, for which a slice of their own is much.
	loaded  []posting
	ends    []uint32
	added   [][]posting // holds, by the term's number, what came since; it ends with the last that has any
	lengths []uint32    // counts the terms of every chunk, by ordinal
}

// of are the postings of a term: those that were loaded, and those that were added, which come after.
func (p *postings) of(number int32) (lists [2][]posting) {
	if i := int(number); i < len(p.ends) {
		from := uint32(0)
		if i > 0 {
			from = p.ends[i-1]
		}
		lists[0] = p.loaded[from:p.ends[i]]
	}
	if int(number) < len(p.added) {
		lists[1] = p.added[number]
	}
	return lists
}

// addedTo is where a term's postings are added.
func (p *postings) addedTo(number int32) *[]posting {
	if more := int(number) + 1 - len(p.added); more > 0 {
		p.added = append(p.added, make([][]posting, more)...)
	}
	return &p.added[number]
}

// term stands for a term by its hash: the keys of a map take less memory, and are found faster, than
// strings are. With a million terms, two of them have the same one with a probability below 10^-7. The
// seed is the process's own, so that nobody can choose terms that collide.
type term uint64

var termSeed = maphash.MakeSeed()

func termOf(s string) term { return term(maphash.String(termSeed, s)) }

// eachTerm yields the terms of a chunk, which are joined by spaces.
func eachTerm(joined string) iter.Seq[term] {
	return func(yield func(term) bool) {
		for next, rest := "", joined; rest != ""; {
			next, rest, _ = strings.Cut(rest, " ")
			if !yield(termOf(next)) {
				return
			}
		}
	}
}

// posting is an ordinal, in 24 bits, and how often the term occurs there, up to 255. Higher
// frequencies hardly change BM25, and 16 million chunks are far more than this index is for.
type posting uint32

const (
	frequencyBits = 8
	maxFrequency  = 1<<frequencyBits - 1
)

func newPosting(ordinal uint32, frequency int) posting {
	return posting(ordinal<<frequencyBits) | posting(min(frequency, maxFrequency))
}

func (p posting) ordinal() uint32    { return uint32(p >> frequencyBits) }
func (p posting) frequency() float64 { return float64(p & maxFrequency) }

func newPostings() postings { return postings{terms: make(map[term]int32)} }

// add appends a chunk with the next ordinal. Its terms are joined by spaces.
func (p *postings) add(terms string) {
	ordinal, length := uint32(len(p.lengths)), uint32(0)
	for t := range eachTerm(terms) {
		length++
		list := p.addedTo(p.number(t))
		if last := len(*list) - 1; last >= 0 && (*list)[last].ordinal() == ordinal {
			if (*list)[last]&maxFrequency < maxFrequency {
				(*list)[last]++
			}
			continue
		}
		*list = append(*list, newPosting(ordinal, 1))
	}
	p.lengths = append(p.lengths, length)
}

// find returns the number of a term that has one.
func (p *postings) find(t term) (number int32, known bool) {
	if i, loaded := slices.BinarySearch(p.names, t); loaded {
		return int32(i), true
	}
	number, known = p.terms[t]
	return number, known
}

// number is that of a term, which gets one if it is new.
func (p *postings) number(t term) int32 {
	i, known := p.find(t)
	if !known {
		i = int32(len(p.names) + len(p.terms))
		p.terms[t] = i
	}
	return i
}

// all yields the terms with their numbers.
func (p *postings) all(yield func(term, int32) bool) {
	for i, t := range p.names {
		if !yield(t, int32(i)) {
			return
		}
	}
	for t, i := range p.terms {
		if !yield(t, i) {
			return
		}
	}
}

// builder makes the postings of many chunks in a fraction of the time that add takes for them. Terms
// are counted a segment at a time, which can happen in parallel: most of them repeat within one, so
// that few are looked up among all.
type builder struct {
	terms   map[term]int32
	counts  []uint32 // counts the postings of each term
	found   [][]found
	lengths []uint32
}

// counted is the postings of a segment, in the order of its chunks.
type counted struct {
	terms   map[term]int32
	names   []term  // holds the terms by their number
	last    []int   // is where each term's last posting is
	found   []found // has places in the segment for ordinals
	lengths []uint32
}

type found struct {
	term    int32
	posting posting
}

func newBuilder() *builder { return &builder{terms: make(map[term]int32)} }

// count counts the terms of a segment's chunks.
func count(batch []loaded) *counted {
	most := 0
	for i := range batch {
		most += strings.Count(batch[i].terms, " ") + 1
	}
	distinct := most / 4 // is a guess, so that little is copied as they grow
	c := &counted{
		terms: make(map[term]int32, distinct), names: make([]term, 0, distinct), last: make([]int, 0, distinct),
		found: make([]found, 0, most),
	}
	for i := range batch {
		c.add(batch[i].terms)
	}
	return c
}

// add appends a chunk. Its terms are joined by spaces.
func (c *counted) add(terms string) {
	place, first, length := uint32(len(c.lengths)), len(c.found), uint32(0)
	for t := range eachTerm(terms) {
		length++
		i, known := c.terms[t]
		if !known {
			i = int32(len(c.names))
			c.terms[t] = i
			c.names, c.last = append(c.names, t), append(c.last, -1)
		}
		if last := c.last[i]; last >= first {
			if p := &c.found[last].posting; *p&maxFrequency < maxFrequency {
				*p++
			}
			continue
		}
		c.last[i] = len(c.found)
		c.found = append(c.found, found{i, newPosting(place, 1)})
	}
	c.lengths = append(c.lengths, length)
}

// add appends the segment's chunks with the next ordinals. It takes over what was found.
func (b *builder) add(c *counted) {
	numbers := make([]int32, len(c.names)) // are those of the segment's terms among all
	for i, t := range c.names {
		number, known := b.terms[t]
		if !known {
			number = int32(len(b.counts))
			b.terms[t] = number
			b.counts = append(b.counts, 0)
		}
		numbers[i] = number
	}
	shift := posting(len(b.lengths)) << frequencyBits
	for i := range c.found {
		f := &c.found[i]
		f.term = numbers[f.term]
		f.posting += shift
		b.counts[f.term]++
	}
	b.found = append(b.found, c.found)
	b.lengths = append(b.lengths, c.lengths...)
}

// postings are those of the chunks. It ends the use of the builder.
func (b *builder) postings() postings {
	names := slices.AppendSeq(make([]term, 0, len(b.terms)), maps.Keys(b.terms))
	slices.Sort(names)
	places := make([]int32, len(names)) // maps a term's number to its place in names
	next, total := make([]uint32, len(names)), uint32(0)
	for place, t := range names { // next is where each term's next posting goes: at last, its end
		number := b.terms[t]
		places[number] = int32(place)
		next[place] = total
		total += b.counts[number]
	}
	loaded := make([]posting, total)
	for _, segment := range b.found {
		for _, f := range segment {
			at := &next[places[f.term]]
			loaded[*at] = f.posting
			*at++
		}
	}
	return postings{names: names, terms: make(map[term]int32), loaded: loaded, ends: next, lengths: b.lengths}
}

// append appends the other's chunks with the next ordinals, and keeps no reference to it.
func (p *postings) append(other *postings) {
	shift := posting(len(p.lengths)) << frequencyBits
	for t, from := range other.all {
		list := p.addedTo(p.number(t))
		for _, part := range other.of(from) {
			for _, posting := range part {
				*list = append(*list, posting+shift)
			}
		}
	}
	p.lengths = append(p.lengths, other.lengths...)
}

// minWeight is below any weight of a term, and divides what is above it.
const minWeight = 1e-30

// corpus is what BM25 needs to know about all live chunks.
type corpus struct {
	chunks int
	terms  int    // counts the terms of all of them
	live   bitset // is nil when all chunks are live
}

// score adds up each chunk's BM25 for the terms, by ordinal. A term that the question repeats
// counts each time. No sum is above most.
func (p *postings) score(scores []float64, terms []string, c corpus, allowed bitset) (most float64) {
	average := float64(c.terms) / float64(c.chunks)
	base, slope := index.BM25K1*(1-index.BM25B), index.BM25K1*index.BM25B/average
	for i, times := range p.known(terms) {
		lists := p.of(i)
		n := float64(countLive(lists[0], c.live) + countLive(lists[1], c.live))
		idf := math.Log(1 + (float64(c.chunks)-n+0.5)/(n+0.5))
		weight := float64(times) * idf * (index.BM25K1 + 1)
		most += weight
		for _, list := range lists {
			for _, posting := range list {
				ordinal, tf := posting.ordinal(), posting.frequency()
				if allowed == nil || allowed.has(ordinal) {
					scores[ordinal] += weight * tf / (tf + base + slope*float64(p.lengths[ordinal]))
				}
			}
		}
	}
	return max(most, minWeight)
}

// known yields the question's terms that the postings have, each once, with its frequency in the
// question. They come in the question's order: a sum in another order could differ in its last
// digit, and so tell equal chunks apart.
func (p *postings) known(terms []string) iter.Seq2[int32, int] {
	times := make(map[int32]int, len(terms))
	var order []int32
	for _, t := range terms {
		if i, known := p.find(termOf(t)); known {
			if times[i]++; times[i] == 1 {
				order = append(order, i)
			}
		}
	}
	return func(yield func(int32, int) bool) {
		for _, i := range order {
			if !yield(i, times[i]) {
				return
			}
		}
	}
}

// countLive counts the postings of live chunks.
func countLive(list []posting, live bitset) int {
	if live == nil {
		return len(list)
	}
	n := 0
	for _, p := range list {
		if live.has(p.ordinal()) {
			n++
		}
	}
	return n
}

// keep drops the postings of chunks that are not live, gives the kept ones their new ordinals, and
// drops terms that no chunk has any more.
func (p *postings) keep(kept, moved []uint32, live bitset) {
	terms, added := make(map[term]int32), make([][]posting, 0, len(p.names)+len(p.terms))
	for t, i := range p.all {
		var list []posting
		for _, part := range p.of(i) {
			for _, posting := range part {
				if ordinal := posting.ordinal(); live.has(ordinal) {
					list = append(list, newPosting(moved[ordinal], int(posting&maxFrequency)))
				}
			}
		}
		if len(list) > 0 {
			terms[t] = int32(len(added))
			added = append(added, list)
		}
	}
	p.names, p.terms, p.loaded, p.ends, p.added = nil, terms, nil, nil, added
	for i, ordinal := range kept {
		p.lengths[i] = p.lengths[ordinal]
	}
	p.lengths = p.lengths[:len(kept)]
}

// bytes estimates the memory that the postings hold.
func (p *postings) bytes() int64 {
	total := int64(cap(p.loaded)+cap(p.ends)+cap(p.lengths))*4 + int64(cap(p.names))*int64(unsafe.Sizeof(term(0))) +
		int64(len(p.terms))*mapRoom*int64(unsafe.Sizeof(term(0))+unsafe.Sizeof(int32(0)))
	for _, list := range p.added {
		total += int64(unsafe.Sizeof(list)) + int64(cap(list))*int64(unsafe.Sizeof(posting(0)))
	}
	return total
}
