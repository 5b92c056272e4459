package local

import (
	"encoding/binary"
	"fmt"
	"math"
)

// encodeVector writes little-endian float32.
func encodeVector(vector []float32) []byte {
	b := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// decodeVector reads what encodeVector wrote.
func decodeVector(vector []float32, b []byte) error {
	if len(b) != 4*len(vector) {
		return fmt.Errorf("%w: a vector of %d bytes where %d were expected", ErrDamaged, len(b), 4*len(vector))
	}
	for i := range vector {
		vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return nil
}
