package index

import (
	"context"
	"hash/fnv"
)

// Share is one worker's part of a pipeline's documents. A document is in the same share in every
// run with the same number of workers, so that two workers never write or remove the same document.
// The zero value is all documents.
type Share struct {
	// Worker is the number of the worker, from 0; Workers is how many there are.
	Worker, Workers int
}

// Whole reports whether the share is all documents.
func (s Share) Whole() bool { return s.Workers <= 1 }

// Has reports whether the document is in the share.
func (s Share) Has(document string) bool {
	if s.Whole() {
		return true
	}
	h := fnv.New64a()
	h.Write([]byte(document))
	x := h.Sum64()
	x ^= x >> 32 // FNV's low bits mix less than its high ones
	return x%uint64(s.Workers) == uint64(s.Worker)
}

// Shared is a store that several workers of one run may write at once.
type Shared interface {
	// Done records that this process's share of a run is done, and what it reports. Of two workers
	// that are done at once, at least one finds both in Reports.
	Done(ctx context.Context, run string, report []byte) error
	// Reports returns the reports of the workers that are done with their shares of a run.
	Reports(ctx context.Context, run string) (map[int][]byte, error)
	// ForgetRuns deletes what the workers of all runs but this one recorded.
	ForgetRuns(ctx context.Context, except string) error
}
