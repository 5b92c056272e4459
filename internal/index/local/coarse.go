package local

import (
	"math"
	"math/rand/v2"
)

// coarseRows is how many rows a matrix has before it keeps a coarse form of them: fewer stay in the cache of the
// processor in their quantised form.
const coarseRows = 4096

// coarse holds a block's vectors in half of the size of their quantised form, four bits a value, so that a scan of many
// rows reads half as much memory. It does not prove, as the quantised form does, which rows are not among the nearest,
// but it errs as seldom for any vectors: each dimension's values are shifted by a random amount before they are rounded
// down, the same one in all rows, and the query is rounded at random (a dither). The errors of the dimensions are then
// independent of each other and of the vectors, so that the standard deviation of their sum is known. A row whose
// coarse score is coarseDeviations of them too low is left out: an error that large has a probability of 2 in 10^8.
// The other rows are read in their quantised form.
type coarse struct {
	dither *dither // is that of the matrix; nil where there are few rows
	values []uint8 // holds two values of a row in a byte: of each kernelWidth, the i-th and the one half of it further
}

const (
	coarseDeviations = 5.5
	// coarseLevel is how much of a quantised value a coarse one is worth: 254 and a dither below it are 16 levels.
	coarseLevel = 17
)

// dither is what the values of each dimension are shifted by, in levels.
type dither struct {
	rows    []float32 // has math.MaxInt8 / coarseLevel added, so that no value is below 0
	queries []float32
}

func newDither(dimensions int) *dither {
	d := &dither{make([]float32, dimensions), make([]float32, dimensions)}
	for i := range dimensions {
		d.rows[i] = math.MaxInt8/float32(coarseLevel) + rand.Float32()
		d.queries[i] = rand.Float32()
	}
	return d
}

// newCoarse makes a form that has the given room.
func newCoarse(d *dither, values []uint8) coarse { return coarse{d, values} }

// set makes the unit vector the block's i-th row. Its quantised values are worth the scale.
func (c *coarse) set(i int, unit []float32, scale float32) {
	width := widthOf(len(unit))
	row := c.values[i*width/2:][:width/2]
	clear(row)
	if scale == 0 {
		return
	}
	const half = kernelWidth / 2
	levels := 1 / (scale * coarseLevel)
	for j, x := range unit {
		n := uint8(x*levels + c.dither.rows[j])
		row[j/kernelWidth*half+j%half] |= n << (j % kernelWidth / half * 4)
	}
}

// coarseQuery is a query for coarse rows, in bytes.
type coarseQuery struct {
	values []int8
	scale  float32 // is what 1 in a value is worth
	offset float32 // takes the dither of the rows out of a sum
}

func newCoarseQuery(unit []float32, d *dither) coarseQuery {
	q := coarseQuery{values: make([]int8, widthOf(len(unit))), scale: largest(unit) / math.MaxInt8}
	if q.scale == 0 {
		return q
	}
	levels := 1 / q.scale
	for i, x := range unit {
		n := int32(x*levels + d.queries[i] + math.MaxInt8) // not below 0, so that it is rounded down
		q.values[i] = int8(n - math.MaxInt8)
		q.offset -= float32(q.values[i]) * (d.rows[i] - 0.5)
	}
	return q
}

// reading is what the sums tell of rows with these scales. The variance of a value that is evenly distributed over a
// level is a twelfth; that of a query's value, which is one of two, is at most a quarter.
func (q *coarseQuery) reading(scales []float32) reading {
	row := coarseLevel * math.Sqrt(1./12)
	query := float64(q.scale) / 2
	noise := row * math.Sqrt(float64(len(q.values))) // is about the length of what a row's errors add to it
	return reading{
		factor: q.scale * coarseLevel * queryLevels, offset: q.offset,
		base:   float32(coarseDeviations * query),
		slope:  float32(coarseDeviations * (row + query*noise) * queryLevels),
		scales: scales, errors: scales,
	}
}
