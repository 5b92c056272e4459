package local

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// Vector returns the limit nearest chunks by cosine similarity, by a scan that compares exactly all that can be among
// them: see quantised and coarse.
func (s *Store) Vector(ctx context.Context, query []float32, limit int, filter *index.Filter) ([]index.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	one := &search{unit: vector.Unit(query), limit: limit, filter: filter}
	s.passes.do(one, s.pass)
	return one.hits, one.err
}

// pass makes the searches by one pass over the vectors.
func (s *Store) pass(all []*search) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	fitting := all[:0:0]
	for _, one := range all {
		switch one.err = nil; {
		case s.dimensions == 0:
		case len(one.unit) != s.dimensions:
			one.err = fmt.Errorf("search index: %w", index.DimensionMismatch(len(one.unit), s.dimensions))
		default:
			fitting = append(fitting, one)
		}
	}
	s.ranking.nearest(fitting)
}

// Keyword returns the limit best chunks by BM25 over the analysed question.
func (s *Store) Keyword(ctx context.Context, question string, limit int, filter *index.Filter) ([]index.Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	terms := index.Analyse(question)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.ranking.keyword(terms, limit, filter), nil
}

// nearest makes the searches, by cosine similarity.
func (r *ranking) nearest(all []*search) {
	scans := make([]*scan, 0, len(all))
	for _, one := range all {
		if one.limit > 0 && r.chunks() > 0 {
			scans = append(scans, &scan{query: one.unit, allowed: r.allowed(one.filter), best: r.top(one.limit), of: one})
		}
	}
	r.vectors.nearest(scans...)
	for _, s := range scans {
		s.of.hits = r.hits(s.best)
	}
}

// keyword ranks by BM25. It chooses by each score's part of what a score could be at most.
func (r *ranking) keyword(terms []string, limit int, filter *index.Filter) []index.Hit {
	if limit <= 0 || r.chunks() == 0 {
		return nil
	}
	sums := borrow[float64](&scores, len(r.entries))
	defer scores.Put(sums)
	live := corpus{chunks: r.chunks(), terms: r.terms, live: r.liveSet()}
	most := r.postings.score(*sums, terms, live, r.allowed(filter))
	best := r.top(limit)
	near := takeRoom(best.limit)
	defer rooms.Put(near)
	scale, least := 1/most, float32(math.SmallestNonzeroFloat32)
	for ordinal, score := range *sums {
		if part := float32(score * scale); part >= least { // one comparison, for zeros too: the processor predicts it
			near.kept = append(near.kept, bounded{ordinal: uint32(ordinal), upper: part})
			near.floor.add(part)
			least = max(least, near.floor.score)
		}
	}
	for _, b := range near.kept {
		if b.upper >= least {
			best.add(candidate{b.ordinal, (*sums)[b.ordinal]})
		}
	}
	return r.hits(best)
}

func (r *ranking) top(limit int) *top {
	limit = min(limit, len(r.entries))
	return &top{limit: limit, entries: r.entries, heap: make([]candidate, 0, limit)}
}

func (r *ranking) hits(best *top) []index.Hit {
	candidates := best.sorted()
	hits := make([]index.Hit, len(candidates))
	for i, c := range candidates {
		hits[i] = index.Hit{ID: r.entries[c.ordinal].id, Score: c.score, Digest: r.entries[c.ordinal].digest}
	}
	return hits
}

// Ranking needs room for what it finds of the chunks. These buffers are reused from question to question.
var (
	scores = sync.Pool{New: func() any { return new([]float64) }}
	rooms  = sync.Pool{New: func() any { return new(room) }}
)

// room is for the choice of the best.
type room struct {
	kept  []bounded // has the rows that can be among them, and some more
	floor floor
}

// bounded is a row with the bounds of its score.
type bounded struct {
	ordinal      uint32
	lower, upper float32
}

func takeRoom(limit int) *room {
	r := rooms.Get().(*room)
	r.kept = r.kept[:0]
	r.floor.reset(limit)
	return r
}

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

// candidate is a chunk with its score in one retriever, or with a bound of it.
type candidate struct {
	ordinal uint32
	score   float64
}

// top keeps the limit best candidates: a heap with the worst of them at its root.
type top struct {
	limit   int
	entries []entry // tell the ids of candidates with equal scores
	heap    []candidate
}

// worst is the lowest score of a candidate that add could keep.
func (t *top) worst() float64 {
	if len(t.heap) < t.limit {
		return math.Inf(-1)
	}
	return t.heap[0].score
}

// add keeps the candidate, unless limit others are better.
func (t *top) add(c candidate) {
	switch {
	case len(t.heap) < t.limit:
		t.heap = append(t.heap, c)
		t.up(c)
	case t.better(c, t.heap[0]):
		t.down(c)
	}
}

// sorted returns the kept candidates, best first. It ends the use of the heap.
func (t *top) sorted() []candidate {
	slices.SortFunc(t.heap, t.compare)
	return t.heap
}

// compare puts the higher score first, and of equal ones the lower id.
func (t *top) compare(a, b candidate) int {
	switch {
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	return strings.Compare(t.entries[a.ordinal].id, t.entries[b.ordinal].id)
}

// better reports whether a comes before b in the order of compare. It decides by the scores alone
// where it can, so that the compiler inlines it.
func (t *top) better(a, b candidate) bool {
	return a.score > b.score || a.score == b.score && t.compare(a, b) < 0
}

// up moves the last place of the heap up to where the candidate belongs.
func (t *top) up(c candidate) {
	i := len(t.heap) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !t.better(t.heap[parent], c) {
			break
		}
		t.heap[i] = t.heap[parent]
		i = parent
	}
	t.heap[i] = c
}

// down moves the root down to where the candidate, which replaces it, belongs.
func (t *top) down(c candidate) {
	heap, i := t.heap, 0
	for worse := 1; worse < len(heap); worse = 2*i + 1 {
		if other := worse + 1; other < len(heap) && t.better(heap[worse], heap[other]) {
			worse = other
		}
		if !t.better(c, heap[worse]) {
			break
		}
		heap[i] = heap[worse]
		i = worse
	}
	heap[i] = c
}
