package index

import (
	"fmt"

	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// Check refuses what no home can hold of a document's chunks, and returns the chunks' ids: another document's
// chunk, a chunk that comes twice, a vector that is empty or holds no number.
func Check(document string, chunks []Vectored) (ids map[string]bool, err error) {
	ids = make(map[string]bool, len(chunks))
	for i := range chunks {
		c := &chunks[i]
		switch {
		case c.Document != document:
			return nil, fmt.Errorf("chunk %s is one of %q", c.ID, c.Document)
		case ids[c.ID]:
			return nil, fmt.Errorf("chunk %s comes twice", c.ID)
		case c.Vector != nil && len(c.Vector) == 0:
			return nil, fmt.Errorf("the vector of chunk %s is empty: the embedding model is at fault", c.ID)
		case !vector.Finite(c.Vector):
			return nil, fmt.Errorf("the vector of chunk %s holds NaN or an infinite value: the embedding model is at fault", c.ID)
		}
		ids[c.ID] = true
	}
	return ids, nil
}
