package local

import (
	"maps"
	"strings"
	"unsafe"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// ranking is a generation in memory: what both retrievers need to rank, and neither text nor title.
// A chunk is known by its ordinal. A deleted chunk keeps its ordinal until compaction. A staged
// one, on its way in, counts as deleted until it is committed.
type ranking struct {
	entries   []entry
	ordinals  map[string]uint32                     // finds a chunk by its id
	documents map[string][]uint32                   // finds the chunks of a document
	values    map[string]map[config.Scalar][]uint32 // finds chunks by key and value
	live      bitset
	deleted   int
	terms     int // counts the terms of all live chunks
	postings  postings
	vectors   matrix
}

// entry is a chunk.
type entry struct {
	id     string
	meta   *documentMeta
	number int64 // is its row in the database
	digest uint64
}

// documentMeta is what the chunks of a document have in common. A Put makes new ones, even if
// nothing of them has changed: see chunkKey.
type documentMeta struct {
	document string
	source   string
	metadata config.Metadata // is nil when empty
}

// describes reports whether the chunk has this metadata.
func (m *documentMeta) describes(c *index.Chunk) bool {
	return m != nil && m.document == c.Document && m.source == c.Source &&
		maps.EqualFunc(m.metadata, c.Metadata, config.Value.Equal)
}

// metaOf is the chunk's metadata: the given one if that describes it.
func metaOf(c *index.Chunk, previous *documentMeta) *documentMeta {
	if previous.describes(c) {
		return previous
	}
	m := &documentMeta{document: c.Document, source: c.Source}
	if len(c.Metadata) > 0 {
		m.metadata = maps.Clone(c.Metadata)
	}
	return m
}

// attributes yields the keys and values that the chunks are filtered by, except the document.
func (m *documentMeta) attributes(yield func(string, config.Scalar) bool) {
	if !yield(config.KeySource, config.Scalar{Type: config.TextType, Text: m.source}) {
		return
	}
	for key, value := range m.metadata {
		switch {
		case key == config.KeyAccess: // a list may be empty
			if !yield(key, isLimited) {
				return
			}
		case config.IsReserved(key):
			continue
		}
		for _, scalar := range value.Scalars() {
			if !yield(key, scalar) {
				return
			}
		}
	}
}

// isLimited is what a document with access has under that key beside its groups, which are texts.
var isLimited = config.Scalar{Type: config.BooleanType, Number: 1}

func newRanking() *ranking {
	return &ranking{
		ordinals:  make(map[string]uint32),
		documents: make(map[string][]uint32),
		values:    make(map[string]map[config.Scalar][]uint32),
		postings:  newPostings(),
	}
}

// stage adds the segment's chunks with the next ordinals. They count as deleted until commit.
func (r *ranking) stage(s *segment) {
	r.entries = append(r.entries, s.entries...)
	for len(r.live)*64 < len(r.entries) {
		r.live = append(r.live, 0)
	}
	r.deleted += len(s.entries)
	r.postings.append(&s.postings)
	r.vectors.append(&s.vectors, len(s.entries))
}

// commit makes the staged chunks, all those from an ordinal on, live.
func (r *ranking) commit(from int) {
	for i, e := range r.entries[from:] {
		ordinal := uint32(from + i)
		r.live.set(ordinal)
		r.deleted--
		r.terms += int(r.postings.lengths[ordinal])
		r.ordinals[e.id] = ordinal
		r.documents[e.meta.document] = append(r.documents[e.meta.document], ordinal)
		for key, scalar := range e.meta.attributes {
			if r.values[key] == nil {
				r.values[key] = make(map[config.Scalar][]uint32)
			}
			r.values[key][scalar] = append(r.values[key][scalar], ordinal)
		}
	}
}

// replace makes the document's chunks exactly the staged ones, all those from an ordinal on.
func (r *ranking) replace(document string, from int) {
	r.remove(document)
	r.commit(from)
	r.compact()
}

// rollback gives up staged chunks. Nothing of them may stay in an empty ranking: its first vector
// decides the dimensions.
func (r *ranking) rollback() {
	if r.chunks() == 0 {
		*r = *newRanking()
	}
	r.compact()
}

func (r *ranking) remove(document string) {
	for _, ordinal := range r.documents[document] {
		r.live.clear(ordinal)
		r.deleted++
		r.terms -= int(r.postings.lengths[ordinal])
		delete(r.ordinals, r.entries[ordinal].id)
	}
	delete(r.documents, document)
}

func (r *ranking) chunks() int { return len(r.entries) - r.deleted }

// compactAt is how many deleted chunks are worth a compaction, if they are also a quarter of all.
const compactAt = 1024

// compact gives the live chunks new ordinals, without gaps, once the deleted ones are many.
func (r *ranking) compact() {
	if r.deleted < compactAt || r.deleted*4 < len(r.entries) {
		return
	}
	kept := make([]uint32, 0, r.chunks())
	moved := make([]uint32, len(r.entries)) // maps an old ordinal to the new one
	for ordinal := range uint32(len(r.entries)) {
		if r.live.has(ordinal) {
			moved[ordinal] = uint32(len(kept))
			kept = append(kept, ordinal)
		}
	}
	for key, values := range r.values {
		for scalar, ordinals := range values {
			if ordinals = r.move(ordinals, moved); len(ordinals) > 0 {
				values[scalar] = ordinals
			} else {
				delete(values, scalar)
			}
		}
		if len(values) == 0 {
			delete(r.values, key)
		}
	}
	r.postings.keep(kept, moved, r.live)
	r.vectors.keep(kept)
	for _, ordinals := range r.documents {
		r.move(ordinals, moved)
	}
	for i, ordinal := range kept {
		r.entries[i] = r.entries[ordinal]
		r.ordinals[r.entries[i].id] = uint32(i)
	}
	clear(r.entries[len(kept):]) // so that their strings can be freed
	r.entries = r.entries[:len(kept)]
	r.live = newBitset(len(kept))
	for i := range kept {
		r.live.set(uint32(i))
	}
	r.deleted = 0
}

// move replaces ordinals in place by their new ones and drops those of deleted chunks.
func (r *ranking) move(ordinals, moved []uint32) []uint32 {
	kept := ordinals[:0]
	for _, ordinal := range ordinals {
		if r.live.has(ordinal) {
			kept = append(kept, moved[ordinal])
		}
	}
	return kept
}

const (
	stringHeader = int64(unsafe.Sizeof(""))
	sliceHeader  = int64(unsafe.Sizeof([]byte(nil)))
	mapRoom      = 2 // a map has room for about twice its entries
)

// bytes estimates the memory that the ranking holds: slices by their capacity, maps by their
// entries.
func (r *ranking) bytes() int64 {
	const ordinal = 4
	total := int64(cap(r.entries))*int64(unsafe.Sizeof(entry{})) + int64(cap(r.live))*8
	for _, e := range r.entries {
		total += int64(len(e.id))
	}
	total += int64(len(r.ordinals)) * mapRoom * (stringHeader + ordinal)
	for document, ordinals := range r.documents {
		total += int64(len(document)) + mapRoom*(stringHeader+sliceHeader) + int64(cap(ordinals))*ordinal
	}
	for _, values := range r.values {
		for scalar, ordinals := range values {
			total += int64(len(scalar.Text)) + mapRoom*(int64(unsafe.Sizeof(scalar))+sliceHeader) + int64(cap(ordinals))*ordinal
		}
	}
	return total + r.postings.bytes() + r.vectors.bytes()
}

// segmentChunks is how many chunks are added to the ranking together. Readers wait for no more at a
// time. It is a matrix's block, so that loading copies no vector.
const segmentChunks = blockRows

// segment is consecutive chunks on their way into the ranking, with the costly work done.
type segment struct {
	capacity int
	entries  []entry
	postings postings // is ordered by place in the segment
	vectors  block
}

// newSegment makes a segment that has room for capacity chunks.
func newSegment(capacity int) *segment { return &segment{capacity: capacity, postings: newPostings()} }

// add adds a chunk with its vector of length 1. All vectors have the same number of dimensions.
func (s *segment) add(number int64, c *index.Chunk, unit []float32) {
	if len(s.entries) == 0 {
		s.vectors = newBlock(len(unit), s.capacity)
	}
	s.vectors.add(len(s.entries), unit)
	s.enter(number, c)
}

// enter adds a chunk whose vector is in its place.
func (s *segment) enter(number int64, c *index.Chunk) {
	var previous *documentMeta
	if n := len(s.entries); n > 0 {
		previous = s.entries[n-1].meta
	}
	s.entries = append(s.entries, entry{id: c.ID, meta: metaOf(c, previous), number: number, digest: index.Digest(c.Text)})
}

// joinedTerms are the chunk's terms as they are stored. No term holds a space.
func joinedTerms(c *index.Chunk) string { return strings.Join(index.Analyse(c.Embedded()), " ") }
