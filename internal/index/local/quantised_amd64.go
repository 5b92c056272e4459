package local

import "golang.org/x/sys/cpu"

// hasKernel reports whether scanQuantised is faster here than comparing exactly at once.
var hasKernel = cpu.X86.HasAVX2

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
