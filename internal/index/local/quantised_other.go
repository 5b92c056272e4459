//go:build !amd64

package local

// hasKernel is false: in plain Go, a quantised scan takes no less time than an exact one.
const (
	hasKernel   = false
	kernelWidth = 1
)

func scanQuantised([]int32, []int8, []int16) {}

func dotFour(*[4]float32, []float32, *[4][]float32) {}
