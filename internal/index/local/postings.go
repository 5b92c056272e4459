package local

import (
	"encoding/binary"
	"iter"
	"math"
	"strings"
	"unsafe"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// postings is an inverted index in memory, ranked by BM25.
type postings struct {
	terms   map[string]int32
	lists   [][]posting // holds a list for each term
	lengths []uint32    // counts the terms of every chunk, by ordinal
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

func newPostings() postings { return postings{terms: make(map[string]int32)} }

// add appends a chunk with the next ordinal. It keeps slices of the terms, which are joined by
// spaces.
func (p *postings) add(terms string) {
	ordinal, length := uint32(len(p.lengths)), uint32(0)
	for term, rest := "", terms; rest != ""; length++ {
		term, rest, _ = strings.Cut(rest, " ")
		i, known := p.terms[term]
		if !known {
			i = p.term(term)
		}
		list := p.lists[i]
		if last := len(list) - 1; last >= 0 && list[last].ordinal() == ordinal {
			if list[last]&maxFrequency < maxFrequency {
				list[last]++
			}
			continue
		}
		p.lists[i] = append(list, newPosting(ordinal, 1))
	}
	p.lengths = append(p.lengths, length)
}

func (p *postings) term(term string) int32 {
	i := int32(len(p.lists))
	p.terms[term] = i
	p.lists = append(p.lists, nil)
	return i
}

// builder makes the postings of many chunks in a fraction of the time that add takes for them: it
// looks at small arrays instead of a list for each term.
type builder struct {
	short   map[uint64]int32 // finds a term of up to eight bytes, which are its key
	long    map[string]int32
	names   []byte        // holds all terms, one after the other
	last    []lastPosting // is of each term
	found   []found
	lengths []uint32
}

type found struct {
	term    int32
	posting posting
}

// lastPosting is a term, and where its last posting is.
type lastPosting struct {
	end     int // is that of the term in names
	ordinal uint32
	found   int32 // is -1 before the first
}

func newBuilder() *builder {
	return &builder{short: make(map[uint64]int32), long: make(map[string]int32)}
}

// add appends a chunk with the next ordinal. Its terms are joined by spaces.
func (b *builder) add(terms string) {
	ordinal, length := uint32(len(b.lengths)), uint32(0)
	for term, rest := "", terms; rest != ""; length++ {
		term, rest, _ = strings.Cut(rest, " ")
		i := b.term(term)
		if last := b.last[i]; last.found >= 0 && last.ordinal == ordinal {
			if p := &b.found[last.found].posting; *p&maxFrequency < maxFrequency {
				*p++
			}
			continue
		}
		b.last[i].ordinal, b.last[i].found = ordinal, int32(len(b.found))
		b.found = append(b.found, found{i, newPosting(ordinal, 1)})
	}
	b.lengths = append(b.lengths, length)
}

// term is the number of a term, which holds no zero byte.
func (b *builder) term(term string) int32 {
	next := int32(len(b.last))
	if len(term) <= 8 {
		var padded [8]byte
		copy(padded[:], term)
		key := binary.LittleEndian.Uint64(padded[:])
		if i, known := b.short[key]; known {
			return i
		}
		b.short[key] = next
	} else {
		if i, known := b.long[term]; known {
			return i
		}
		b.long[strings.Clone(term)] = next
	}
	b.names = append(b.names, term...)
	b.last = append(b.last, lastPosting{end: len(b.names), found: -1})
	return next
}

// postings are those of the chunks. It ends the use of the builder.
func (b *builder) postings() postings {
	counts := make([]int, len(b.last))
	for _, f := range b.found {
		counts[f.term]++
	}
	p := postings{
		terms:   make(map[string]int32, len(b.last)),
		lists:   make([][]posting, len(b.last)),
		lengths: b.lengths,
	}
	names, name := string(b.names), 0
	all, from := make([]posting, len(b.found)), 0
	for i, count := range counts {
		p.terms[names[name:b.last[i].end]] = int32(i)
		p.lists[i] = all[from : from : from+count] // a list that grows later moves away
		name, from = b.last[i].end, from+count
	}
	for _, f := range b.found {
		p.lists[f.term] = append(p.lists[f.term], f.posting)
	}
	return p
}

// append appends the other's chunks with the next ordinals, and keeps no reference to it.
func (p *postings) append(other *postings) {
	shift := posting(len(p.lengths)) << frequencyBits
	for term, from := range other.terms {
		i, known := p.terms[term]
		if !known {
			i = p.term(strings.Clone(term))
		}
		for _, posting := range other.lists[from] {
			p.lists[i] = append(p.lists[i], posting+shift)
		}
	}
	p.lengths = append(p.lengths, other.lengths...)
}

// corpus is what BM25 needs to know about all live chunks.
type corpus struct {
	chunks int
	terms  int    // counts the terms of all of them
	live   bitset // is nil when all chunks are live
}

// score adds up each chunk's BM25 for the terms, by ordinal. A term that the question repeats
// counts each time.
func (p *postings) score(scores []float64, terms []string, c corpus, allowed bitset) {
	average := float64(c.terms) / float64(c.chunks)
	base, slope := index.BM25K1*(1-index.BM25B), index.BM25K1*index.BM25B/average
	for term, times := range p.known(terms) {
		list := p.lists[term]
		n := float64(countLive(list, c.live))
		idf := math.Log(1 + (float64(c.chunks)-n+0.5)/(n+0.5))
		weight := float64(times) * idf * (index.BM25K1 + 1)
		for _, posting := range list {
			ordinal, tf := posting.ordinal(), posting.frequency()
			if allowed == nil || allowed.has(ordinal) {
				scores[ordinal] += weight * tf / (tf + base + slope*float64(p.lengths[ordinal]))
			}
		}
	}
}

// known yields the question's terms that the postings have, each once, with its frequency in the
// question. They come in the question's order: a sum in another order could differ in its last
// digit, and so tell equal chunks apart.
func (p *postings) known(terms []string) iter.Seq2[int32, int] {
	times := make(map[int32]int, len(terms))
	var order []int32
	for _, term := range terms {
		if i, known := p.terms[term]; known {
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
	lists := make([][]posting, 0, len(p.lists))
	for term, i := range p.terms {
		list := p.lists[i][:0]
		for _, posting := range p.lists[i] {
			if ordinal := posting.ordinal(); live.has(ordinal) {
				list = append(list, newPosting(moved[ordinal], int(posting&maxFrequency)))
			}
		}
		if len(list) == 0 {
			delete(p.terms, term)
			continue
		}
		p.terms[term] = int32(len(lists))
		lists = append(lists, list)
	}
	p.lists = lists
	for i, ordinal := range kept {
		p.lengths[i] = p.lengths[ordinal]
	}
	p.lengths = p.lengths[:len(kept)]
}

// bytes estimates the memory that the postings hold.
func (p *postings) bytes() int64 {
	total := int64(cap(p.lengths)) * 4
	for term := range p.terms {
		total += int64(len(term)) + mapRoom*(stringHeader+4)
	}
	for _, list := range p.lists {
		total += int64(unsafe.Sizeof(list)) + int64(cap(list))*int64(unsafe.Sizeof(posting(0)))
	}
	return total
}
