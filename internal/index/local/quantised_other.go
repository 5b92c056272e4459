//go:build !amd64

package local

// hasKernel is false: in plain Go, a quantised scan takes no less time than an exact one.
const (
	hasKernel   = false
	kernelWidth = 2
)

// hasVNNI is false as well.
var hasVNNI bool

func scanQuantised([]int32, []int8, *quantisedQuery) {}

func scanCoarse([]int32, []uint8, []int8) {}

func (*quantisedQuery) split() {}

func dotFour(*[4]float32, []float32, *[4][]float32) {}
