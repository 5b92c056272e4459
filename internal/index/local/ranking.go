package local

import (
	"maps"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// ranking is a generation in memory: what both legs need to rank, and neither text nor title. A chunk is known
// by its ordinal. A deleted chunk keeps its ordinal until compaction. A hidden one, on its way in, counts as
// deleted.
type ranking struct {
	entries   []entry
	ordinals  map[string]uint32   // by chunk id
	documents map[string][]uint32 // the chunks of each document
	values    map[attribute][]uint32
	alive     bitset
	dead      int
	terms     int // in all living chunks
	postings  postings
	vectors   matrix
}

// entry is a chunk.
type entry struct {
	id     string
	origin *origin
	number int64 // its row in the database
	digest uint64
}

// origin is what the chunks of a document have in common.
type origin struct {
	document string
	source   string
	metadata map[string]string // nil when empty
}

func (o *origin) of(c *index.Chunk) bool {
	return o != nil && o.document == c.Document && o.source == c.Source && maps.Equal(o.metadata, c.Metadata)
}

// attributes are what the chunks are filtered by, the document apart.
func (o *origin) attributes(yield func(attribute) bool) {
	if !yield(attribute{index.FilterSource, o.source}) {
		return
	}
	for key, value := range o.metadata {
		reserved := key == index.FilterSource || key == index.FilterDocument
		if !reserved && !yield(attribute{key, value}) {
			return
		}
	}
}

// attribute is a key and value that chunks are filtered by.
type attribute struct{ key, value string }

func newRanking() *ranking {
	return &ranking{
		ordinals:  make(map[string]uint32),
		documents: make(map[string][]uint32),
		values:    make(map[attribute][]uint32),
		postings:  newPostings(),
	}
}

// originOf is the chunk's origin: the given one if that is right.
func originOf(c *index.Chunk, before *origin) *origin {
	if before.of(c) {
		return before
	}
	o := &origin{document: c.Document, source: c.Source}
	if len(c.Metadata) > 0 {
		o.metadata = maps.Clone(c.Metadata)
	}
	return o
}

// hide adds the segment's chunks with the next ordinals, as deleted ones, until they are revealed.
func (r *ranking) hide(s *segment) {
	r.entries = append(r.entries, s.entries...)
	for len(r.alive)*64 < len(r.entries) {
		r.alive = append(r.alive, 0)
	}
	r.dead += len(s.entries)
	r.postings.append(&s.postings)
	r.vectors.append(&s.vectors, len(s.entries))
}

// reveal makes the hidden chunks, all those from an ordinal on, living ones.
func (r *ranking) reveal(from int) {
	for i, e := range r.entries[from:] {
		ordinal := uint32(from + i)
		r.alive.set(ordinal)
		r.dead--
		r.terms += int(r.postings.lengths[ordinal])
		r.ordinals[e.id] = ordinal
		r.documents[e.origin.document] = append(r.documents[e.origin.document], ordinal)
		for a := range e.origin.attributes {
			r.values[a] = append(r.values[a], ordinal)
		}
	}
}

// replace makes the document's chunks exactly the hidden ones, all those from an ordinal on.
func (r *ranking) replace(document string, from int) {
	r.remove(document)
	r.reveal(from)
	r.compact()
}

// abandon gives up hidden chunks. Nothing of them may stay in an empty ranking: its first vector decides the
// dimensions.
func (r *ranking) abandon() {
	if r.chunks() == 0 {
		*r = *newRanking()
	}
	r.compact()
}

func (r *ranking) remove(document string) {
	for _, ordinal := range r.documents[document] {
		r.alive.clear(ordinal)
		r.dead++
		r.terms -= int(r.postings.lengths[ordinal])
		delete(r.ordinals, r.entries[ordinal].id)
	}
	delete(r.documents, document)
}

func (r *ranking) chunks() int { return len(r.entries) - r.dead }

// living is the set of chunks that are there; nil when that is all ordinals.
func (r *ranking) living() bitset {
	if r.dead == 0 {
		return nil
	}
	return r.alive
}

// allowed is the set of chunks that pass the filter; nil when that is all ordinals.
func (r *ranking) allowed(filter index.Filter) bitset {
	if len(filter) == 0 {
		return r.living()
	}
	passing := slices.Clone(r.alive)
	for key, values := range filter {
		matching := newBitset(len(r.entries))
		for _, value := range values {
			for _, ordinal := range r.matching(key, value) {
				matching.set(ordinal)
			}
		}
		passing.and(matching)
	}
	return passing
}

func (r *ranking) matching(key, value string) []uint32 {
	if key == index.FilterDocument {
		return r.documents[value]
	}
	return r.values[attribute{key, value}]
}
