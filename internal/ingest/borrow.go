package ingest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// borrowAtOnce is how many vectors of a document are borrowed at once: with 4,096 dimensions, 4 MiB.
const borrowAtOnce = 256

// borrow takes the vectors of missing chunks that another generation of the pipeline has. A chunk's id is derived from
// its embedded text, so a vector under the same id is the one that the model would give.
func (r *run) borrow(ctx context.Context, d *document) error {
	var missing []int
	truncated := 0
	for chunks := range slices.Chunk(d.missing, borrowAtOnce) {
		ids := make([]string, len(chunks))
		for i, chunk := range chunks {
			ids[i] = d.chunks[chunk].ID
		}
		loan, err := r.Index.Borrow(ctx, d.id, ids)
		if err != nil {
			return fmt.Errorf("the index cannot say what other generations have of %s: %w", d.id, err)
		}
		left, err := r.take(ctx, d, chunks, loan.Vectors)
		if err != nil {
			return err
		}
		missing = append(missing, left...)
		truncated = max(truncated, loan.Truncated)
	}
	d.borrowedTruncated = min(truncated, len(d.missing)-len(missing))
	d.missing = missing
	return nil
}

// take gives the chunks the vectors that are lent for them, and returns the chunks that are left without one.
func (r *run) take(ctx context.Context, d *document, chunks []int, lent map[string][]float32) (left []int, err error) {
	var taken []index.Vectored
	for _, chunk := range chunks {
		c := &d.chunks[chunk]
		v, found := lent[c.ID]
		if found {
			found, err = r.trusts(ctx, c.Embedded(), v)
		}
		switch {
		case err != nil:
			return nil, err
		case !found:
			left = append(left, chunk)
		case d.staged:
			taken = append(taken, index.Vectored{Chunk: c.Chunk, Vector: v})
		default:
			c.Vector = v
		}
	}
	if len(taken) == 0 {
		return left, nil
	}
	if err := r.Index.Stage(ctx, d.id, taken); err != nil {
		return nil, fmt.Errorf("the index did not take %s: %w", d.id, err)
	}
	return left, nil
}

// lending is what a run has found out about the vectors of other generations.
type lending struct {
	mu      sync.Mutex
	decided bool
	trusted bool
}

// trusts reports whether the model still gives the vectors that are lent. The run embeds the first text that one is
// lent for: behind the same name, an endpoint may serve another model by now.
func (r *run) trusts(ctx context.Context, text string, lent []float32) (bool, error) {
	l := &r.lending
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.decided {
		return l.trusted, nil
	}
	now, err := r.Embedder.Passages(ctx, []string{text})
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case err != nil && !refused(err):
		return false, err
	case err == nil && len(now) == 1 && model.SameSpace(now[0].Vector, lent):
		l.trusted = true
	default:
		r.tally.warn("the embedding model no longer gives the vectors that another generation has: " +
			"every chunk is embedded again")
	}
	l.decided = true
	return l.trusted, nil
}
