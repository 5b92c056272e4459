package local

import (
	"slices"
	"strings"
)

// candidate is a chunk with its score in one leg.
type candidate struct {
	ordinal uint32
	score   float64
}

// top keeps the limit best candidates: a heap with the worst at its root.
type top struct {
	limit   int
	entries []entry // for ids, which break ties
	heap    []candidate
}

func (t *top) add(c candidate) {
	switch {
	case len(t.heap) < t.limit:
		t.heap = append(t.heap, c)
		t.up(len(t.heap) - 1)
	case c.score >= t.heap[0].score && t.compare(c, t.heap[0]) < 0:
		t.heap[0] = c
		t.down(0)
	}
}

// best empties the heap, best first.
func (t *top) best() []candidate {
	slices.SortFunc(t.heap, t.compare)
	return t.heap
}

// compare orders the better candidate first.
func (t *top) compare(a, b candidate) int {
	switch {
	case a.score > b.score:
		return -1
	case a.score < b.score:
		return 1
	}
	return strings.Compare(t.entries[a.ordinal].id, t.entries[b.ordinal].id)
}

func (t *top) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if t.compare(t.heap[i], t.heap[parent]) <= 0 {
			return
		}
		t.heap[i], t.heap[parent] = t.heap[parent], t.heap[i]
		i = parent
	}
}

func (t *top) down(i int) {
	for {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(t.heap); child++ {
			if t.compare(t.heap[child], t.heap[worst]) > 0 {
				worst = child
			}
		}
		if worst == i {
			return
		}
		t.heap[i], t.heap[worst] = t.heap[worst], t.heap[i]
		i = worst
	}
}
