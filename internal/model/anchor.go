package model

import (
	"context"

	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// Anchor is a fixed text. Its vector is stored with a generation, and later ones are compared with it: a server may
// put another model, or another version of it, behind the same name, and whoever calls it learns it in no other way.
// A change of this text would look like a change of the model.
const Anchor = "The lighthouse keeper repaired the lamp in the evening of 3 March 1897, " +
	"before the storm reached the harbour."

// sameSpace is the least cosine of two vectors of one text by one model: servers round and quantise, and a text's
// vector depends a little on the others of its batch.
const sameSpace = 0.99

// SameSpace reports whether two vectors of one text, of equal length, can be one model's.
func SameSpace(a, b []float32) bool { return vector.Cosine(a, b) >= sameSpace }

// Anchor embeds the fixed text as a passage, once.
func (e *Embedder) Anchor(ctx context.Context) ([]float32, error) {
	call := embedCall{texts: []string{Anchor}, input: inputPassage, truncate: truncateNone, retry: probe}
	vectors, _, err := e.post(ctx, call)
	if err != nil {
		return nil, err
	}
	return vectors[0], nil
}
