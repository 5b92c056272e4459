package local

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// Vector returns the limit nearest chunks by cosine similarity, by an exact scan.
func (s *Store) Vector(ctx context.Context, query []float32, limit int, filter index.Filter) ([]index.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	unit := vector.Unit(query)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.dimensions == 0 {
		return nil, nil
	}
	if len(query) != s.dimensions {
		return nil, fmt.Errorf("search index: %w", index.DimensionMismatch(len(query), s.dimensions))
	}
	return s.ranking.vector(unit, limit, filter), nil
}

// Keyword returns the limit best chunks by BM25 over the analysed question.
func (s *Store) Keyword(ctx context.Context, question string, limit int, filter index.Filter) ([]index.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	terms := index.Analyse(question)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ranking.keyword(terms, limit, filter), nil
}

// vector ranks by cosine similarity with a query of length 1.
func (r *ranking) vector(unit []float32, limit int, filter index.Filter) []index.Hit {
	if limit <= 0 || r.chunks() == 0 {
		return nil
	}
	best := r.best(limit)
	r.vectors.nearest(unit, r.allowed(filter), best)
	return r.hits(best)
}

// keyword ranks by BM25.
func (r *ranking) keyword(terms []string, limit int, filter index.Filter) []index.Hit {
	if limit <= 0 || r.chunks() == 0 {
		return nil
	}
	sums := borrow[float64](&scores, len(r.entries))
	defer scores.Put(sums)
	r.postings.score(*sums, terms, corpus{chunks: r.chunks(), terms: r.terms, live: r.liveSet()}, r.allowed(filter))
	best := r.best(limit)
	for ordinal, score := range *sums {
		if score > 0 && (!best.full() || score >= best.last().score) {
			best.add(candidate{uint32(ordinal), score})
		}
	}
	return r.hits(best)
}

// candidate is a chunk with its score in one retriever.
type candidate struct {
	ordinal uint32
	score   float64
}

// best makes a heap for the limit best candidates.
func (r *ranking) best(limit int) *bounded[candidate] {
	limit = min(limit, len(r.entries))
	return &bounded[candidate]{limit: limit, compare: r.compare, items: make([]candidate, 0, limit)}
}

// compare puts the higher score first, and of equal ones the lower id.
func (r *ranking) compare(a, b candidate) int {
	switch {
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	return strings.Compare(r.entries[a.ordinal].id, r.entries[b.ordinal].id)
}

func (r *ranking) hits(best *bounded[candidate]) []index.Hit {
	candidates := best.sorted()
	hits := make([]index.Hit, len(candidates))
	for i, c := range candidates {
		hits[i] = index.Hit{ID: r.entries[c.ordinal].id, Score: c.score, Digest: r.entries[c.ordinal].digest}
	}
	return hits
}

// Ranking needs a number for every chunk. These buffers are reused from question to question.
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

// bounded keeps the limit items that come first in an order: a heap with the last of them at its
// root.
type bounded[T any] struct {
	limit   int
	compare func(a, b T) int // is negative when a comes first
	items   []T
}

// descending is the order that puts the highest number first.
func descending(a, b float32) int { return cmp.Compare(b, a) }

// full reports whether limit items are kept. Only then does last decide what else can be.
func (h *bounded[T]) full() bool { return len(h.items) == h.limit }

// last is the kept item that comes last in the order.
func (h *bounded[T]) last() T { return h.items[0] }

// sorted returns the kept items in their order, and ends the use of the heap.
func (h *bounded[T]) sorted() []T {
	slices.SortFunc(h.items, h.compare)
	return h.items
}

// add keeps the item, unless limit others come before it.
func (h *bounded[T]) add(item T) {
	switch {
	case !h.full():
		h.items = append(h.items, item)
		h.up(len(h.items) - 1)
	case h.compare(item, h.items[0]) < 0:
		h.items[0] = item
		h.down(0)
	}
}

func (h *bounded[T]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h.compare(h.items[i], h.items[parent]) <= 0 {
			return
		}
		h.items[i], h.items[parent] = h.items[parent], h.items[i]
		i = parent
	}
}

func (h *bounded[T]) down(i int) {
	for {
		last := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.items); child++ {
			if h.compare(h.items[child], h.items[last]) > 0 {
				last = child
			}
		}
		if last == i {
			return
		}
		h.items[i], h.items[last] = h.items[last], h.items[i]
		i = last
	}
}
