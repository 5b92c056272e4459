package index

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
)

// Fused is a candidate after fusion.
type Fused struct {
	// Hit has the fused score, 0..1.
	Hit
	// Vector and Keyword are the retrievers' own scores, in their hits; nil where a retriever did not
	// find the chunk.
	Vector, Keyword *float64
}

// Fuse joins the retrievers' hits, best first, ties by id. It stretches each retriever's scores to
// 0..1, the lowest to 0 and the highest to 1 (all to 1 when they are equal), and weights them:
// alpha for the vector retriever, 1 - alpha for the keyword retriever. A hit that a retriever lacks
// scores 0 there. This is Weaviate's relativeScoreFusion. A retriever may name an id only once.
// With keyword nil and alpha 1, or vector nil and alpha 0, the other retriever alone decides the
// order.
func Fuse(vector, keyword []Hit, alpha float64) []Fused {
	pairs := make([]pair, len(vector), len(vector)+len(keyword))
	stretch := stretchOf(vector)
	for i := range vector {
		pairs[i] = pair{alpha * stretch(vector[i].Score), int32(i), -1}
	}
	stretch = stretchOf(keyword)
	found := placesOf(vector)
	for i := range keyword {
		j := found.of(keyword[i].ID)
		if j < 0 {
			j = len(pairs)
			pairs = append(pairs, pair{vector: -1})
		}
		pairs[j].score += (1 - alpha) * stretch(keyword[i].Score)
		pairs[j].keyword = int32(i)
	}
	return joined(pairs, vector, keyword)
}

// places finds hits by their ids. It is a hash table, since a map takes several times as long to fill and to free.
type places struct {
	hits []Hit
	// slots have the place of a hit, plus one, where its hash says or at the next free one. They are a power of two.
	slots []int32
}

var placesSeed = maphash.MakeSeed()

func placesOf(hits []Hit) places {
	p := places{hits, make([]int32, 1<<bits.Len(uint(2*len(hits))))}
	for i := range hits {
		*p.slot(hits[i].ID) = int32(i + 1)
	}
	return p
}

// of is the place of the hit with the id, or -1.
func (p places) of(id string) int { return int(*p.slot(id)) - 1 }

// slot is where the id's place is or goes.
func (p places) slot(id string) *int32 {
	for i := maphash.String(placesSeed, id); ; i++ {
		slot := &p.slots[i&uint64(len(p.slots)-1)]
		if *slot == 0 || p.hits[*slot-1].ID == id {
			return slot
		}
	}
}

// pair is a candidate's fused score and where the retrievers have it, -1 where one has not.
type pair struct {
	score           float64
	vector, keyword int32
}

// joined are the pairs, best first. It sorts the pairs because they are a third of the result.
func joined(pairs []pair, vector, keyword []Hit) []Fused {
	hit := func(p pair) *Hit {
		if p.vector >= 0 {
			return &vector[p.vector]
		}
		return &keyword[p.keyword]
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return strings.Compare(hit(a).ID, hit(b).ID)
	})
	fused := make([]Fused, len(pairs))
	for i, p := range pairs {
		h := hit(p)
		fused[i].Hit = Hit{ID: h.ID, Score: p.score, Digest: h.Digest}
		if p.vector >= 0 {
			fused[i].Vector = &vector[p.vector].Score
		}
		if p.keyword >= 0 {
			fused[i].Keyword = &keyword[p.keyword].Score
		}
	}
	return fused
}

// stretchOf is the linear map that takes the hits' scores to 0..1.
func stretchOf(hits []Hit) func(float64) float64 {
	if len(hits) == 0 {
		return nil
	}
	lowest, highest := hits[0].Score, hits[0].Score
	for _, h := range hits {
		lowest, highest = min(lowest, h.Score), max(highest, h.Score)
	}
	if lowest == highest {
		return func(float64) float64 { return 1 }
	}
	return func(score float64) float64 { return (score - lowest) / (highest - lowest) }
}
