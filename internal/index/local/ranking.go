package local

import (
	"maps"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// ranking is a generation in memory: what both legs need to rank, and neither text nor title. A chunk is known
// by its ordinal. A deleted chunk keeps its ordinal until compaction.
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

// ranked is a chunk on its way into the ranking, with everything costly done.
type ranked struct {
	entry
	terms  []string
	vector []float32 // of length 1
}

func newRanking() *ranking {
	return &ranking{
		ordinals:  make(map[string]uint32),
		documents: make(map[string][]uint32),
		values:    make(map[attribute][]uint32),
		postings:  postings{terms: make(map[string]int32)},
	}
}

// newRanked makes a chunk's ranked, with the same origin as the one before it if that is right.
func newRanked(c *index.Chunk, before *origin) ranked {
	if !before.of(c) {
		before = &origin{document: c.Document, source: c.Source}
		if len(c.Metadata) > 0 {
			before.metadata = maps.Clone(c.Metadata)
		}
	}
	return ranked{
		entry: entry{id: c.ID, origin: before, digest: index.Digest(c.Text)},
		terms: index.Analyse(c.Embedded()),
	}
}

// replace makes the document's chunks exactly these.
func (r *ranking) replace(document string, chunks []ranked) {
	r.remove(document)
	for _, c := range chunks {
		r.add(c)
	}
	r.compact()
}

func (r *ranking) add(c ranked) {
	ordinal := uint32(len(r.entries))
	r.entries = append(r.entries, c.entry)
	if len(r.alive)*64 < len(r.entries) {
		r.alive = append(r.alive, 0)
	}
	r.alive.set(ordinal)
	r.ordinals[c.id] = ordinal
	r.documents[c.origin.document] = append(r.documents[c.origin.document], ordinal)
	for a := range c.origin.attributes {
		r.values[a] = append(r.values[a], ordinal)
	}
	r.terms += len(c.terms)
	r.postings.add(c.terms)
	r.vectors.add(c.vector)
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
