package index

import (
	"cmp"
	"slices"
	"strings"
)

// Fused is a candidate after fusion.
type Fused struct {
	// Hit has the fused score, 0..1.
	Hit
	// Vector and Keyword are the retrievers' own scores, nil where a retriever did not find the
	// chunk.
	Vector, Keyword *float64
}

// Fuse joins the retrievers' hits, best first, ties by id. It stretches each retriever's scores to
// 0..1, the lowest to 0 and the highest to 1 (all to 1 when they are equal), and weights them:
// alpha for the vector retriever, 1 - alpha for the keyword retriever. A hit that a retriever lacks
// scores 0 there. This is Weaviate's relativeScoreFusion. A retriever may name an id only once.
// With keyword nil and alpha 1, or vector nil and alpha 0, the other retriever alone decides the
// order.
func Fuse(vector, keyword []Hit, alpha float64) []Fused {
	fused := make([]Fused, 0, len(vector)+len(keyword))
	raw := make([]float64, 0, cap(fused)) // a copy, because the hits stay the caller's
	at := make(map[string]int, len(vector))
	stretch := stretchOf(vector)
	for i, h := range vector {
		at[h.ID] = i
		raw = append(raw, h.Score)
		h.Score = alpha * stretch(h.Score)
		fused = append(fused, Fused{Hit: h, Vector: &raw[len(raw)-1]})
	}
	stretch = stretchOf(keyword)
	for _, h := range keyword {
		i, both := at[h.ID]
		if !both {
			i = len(fused)
			fused = append(fused, Fused{Hit: Hit{ID: h.ID, Digest: h.Digest}})
		}
		raw = append(raw, h.Score)
		fused[i].Score += (1 - alpha) * stretch(h.Score)
		fused[i].Keyword = &raw[len(raw)-1]
	}
	slices.SortFunc(fused, func(a, b Fused) int {
		if byScore := cmp.Compare(b.Score, a.Score); byScore != 0 {
			return byScore
		}
		return strings.Compare(a.ID, b.ID)
	})
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
