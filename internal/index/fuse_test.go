package index

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestFuse(t *testing.T) {
	hit := func(id string, score float64) Hit { return Hit{ID: id, Score: score, Digest: uint64(id[0])} }
	fused := func(id string, score float64, vector, keyword *float64) Fused {
		return Fused{hit(id, score), vector, keyword}
	}
	for name, test := range map[string]struct {
		vector, keyword []Hit
		alpha           float64
		want            []Fused
	}{
		"no retriever has a hit": {nil, nil, 0.5, []Fused{}},
		"each retriever's scores are stretched to 0..1 and weighted": {
			[]Hit{hit("a", 0.9), hit("b", 0.8), hit("c", 0.5)}, []Hit{hit("c", 12), hit("b", 6), hit("d", 4)}, 0.5,
			[]Fused{
				fused("a", 0.5, new(0.9), nil), fused("b", 0.5*0.75+0.5*0.25, new(0.8), new(6.0)),
				fused("c", 0.5, new(0.5), new(12.0)), fused("d", 0, nil, new(4.0)),
			},
		},
		"the weight is on the vector side": {
			[]Hit{hit("a", 1), hit("b", 0)}, []Hit{hit("b", 2), hit("a", 1)}, 0.8,
			[]Fused{fused("a", 0.8, new(1.0), new(1.0)), fused("b", 0.2, new(0.0), new(2.0))},
		},
		"equal scores of a retriever have full weight": {
			[]Hit{hit("a", 0.3), hit("b", 0.3)}, []Hit{hit("b", 7)}, 0.5,
			[]Fused{fused("b", 1, new(0.3), new(7.0)), fused("a", 0.5, new(0.3), nil)},
		},
		"the vector retriever alone": {
			[]Hit{hit("a", 0.9), hit("b", 0.7), hit("c", -0.1)}, nil, 1,
			[]Fused{fused("a", 1, new(0.9), nil), fused("b", 0.8, new(0.7), nil), fused("c", 0, new(-0.1), nil)},
		},
		"the keyword retriever alone": {
			nil, []Hit{hit("a", 9), hit("b", 5)}, 0,
			[]Fused{fused("a", 1, nil, new(9.0)), fused("b", 0, nil, new(5.0))},
		},
		"a retriever without hits keeps its weight": {
			nil, []Hit{hit("a", 9)}, 0.7,
			[]Fused{fused("a", 0.3, nil, new(9.0))},
		},
		"ties are ordered by id": {
			[]Hit{hit("c", 1), hit("b", 1)}, []Hit{hit("d", 1), hit("a", 1)}, 0.5,
			[]Fused{
				fused("a", 0.5, nil, new(1.0)), fused("b", 0.5, new(1.0), nil),
				fused("c", 0.5, new(1.0), nil), fused("d", 0.5, nil, new(1.0)),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Fuse(test.vector, test.keyword, test.alpha)
			if diff := cmp.Diff(test.want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFuseProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	randomHits := func() (hits []Hit) {
		for _, i := range random.Perm(60)[:random.IntN(60)] {
			hits = append(hits, Hit{ID: fmt.Sprint(i), Score: float64(random.IntN(10)) - 5})
		}
		return hits
	}
	for range 200 {
		vector, keyword, alpha := randomHits(), randomHits(), random.Float64()
		before := append(append([]Hit{}, vector...), keyword...)
		fused := Fuse(vector, keyword, alpha)
		if diff := cmp.Diff(before, append(append([]Hit{}, vector...), keyword...)); diff != "" {
			t.Fatalf("the arguments were changed: %s", diff)
		}
		seen := map[string]bool{}
		for i, f := range fused {
			seen[f.ID] = true
			if f.Score < 0 || f.Score > 1 || f.Vector == nil && f.Keyword == nil {
				t.Fatalf("%+v", f)
			}
			if i > 0 && (fused[i-1].Score < f.Score || fused[i-1].Score == f.Score && fused[i-1].ID >= f.ID) {
				t.Fatalf("%+v comes before %+v", fused[i-1], f)
			}
		}
		for _, h := range before {
			if !seen[h.ID] {
				t.Fatalf("%s was lost", h.ID)
			}
		}
		if len(seen) != len(fused) {
			t.Fatalf("%d hits, %d ids", len(fused), len(seen))
		}
	}
}

func BenchmarkFuse(b *testing.B) {
	var vector, keyword []Hit
	for i := range 100 {
		vector = append(vector, Hit{ID: fmt.Sprintf("%036d", i*7919%1000), Score: float64(100 - i)})
		keyword = append(keyword, Hit{ID: fmt.Sprintf("%036d", i*6007%1000), Score: float64(100 - i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		Fuse(vector, keyword, 0.5)
	}
}
