package local

import "sync"

// Ranking needs a number for every chunk. These are kept from question to question.
var (
	scores = sync.Pool{New: func() any { return new([]float64) }}
	bounds = sync.Pool{New: func() any { return new([]float32) }}
)

// borrow takes n zeros from a pool.
func borrow[T any](pool *sync.Pool, n int) *[]T {
	buffer := pool.Get().(*[]T)
	if cap(*buffer) < n {
		*buffer = make([]T, n)
	}
	*buffer = (*buffer)[:n]
	clear(*buffer)
	return buffer
}
