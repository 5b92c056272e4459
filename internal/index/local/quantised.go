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
	coarse coarse    // is empty where there are few rows
}

// newQuantised makes a form for that many rows, whose values have the given room.
func newQuantised(values []int8, rows int) quantised {
	if !hasKernel {
		return quantised{}
	}
	return quantised{
		width: len(values) / rows, values: values, scales: make([]float32, rows), errors: make([]float32, rows),
	}
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

// coarsen makes the coarse form of the i-th row, a unit vector that is set, where there is one.
func (z *quantised) coarsen(i int, unit []float32) {
	if z.coarse.dither != nil {
		z.coarse.set(i, unit, z.scales[i]*queryLevels)
	}
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
		if m.dither != nil {
			s.coarse = newCoarseQuery(s.query, m.dither)
		}
		s.room = takeRoom(s.best.limit)
		defer rooms.Put(s.room)
	}
	for i := range m.blocks {
		for _, s := range scans {
			m.bound(s, i)
		}
	}
	for _, s := range scans {
		m.rescore(s)
	}
}

// reading says what the sums of a kernel tell of rows: a row's score is near (sum + offset) times factor times its
// scale, and off by at most base + slope times its error.
type reading struct {
	factor, offset float32
	base, slope    float32
	scales, errors []float32
}

// read computes the sums of the block's first rows, from the coarse form where there is one.
func (z *quantised) read(sums []int32, s *scan, dimensions int) reading {
	if z.coarse.dither != nil {
		scanCoarse(sums, z.coarse.values, s.coarse.values)
		return s.coarse.reading(z.scales)
	}
	scanQuantised(sums, z.values, &s.quantised)
	base, slope := s.quantised.errorBound(dimensions)
	return reading{1, 0, base, slope, z.scales, z.errors}
}

// bound keeps the i-th block's rows whose upper bound reaches about the limit-th best lower bound so far.
func (m *matrix) bound(s *scan, i int) {
	z, from := &m.blocks[i].quantised, i*blockRows
	rows := min(blockRows, m.rows-from)
	if !s.allowed.any(from, rows) {
		return
	}
	var sums [blockRows]int32
	r := z.read(sums[:rows], s, m.dimensions)
	scales, errors, kept, lowers := r.scales[:rows], r.errors[:rows], s.room.kept, &s.room.floor
	for j, sum := range sums[:rows] {
		score, bound := (float32(sum)+r.offset)*(r.factor*scales[j]), r.base+r.slope*errors[j]
		if score+bound < lowers.score {
			continue
		}
		ordinal := uint32(from + j)
		if s.allowed != nil && !s.allowed.has(ordinal) {
			continue
		}
		kept = append(kept, bounded{ordinal, score - bound, score + bound})
		s.widest = max(s.widest, bound)
		lowers.add(score - bound)
	}
	s.room.kept = kept
}

// rescore offers the rows that can be among the best. It begins with those that have the best lower
// bounds: after them, few others have an upper bound that reaches the worst of the best.
func (m *matrix) rescore(s *scan) {
	rows := make([]uint32, 0, 2*s.best.limit) // some more than limit
	s.offered = newBitset(m.rows)
	for _, b := range s.room.kept {
		if b.lower >= s.room.floor.score {
			rows = append(rows, b.ordinal)
			s.offered.set(b.ordinal)
		}
	}
	m.offer(s.query, rows, s.best)
	if len(rows) < s.best.limit {
		return // these were all that are allowed
	}
	if m.dither != nil { // coarse bounds are wide: rows that reach the worst without them raise it, so that fewer are read
		m.offerReaching(s, rows, s.widest)
	}
	m.offerReaching(s, rows, 0)
}

// offerReaching offers the rows that were not offered yet and whose upper bound is that far above the worst of the
// best. It overwrites rows.
func (m *matrix) offerReaching(s *scan, rows []uint32, above float32) {
	rows, least := rows[:0], float32(s.best.worst())+above
	for _, b := range s.room.kept {
		if b.upper >= least && !s.offered.has(b.ordinal) {
			rows = append(rows, b.ordinal)
			s.offered.set(b.ordinal)
		}
	}
	if m.dither != nil {
		rows = m.sift(s, rows)
	}
	m.offer(s.query, rows, s.best)
}

// sift keeps the rows whose quantised form, which is finer than the coarse one, can reach the worst of the best.
func (m *matrix) sift(s *scan, rows []uint32) []uint32 {
	base, slope := s.quantised.errorBound(m.dimensions)
	return slices.DeleteFunc(rows, func(ordinal uint32) bool {
		z, i := &m.blocks[ordinal/blockRows].quantised, int(ordinal%blockRows)
		var sum [1]int32
		scanQuantised(sum[:], z.values[i*z.width:], &s.quantised)
		return float64(float32(sum[0])*z.scales[i]+base+slope*z.errors[i]) < s.best.worst()
	})
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
