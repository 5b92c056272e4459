package local

import "golang.org/x/sys/cpu"

// hasKernel reports whether the kernels of this file run here. Without them, comparing exactly at
// once is faster than scanQuantised.
var hasKernel = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// kernelWidth is how many values of a row the kernel reads at once.
const kernelWidth = 32

// scanQuantised sets each sum to the inner product of the query and a row of the same width.
func scanQuantised(sums []int32, rows []int8, query []int16) {
	if len(sums) == 0 {
		return
	}
	_ = rows[len(sums)*len(query)-1] // the kernel checks no bounds
	scanQuantisedAVX2(&sums[0], &rows[0], &query[0], len(sums), len(query))
}

// scanQuantisedAVX2 reads n rows; width is a multiple of kernelWidth and not 0.
//
//go:noescape
func scanQuantisedAVX2(sums *int32, rows *int8, query *int16, n, width int)

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
