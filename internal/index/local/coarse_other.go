//go:build !amd64

package local

// coarseKernel is false: in plain Go, a coarse scan takes no less time than an exact one.
const (
	coarseKernel = false
	kernelWidth  = 1
)

func scanCoarse([]int32, []int8, []int16) {}
