package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// removeAtOnce is how many documents go in one call.
const removeAtOnce = 256

// remove deletes what the ledger has and the sources have not, and proves from the ledger that it has gone. Of a
// source that could not be listed whole it removes nothing.
func (r *run) remove(ctx context.Context) error {
	gone := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.gone)) {
		if r.unlisted[name] != nil {
			continue
		}
		for documents := range slices.Chunk(r.gone[name], removeAtOnce) {
			n, err := r.Index.Remove(ctx, documents)
			if err != nil {
				return fmt.Errorf("the index could not remove what has gone from source %q: %w", name, err)
			}
			r.tally.removed(n)
			for _, d := range documents {
				gone[d] = true
			}
		}
	}
	if len(gone) == 0 {
		return nil
	}
	left := ""
	err := r.Index.Ledger(ctx, func(row index.Row) bool {
		if gone[row.Document] {
			left = row.Document
		}
		return left == ""
	})
	switch {
	case err != nil:
		return fmt.Errorf("the index's ledger cannot be read to prove what was removed: %w", err)
	case left != "":
		return fmt.Errorf("the index still has %s after removing it", left)
	}
	return nil
}
