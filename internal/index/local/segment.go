package local

import (
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// segmentChunks is how many chunks are added to the ranking together. Readers wait for no more at a time. It is a
// matrix's block, so that loading copies no vector.
const segmentChunks = blockRows

// segment is consecutive chunks on their way into the ranking, with what is costly done.
type segment struct {
	capacity int
	entries  []entry
	postings postings // by place in the segment
	vectors  block
}

// newSegment makes a segment that has room for so many chunks.
func newSegment(capacity int) *segment { return &segment{capacity: capacity, postings: newPostings()} }

// add adds a chunk with its vector of length 1. All vectors have the same number of dimensions.
func (s *segment) add(number int64, c *index.Chunk, terms string, unit []float32) {
	var before *origin
	if n := len(s.entries); n > 0 {
		before = s.entries[n-1].origin
	} else {
		s.vectors = newBlock(len(unit), s.capacity)
	}
	s.vectors.add(len(s.entries), unit)
	s.entries = append(s.entries, entry{id: c.ID, origin: originOf(c, before), number: number, digest: index.Digest(c.Text)})
	s.postings.add(terms)
}

// joinedTerms are the chunk's terms as they are stored. No term holds a space.
func joinedTerms(c *index.Chunk) string { return strings.Join(index.Analyse(c.Embedded()), " ") }
