package local

import (
	"math"
	"slices"
)

// quantised holds a block's vectors in a quarter of their size: each value is an integer of
// -127..127 times the row's scale. A scan of these integers shows which rows can be among the
// nearest at all, and only those are compared exactly. A scan of a large matrix takes as long as
// reading it from memory, so this is what makes the exact search fast.
//
// Let x be a row, x' its quantised form, and e = |x - x'| its quantisation error; likewise query q,
// q' and d. Then
//
//	|q.x - q'.x'| <= |q|.|x - x'| + |q - q'|.|x'| <= e + d.(1 + e)
//
// by Cauchy and Schwarz, for q and x of length at most 1. A row whose upper bound is below the
// limit-th best lower bound is not among the limit nearest.
type quantised struct {
	width  int       // is the length of a row: the dimensions, rounded up to what the kernel reads at once
	values []int8    // holds all rows that there is room for
	scales []float32 // holds what 1 in the product of a row and a quantised query is worth, by row
	errors []float32 // holds the quantisation error e, by row
}

// newQuantised makes a form for that many rows, whose values have the given room.
func newQuantised(values []int8, rows int) quantised {
	if !hasKernel {
		return quantised{}
	}
	return quantised{len(values) / rows, values, make([]float32, rows), make([]float32, rows)}
}

// widthOf is the width of a quantised row; 0 without a kernel.
func widthOf(dimensions int) int {
	if !hasKernel {
		return 0
	}
	return (dimensions + kernelWidth - 1) / kernelWidth * kernelWidth
}

// copy makes the other's j-th row the block's i-th.
func (z *quantised) copy(i int, other *quantised, j int) {
	if !hasKernel {
		return
	}
	copy(z.values[i*z.width:][:z.width], other.values[j*z.width:])
	z.scales[i], z.errors[i] = other.scales[j], other.errors[j]
}

// set makes the unit vector the block's i-th row.
func (z *quantised) set(i int, unit []float32) {
	if !hasKernel {
		return
	}
	scale := largest(unit) / math.MaxInt8
	z.scales[i], z.errors[i] = scale/queryLevels, 0
	values := z.values[i*z.width:][:len(unit)]
	if scale == 0 {
		clear(values)
		return
	}
	levels := 1 / scale
	var squares [2]float64 // so that no addition waits for the one before
	for j, x := range unit {
		n := nearestInt(x * levels)
		values[j] = int8(n)
		d := float64(x) - float64(n)*float64(scale)
		squares[j%2] += d * d
	}
	z.errors[i] = float32(math.Sqrt(squares[0] + squares[1]))
}

// largest is the largest absolute value. Without their signs, floats are in the order of their bits.
func largest(unit []float32) float32 {
	var bits uint32
	for _, x := range unit {
		bits = max(bits, math.Float32bits(x)&math.MaxInt32)
	}
	return math.Float32frombits(bits)
}

// nearestInt rounds a number below 2^22, halves to even. In the sum, the last bit is worth 1.
func nearestInt(x float32) int32 {
	const shift = 3 << 22
	return int32(math.Float32bits(x+shift)) - int32(math.Float32bits(shift))
}

// quantisedQuery is a query with a fixed scale of 1/queryLevels. Its values are at most 1, so that
// they fit 16 bits; the sum of products with a row is at most queryLevels.127.sqrt(width), which
// fits 32 bits up to a million dimensions.
type quantisedQuery struct {
	values     []int16
	quantError float32

	// These are the values for the kernel that wants them in bytes; see split.
	high, low []int8
	surplus   int32
}

const queryLevels = 1 << 14

func newQuantisedQuery(unit []float32, width int) quantisedQuery {
	q := quantisedQuery{values: make([]int16, width)}
	var squares float64
	for i, x := range unit {
		n := nearestInt(x * queryLevels)
		q.values[i] = int16(n)
		d := float64(x) - float64(n)/queryLevels
		squares += d * d
	}
	q.quantError = float32(math.Sqrt(squares))
	q.split()
	return q
}

// errorBound says how far the exact score of a row with the quantisation error e can be from its
// quantised one: at most base + slope.e. A part of base covers what float32 rounds in either: 2^-24
// for each addition of the exact score, and as much again, which also covers the rounding that a
// unit vector's length may be off by.
func (q *quantisedQuery) errorBound(dimensions int) (base, slope float32) {
	return q.quantError + float32(dimensions+16)/(1<<23), 1 + q.quantError
}

// nearestQuantised does what nearest does, by way of the quantised blocks. A block is in the cache of
// the processor when the second scan reads it.
func (m *matrix) nearestQuantised(scans []*scan) {
	if m.rows == 0 {
		return
	}
	for _, s := range scans {
		s.quantised = newQuantisedQuery(s.query, m.blocks[0].quantised.width)
		s.uppers = borrow[float32](&bounds, m.rows)
		defer bounds.Put(s.uppers)
		s.lowers = top{limit: s.best.limit, entries: s.best.entries, heap: make([]candidate, 0, s.best.limit)}
	}
	for i := range m.blocks {
		for _, s := range scans {
			m.bound(s, i)
		}
	}
	for _, s := range scans {
		m.rescore(s.query, *s.uppers, &s.lowers, s.allowed, s.best)
	}
}

// bound sets the bounds of the i-th block's rows.
func (m *matrix) bound(s *scan, i int) {
	z, from := &m.blocks[i].quantised, i*blockRows
	rows := min(blockRows, m.rows-from)
	if !s.allowed.any(from, rows) {
		return // their upper bounds stay 0, and nothing reads them
	}
	var sums [blockRows]int32
	scanQuantised(sums[:rows], z.values, &s.quantised)
	base, slope := s.quantised.errorBound(m.dimensions)
	uppers, scales, errors, worst := (*s.uppers)[from:from+rows], z.scales[:rows], z.errors[:rows], s.lowers.worst()
	for j, sum := range sums[:rows] {
		score, bound := float32(sum)*scales[j], base+slope*errors[j]
		uppers[j] = score + bound
		lower := candidate{uint32(from + j), float64(score - bound)}
		if lower.score >= worst && (s.allowed == nil || s.allowed.has(lower.ordinal)) {
			s.lowers.add(lower)
			worst = s.lowers.worst()
		}
	}
}

// rescore offers the allowed rows that can be among the best. It begins with those that have the
// best lower bounds: after them, few others have an upper bound that reaches the worst of the best.
func (m *matrix) rescore(query, uppers []float32, lowers *top, allowed bitset, best *top) {
	rows := make([]uint32, len(lowers.heap))
	for i, c := range lowers.heap {
		rows[i] = c.ordinal
		uppers[c.ordinal] = float32(math.Inf(-1))
	}
	m.offer(query, rows, best)
	if len(rows) < lowers.limit {
		return // these were all that are allowed
	}
	rows = rows[:0]
	worst := best.worst()
	for i, upper := range uppers {
		if ordinal := uint32(i); float64(upper) >= worst && (allowed == nil || allowed.has(ordinal)) {
			rows = append(rows, ordinal)
		}
	}
	m.offer(query, rows, best)
}

// offer offers rows with their exact similarity.
func (m *matrix) offer(query []float32, ordinals []uint32, best *top) {
	var (
		sums [4]float32
		rows [4][]float32
	)
	for four := range slices.Chunk(ordinals, len(rows)) {
		for i := range rows {
			rows[i] = m.row(four[min(i, len(four)-1)])
		}
		dotFour(&sums, query, &rows)
		for i, ordinal := range four {
			best.add(candidate{ordinal, float64(sums[i])})
		}
	}
}
