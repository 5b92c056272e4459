package local

import (
	"context"
	"fmt"

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
		return nil, fmt.Errorf("search index: %w: %d, not %d: the embedding model is not the one that built the index",
			index.ErrDimensions, len(query), s.dimensions)
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
	best := r.top(limit)
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
	r.postings.score(*sums, terms, corpus{chunks: r.chunks(), terms: r.terms, alive: r.living()}, r.allowed(filter))
	best := r.top(limit)
	for ordinal, score := range *sums {
		if score > 0 {
			best.add(candidate{uint32(ordinal), score})
		}
	}
	return r.hits(best)
}

func (r *ranking) top(limit int) *top {
	limit = min(limit, len(r.entries))
	return &top{limit: limit, entries: r.entries, heap: make([]candidate, 0, limit)}
}

func (r *ranking) hits(best *top) []index.Hit {
	candidates := best.best()
	hits := make([]index.Hit, len(candidates))
	for i, c := range candidates {
		hits[i] = index.Hit{ID: r.entries[c.ordinal].id, Score: c.score, Digest: r.entries[c.ordinal].digest}
	}
	return hits
}
