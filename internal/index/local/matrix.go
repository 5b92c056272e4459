package local

import (
	"math"

	"gonum.org/v1/gonum/blas/gonum"
)

// matrix holds a unit vector for every ordinal, in blocks: growing copies nothing.
type matrix struct {
	dimensions int // 0 until the first row
	rows       int
	blocks     [][]float32
}

// blockRows is a megabyte of rows of 1,024 dimensions.
const blockRows = 256

// add appends the unit vector of the next ordinal.
func (m *matrix) add(vector []float32) {
	if m.rows == 0 {
		m.dimensions = len(vector)
	}
	if m.rows%blockRows == 0 {
		m.blocks = append(m.blocks, make([]float32, 0, blockRows*m.dimensions))
	}
	last := len(m.blocks) - 1
	m.blocks[last] = append(m.blocks[last], vector...)
	m.rows++
}

// keep moves the given rows, in ascending order, to the front and drops the others.
func (m *matrix) keep(ordinals []uint32) {
	for i, ordinal := range ordinals {
		copy(m.row(uint32(i)), m.row(ordinal))
	}
	m.rows = len(ordinals)
	m.blocks = m.blocks[:(m.rows+blockRows-1)/blockRows]
	if used := m.rows % blockRows; used > 0 {
		last := len(m.blocks) - 1
		m.blocks[last] = m.blocks[last][:used*m.dimensions]
	}
}

func (m *matrix) row(ordinal uint32) []float32 {
	from := int(ordinal%blockRows) * m.dimensions
	return m.blocks[ordinal/blockRows][from : from+m.dimensions]
}

// nearest offers every allowed row's cosine similarity with the query, a unit vector.
func (m *matrix) nearest(query []float32, allowed bitset, best *top) {
	for ordinal := range uint32(m.rows) {
		if allowed == nil || allowed.has(ordinal) {
			best.add(candidate{ordinal, float64(dot(query, m.row(ordinal)))})
		}
	}
}

// dot is the inner product; gonum has it in assembly.
func dot(x, y []float32) float32 {
	return gonum.Implementation{}.Sdot(len(x), y, 1, x, 1)
}

// normalise scales the vector to length 1, in place. A zero vector stays: it is like nothing.
func normalise(vector []float32) {
	var sum float64
	for _, x := range vector {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range vector {
		vector[i] = float32(float64(x) * scale)
	}
}
