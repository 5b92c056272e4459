// Package vector holds what every stage needs to know about an embedding vector: its bytes, its
// length, and whether its values are numbers. It imports nothing of this module.
package vector

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Encode writes the vector as little-endian float32: what OpenAI's API calls base64 before base64,
// what Weaviate takes, and what the local index stores.
func Encode(v []float32) []byte {
	b := make([]byte, 4*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(x))
	}
	return b
}

// Decode reads what Encode wrote. It fails when the bytes do not divide into float32s, and accepts
// any value, NaN included.
func Decode(b []byte) ([]float32, error) { return AppendDecoded(nil, b) }

// AppendDecoded appends to v what Decode returns.
func AppendDecoded(v []float32, b []byte) ([]float32, error) {
	if len(b)%4 != 0 {
		return nil, fmt.Errorf("a vector of %d bytes does not consist of float32 values", len(b))
	}
	from := len(v)
	v = slices.Grow(v, len(b)/4)[:from+len(b)/4]
	for i := range v[from:] {
		v[from+i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}

// Finite reports whether no value is NaN or infinite.
func Finite(v []float32) bool {
	const exponent = 0x7f800000 // all bits of it are set in exactly those values
	for _, x := range v {
		if math.Float32bits(x)&exponent == exponent {
			return false
		}
	}
	return true
}

// Norm is the Euclidean length of the vector. The square of a float32 is exact in float64, so every
// processor adds up the same sum, whether it fuses multiplication and addition or not.
func Norm(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// unitTolerance is how far from 1 a norm may be and still count as 1. Rounding to float32 moves the
// norm of a scaled vector by up to 2^-24, so a smaller tolerance would scale such a vector again. A
// cosine is off by no more than the two vectors' tolerances, 1e-6, which is also the accuracy of a
// float32 product of a few hundred dimensions.
const unitTolerance = 5e-7

// Normalise scales the vector to length 1, in place. It leaves two kinds of vector untouched: a
// vector of length 1 within unitTolerance, and the zero vector, which has no direction and is
// similar to nothing.
//
// Every index normalises by this one rule, so that a chunk scores the same wherever it is stored.
// Most models return vectors of length 1, and those keep the values that the model gave. The rule
// is idempotent: Weaviate takes an object whose vector differs in a single bit for a new one, so a
// vector that is read and written again must not change.
func Normalise(v []float32) {
	norm := Norm(v)
	if norm == 0 || math.Abs(norm-1) < unitTolerance {
		return
	}
	scale := 1 / norm
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
}

// Unit returns a normalised copy of the vector.
func Unit(v []float32) []float32 {
	unit := slices.Clone(v)
	Normalise(unit)
	return unit
}

// Cosine is the cosine of the angle between two vectors; 0 if one is zero, or if their lengths differ.
func Cosine(a, b []float32) float64 {
	norms := Norm(a) * Norm(b)
	if len(a) != len(b) || norms == 0 {
		return 0
	}
	product := 0.0
	for i := range a {
		product += float64(a[i]) * float64(b[i])
	}
	return product / norms
}
