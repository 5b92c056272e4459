package model

import (
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// parseEmbeddings reads the answer to a request of n texts: data[] of {index, embedding}, where an embedding is
// an array of numbers or base64 of little-endian float32s. It returns the vectors in the order of the texts,
// or says why the answer cannot be trusted. dimensions, when not 0, is the length that was asked for.
func parseEmbeddings(answer []byte, n, dimensions int) ([][]float32, *Usage, error) {
	vectors := make([][]float32, n)
	var usage *Usage
	var wrong error
	found := 0
	r := &reader{data: answer}
	r.object(func(key []byte) {
		switch string(key) {
		case "data":
			r.array(func() {
				index, v := r.embedding()
				if index < 0 {
					index = found // a server that gives no index keeps the order
				}
				found++
				wrong = firstError(wrong, place(vectors, index, v, dimensions))
			})
		case "usage":
			usage = r.usage()
		default:
			r.skip()
		}
	})
	if err := r.end(); err != nil {
		return nil, nil, err
	}
	if found != n {
		return nil, nil, fmt.Errorf("it holds %d embeddings for %d texts", found, n)
	}
	if wrong = firstError(wrong, sameLength(vectors)); wrong != nil {
		return nil, nil, wrong
	}
	return vectors, usage, nil
}

// place puts v where it belongs, if it may stand there.
func place(vectors [][]float32, index int, v []float32, dimensions int) error {
	switch {
	case index >= len(vectors):
		return fmt.Errorf("it holds an embedding with index %d for %d texts", index, len(vectors))
	case vectors[index] != nil:
		return fmt.Errorf("it holds two embeddings with index %d", index)
	case len(v) == 0:
		return errors.New("it holds an embedding that is empty or not a vector of finite numbers")
	case dimensions != 0 && len(v) != dimensions:
		return fmt.Errorf("its vectors have %d dimensions where %d were asked for", len(v), dimensions)
	}
	vectors[index] = v
	return nil
}

// sameLength checks that all vectors are of one space.
func sameLength(vectors [][]float32) error {
	for _, v := range vectors {
		if len(v) != len(vectors[0]) {
			return fmt.Errorf("its vectors have different lengths, %d and %d", len(vectors[0]), len(v))
		}
	}
	return nil
}

// embedding reads one item of data; index is -1 when absent, and the vector nil when it is none.
func (r *reader) embedding() (index int, v []float32) {
	index = -1
	r.object(func(key []byte) {
		switch string(key) {
		case "index":
			if index = r.integer(); index < 0 {
				r.fault = true
			}
		case "embedding":
			if r.peek() == '"' {
				v = decodeVector(r.bytes())
			} else {
				v = r.vector()
			}
		default:
			r.skip()
		}
	})
	return index, v
}

// vector reads an array of numbers, all finite or the reader faults.
func (r *reader) vector() []float32 {
	v := make([]float32, 0, 1024)
	r.array(func() { v = append(v, float32(r.number(32))) })
	return v
}

// decodeVector returns nil for what is not base64 of finite float32s.
func decodeVector(s []byte) []float32 {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Decode(raw, s)
	if err != nil {
		return nil
	}
	v, err := vector.Decode(raw[:n])
	if err != nil || !vector.Finite(v) {
		return nil
	}
	return v
}

// usage reads a usage object; a null is nil.
func (r *reader) usage() *Usage {
	if r.null() {
		return nil
	}
	u := new(Usage)
	r.object(func(key []byte) {
		var field *int
		switch string(key) {
		case "prompt_tokens":
			field = &u.PromptTokens
		case "completion_tokens":
			field = &u.CompletionTokens
		case "total_tokens":
			field = &u.TotalTokens
		}
		if b := r.peek(); field == nil || b < '0' || b > '9' {
			r.skip()
			return
		}
		*field = max(r.integer(), 0)
	})
	return u
}

// plus adds two counts, of which either may be missing.
func (u *Usage) plus(v *Usage) *Usage {
	if u == nil || v == nil {
		if u == nil {
			return v
		}
		return u
	}
	return &Usage{
		PromptTokens:     u.PromptTokens + v.PromptTokens,
		CompletionTokens: u.CompletionTokens + v.CompletionTokens,
		TotalTokens:      u.TotalTokens + v.TotalTokens,
	}
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
