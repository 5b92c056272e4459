package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// removeAtOnce is how many documents go in one call.
const removeAtOnce = 256

// remove deletes what the ledger has and the sources have not, and proves from the ledger that it has gone.
func (r *run) remove(ctx context.Context) error {
	gone := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(r.gone)) {
		if !r.mayRemove(name, len(r.gone[name])) {
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
	return r.proveRemoved(ctx, gone)
}

// mayRemove reports whether the n documents that the source no longer lists are to be removed. Whoever takes a source
// out of the config wants its documents gone. A source that could not be listed whole proves nothing. Of any other,
// the config says whether vanished documents go, and how many at once: a source that is suddenly all but empty may be
// the wrong one. Workers that share a run count the vanished documents of all, and so decide alike.
func (r *run) mayRemove(name string, n int) bool {
	configured := slices.ContainsFunc(r.origins, func(o *origin) bool { return o.name == name })
	switch {
	case !configured:
		return true
	case r.unlisted[name] != nil:
		return false
	case r.Config.Prune.Off:
		r.tally.kept(n)
		return false
	case !r.ConfirmPrune && r.Config.Prune.HoldsBack(r.vanishing[name], r.ledger[name]):
		r.tally.heldBack(n)
		r.tally.warn("source %q no longer lists %d of its %d documents, more than maxPrune (%s) lets a run remove: the "+
			"index keeps them; correct the source, or confirm the removal with confirm-prune",
			name, r.vanishing[name], r.ledger[name], r.Config.Prune.Limit())
		return false
	}
	return true
}

// proveRemoved reads the whole ledger again and fails when it still has one of the documents.
func (r *run) proveRemoved(ctx context.Context, gone map[string]bool) error {
	rows, left := &ledger{index: r.Index}, ""
	_, err := rows.seek(ctx, pastAll, func(row index.Row) {
		if left == "" && gone[row.Document] {
			left = row.Document
		}
	})
	switch {
	case err != nil:
		return fmt.Errorf("prove what was removed: %w", err)
	case left != "":
		return fmt.Errorf("the index still has %s after removing it", left)
	}
	return nil
}

// Retire deletes the pipeline's other generations from the index, once c.Keep says that none of them is in use:
// it then names c's own generation and no other. Otherwise it deletes nothing.
func Retire(ctx context.Context, c config.Ingest, store index.Store) error {
	if len(c.Keep) != 1 || c.Keep[0] != c.Generation.Fingerprint() {
		return nil
	}
	return store.Retire(ctx)
}
