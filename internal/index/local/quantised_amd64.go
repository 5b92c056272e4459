package local

import "golang.org/x/sys/cpu"

// hasKernel reports whether the kernels of this file run here. Without them, comparing exactly at
// once is faster than scanQuantised.
var hasKernel = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// hasVNNI reports whether the faster kernel for quantised rows runs here.
var hasVNNI = hasKernel && cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VNNI

// kernelWidth is how many values of a row a kernel reads at once at most.
const kernelWidth = 128

// scanQuantised sets each sum to the inner product of the query and a row of the same width.
func scanQuantised(sums []int32, rows []int8, query *quantisedQuery) {
	n, width := len(sums), len(query.values)
	if n == 0 {
		return
	}
	_ = rows[n*width-1] // the kernels check no bounds
	if !hasVNNI {
		scanQuantisedAVX2(&sums[0], &rows[0], &query.values[0], n, width)
		return
	}
	scanQuantisedVNNI(&sums[0], &rows[0], &query.high[0], &query.low[0], n, width)
	for i := range sums {
		sums[i] -= query.surplus
	}
}

// scanQuantisedAVX2 reads n rows; width is a multiple of kernelWidth and not 0.
//
//go:noescape
func scanQuantisedAVX2(sums *int32, rows *int8, query *int16, n, width int)

// scanQuantisedVNNI does the same with a query of two bytes for each value, the high and the low
// one. Since the processor multiplies signed by unsigned bytes, it adds 128 to each value of a row:
// the sums are too large by 128 times the sum of the query.
//
//go:noescape
func scanQuantisedVNNI(sums *int32, rows, high, low *int8, n, width int)

// scanCoarse sets each sum to the inner product of the query and a row, both of that width.
func scanCoarse(sums []int32, rows []uint8, query []int8) {
	n, width := len(sums), len(query)
	if n == 0 {
		return
	}
	_ = rows[n*width/2-1] // the kernels check no bounds
	if hasVNNI {
		scanCoarseVNNI(&sums[0], &rows[0], &query[0], n, width)
		return
	}
	scanCoarseAVX2(&sums[0], &rows[0], &query[0], n, width)
}

// scanCoarseAVX2 and scanCoarseVNNI read n rows; width is a multiple of kernelWidth and not 0.
//
//go:noescape
func scanCoarseAVX2(sums *int32, rows *uint8, query *int8, n, width int)

//go:noescape
func scanCoarseVNNI(sums *int32, rows *uint8, query *int8, n, width int)

// split prepares the query for scanQuantisedVNNI.
func (q *quantisedQuery) split() {
	if !hasVNNI {
		return
	}
	q.high, q.low, q.surplus = make([]int8, len(q.values)), make([]int8, len(q.values)), 0
	for i, v := range q.values {
		high := (v + 128) >> 8
		q.high[i], q.low[i] = int8(high), int8(v-high<<8)
		q.surplus += 128 * int32(v)
	}
}

// dotFour sets sums to the inner products of the query and four rows of the same length. Rows come
// from memory, which delivers four at once in less than half of the time of one after the other.
func dotFour(sums *[4]float32, query []float32, rows *[4][]float32) {
	n := len(query) &^ (dotWidth - 1)
	*sums = [4]float32{}
	if n > 0 {
		dotFourAVX2(sums, &query[0], &rows[0][0], &rows[1][0], &rows[2][0], &rows[3][0], n)
	}
	for i, row := range rows {
		for j := n; j < len(query); j++ {
			sums[i] += query[j] * row[j]
		}
	}
}

// dotWidth is how many values of a row dotFourAVX2 reads at once.
const dotWidth = 16

// dotFourAVX2 reads the first n values of each; n is a multiple of dotWidth and not 0.
//
//go:noescape
func dotFourAVX2(sums *[4]float32, query, a, b, c, d *float32, n int)
