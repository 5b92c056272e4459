package nimsim

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strconv"
)

// vectors makes a unit vector of a text, by copying: a vector is put together from pieces that were rendered
// beforehand, each chosen by the text's hash. Any two texts are about as alike as those of one subject are to a real
// model's eye, a few by chance much more, so that an index has to look for the nearest.
type vectors struct {
	pieces [][]piece // by their place in the vector
}

// piece is a part of a vector: as numbers with commas between them, and as base64.
type piece struct{ numbers, encoded []byte }

const (
	// choices is how many pieces there are for a place.
	choices = 1 << choiceBits
	// choiceBits is how much of the hash chooses one.
	choiceBits = 4
	// pieceLength is how many numbers a piece has: of 4 bytes each, they fill base64's groups of 3.
	pieceLength = 48
)

func newVectors(dimensions int) vectors {
	random := rand.New(rand.NewPCG(1, 2))
	var v vectors
	for from := 0; from < dimensions; from += pieceLength {
		length := min(pieceLength, dimensions-from)
		place := make([]piece, choices)
		for i := range place {
			place[i] = newPiece(random, length, math.Sqrt(float64(length)/float64(dimensions)))
		}
		v.pieces = append(v.pieces, place)
	}
	return v
}

// newPiece is a random direction of that length, scaled to the norm.
func newPiece(random *rand.Rand, length int, norm float64) piece {
	numbers := make([]float64, length)
	sum := 0.0
	for i := range numbers {
		numbers[i] = random.NormFloat64()
		sum += numbers[i] * numbers[i]
	}
	var p piece
	var raw []byte
	for i, n := range numbers {
		if i > 0 {
			p.numbers = append(p.numbers, ',')
		}
		x := float32(n * norm / math.Sqrt(sum))
		p.numbers = strconv.AppendFloat(p.numbers, float64(x), 'g', -1, 32)
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	p.encoded = base64.StdEncoding.AppendEncode(nil, raw)
	return p
}

// size is about how many bytes append appends.
func (v vectors) size(base64 bool) int {
	size := 64
	for _, place := range v.pieces {
		if base64 {
			size += len(place[0].encoded)
		} else {
			size += len(place[0].numbers) + pieceLength
		}
	}
	return size
}

// append writes the text's vector as JSON.
func (v vectors) append(b, text []byte, base64 bool) []byte {
	hash := fnv.New64a()
	_, _ = hash.Write(text) // it never fails
	choose := rand.NewPCG(hash.Sum64(), 0)
	if base64 {
		b = append(b, '"')
		for _, place := range v.pieces {
			b = append(b, place[choose.Uint64()>>(64-choiceBits)].encoded...)
		}
		return append(b, '"')
	}
	b = append(b, '[')
	for i, place := range v.pieces {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, place[choose.Uint64()>>(64-choiceBits)].numbers...)
	}
	return append(b, ']')
}
