package index

import (
	"cmp"
	"slices"
	"strings"
)

// Fused is a candidate after fusion.
type Fused struct {
	// Hit's Score is the fused one, 0..1.
	Hit
	// Vector and Keyword are the legs' own scores, nil where the leg has no such hit.
	Vector, Keyword *float64
}

// Fuse joins the legs' hits, best first, ties by id. Each leg's scores are stretched to 0..1, its lowest to 0
// and its highest to 1 (all to 1 when they are equal), and weighed: alpha for the vector leg, 1 - alpha for the
// keyword leg. A leg that lacks a hit gives it 0. That is Weaviate's relativeScoreFusion. A leg holds an id
// once. With the keyword leg nil and alpha 1, or the vector leg nil and alpha 0, it ranks by the other alone.
func Fuse(vector, keyword []Hit, alpha float64) []Fused {
	fused := make([]Fused, 0, len(vector)+len(keyword))
	raw := make([]float64, 0, cap(fused)) // apart from the legs, which stay the caller's
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
