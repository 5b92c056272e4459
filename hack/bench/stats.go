package main

import (
	"math"
	"slices"
	"time"
)

// quantile is the smallest value that at least that share of the values do not exceed; NaN without
// values.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}

// median is the middle value.
func median(values []float64) float64 { return quantile(values, 0.5) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
