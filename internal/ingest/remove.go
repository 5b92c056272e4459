package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// removeAtOnce is how many documents go in one call.
const removeAtOnce = 256

// remove deletes what the ledger has and the sources have not, ends the removals that an earlier run began, and proves
// that all of it is gone.
func (r *run) remove(ctx context.Context) error {
	gone, err := r.Index.Unremoved(ctx)
	if err != nil {
		return fmt.Errorf("the index cannot say what it was removing: %w", err)
	}
	gone = slices.DeleteFunc(gone, func(document string) bool { return !r.share.Has(document) })
	if _, err := r.removeAll(ctx, gone); err != nil {
		return err
	}
	for _, document := range gone {
		name, _, _ := strings.Cut(document, "/")
		r.tally.removed(name, 1)
	}
	for _, name := range slices.Sorted(maps.Keys(r.gone)) {
		if !r.mayRemove(name, len(r.gone[name])) {
			continue
		}
		n, err := r.removeAll(ctx, r.gone[name])
		if err != nil {
			return err
		}
		r.tally.removed(name, n)
		gone = append(gone, r.gone[name]...)
	}
	for _, name := range slices.Sorted(maps.Keys(r.exposed)) {
		n, err := r.removeAll(ctx, r.exposed[name])
		if err != nil {
			return err
		}
		r.tally.removed(name, n)
		r.tally.warn("source %q: the index removed %d documents that could not be listed now, because more callers could "+
			"see them than the source's access allows", name, n)
		gone = append(gone, r.exposed[name]...)
	}
	if len(gone) == 0 {
		return nil
	}
	return r.prove(ctx, gone)
}

// removeAll returns how many of the documents the index showed.
func (r *run) removeAll(ctx context.Context, documents []string) (removed int, err error) {
	for some := range slices.Chunk(documents, removeAtOnce) {
		n, err := r.Index.Remove(ctx, some)
		if err != nil {
			return removed, fmt.Errorf("the index could not remove %s: %w", naming(some), err)
		}
		removed += n
	}
	return removed, nil
}

// prove asks the index for each of the documents. Of those that it still has something of, it removes that once more.
func (r *run) prove(ctx context.Context, gone []string) error {
	left, err := r.Index.Left(ctx, gone)
	if err == nil && len(left) > 0 {
		r.Log.Warn("Documents were not gone after their removal, and are removed again", "documents", len(left))
		if _, err := r.removeAll(ctx, left); err != nil {
			return err
		}
		left, err = r.Index.Left(ctx, left)
	}
	switch {
	case err != nil:
		return fmt.Errorf("the index cannot say whether %s is gone: %w", naming(gone), err)
	case len(left) > 0:
		return fmt.Errorf("%w: the index still has something of %s", index.ErrUnproved, naming(left))
	}
	r.tally.proved(len(gone), time.Now())
	return nil
}

// naming names the first of the documents, and how many more there are.
func naming(documents []string) string {
	if more := len(documents) - 1; more > 0 {
		return fmt.Sprintf("%s and %d more", documents[0], more)
	}
	return documents[0]
}

// mayRemove reports whether the n documents that the source no longer lists are to be removed. A user who takes a
// source out of the config wants its documents gone. A source that could not be listed whole proves nothing. For any
// other, the config says whether vanished documents go, and how many at once: a source that is suddenly all but empty
// may be the wrong one. Workers that share a run count the vanished documents of all, and so decide alike.
func (r *run) mayRemove(name string, n int) bool {
	configured := slices.ContainsFunc(r.origins, func(o *origin) bool { return o.name == name })
	switch {
	case !configured:
		return true
	case r.unlisted[name] != nil:
		return false
	case r.Config.Prune.Off:
		r.tally.kept(name, n)
		return false
	case !r.ConfirmPrune && r.Config.Prune.HoldsBack(r.vanishing[name], r.ledger[name]):
		r.tally.heldBack(name, n)
		r.tally.warn("source %q no longer lists %d of its %d documents, more than maxPrune (%s) lets a run remove: the "+
			"index keeps them; correct the source, or confirm the removal with confirm-prune",
			name, r.vanishing[name], r.ledger[name], r.Config.Prune.Limit())
		return false
	}
	return true
}

// Retire deletes from the index the pipeline's generations that c does not keep: at a run's start those
// that were never complete, which no run builds any more, and the rest once it has succeeded.
func Retire(ctx context.Context, c config.Ingest, store index.Store, succeeded bool) error {
	if len(c.Keep) == 0 {
		return nil
	}
	return store.Retire(ctx, index.Retirement{Keep: c.Keep, Incomplete: !succeeded})
}
