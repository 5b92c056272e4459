package local

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// At least limit of the scores reach the floor, and about as many: those of the next step do not.
func TestFloorIsJustBelowTheBest(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	scores := map[string]func() float32{
		"anywhere":     func() float32 { return random.Float32()*2 - 1 },
		"near another": func() float32 { return 0.7 + float32(random.NormFloat64())*1e-3 },
		"on steps":     func() float32 { return float32(random.IntN(floorSteps+1))/(floorSteps/2) - 1 },
		"below steps":  func() float32 { return math.Nextafter32(float32(random.IntN(floorSteps))/(floorSteps/2)-1, -2) },
		"around zero":  func() float32 { return float32(random.NormFloat64()) * 1e-30 },
		"beyond 1":     func() float32 { return float32(random.NormFloat64()) },
		"equal":        func() float32 { return 0.25 },
	}
	for name, score := range scores {
		for range 200 {
			var f floor
			f.reset(1 + random.IntN(120))
			var all []float32
			for n := range 1 + random.IntN(2000) {
				all = append(all, score())
				if f.add(all[n]); n+1 < f.limit && f.score != float32(math.Inf(-1)) {
					t.Fatalf("%s: the floor is %v after %d of %d scores", name, f.score, n+1, f.limit)
				}
			}
			if len(all) < f.limit {
				continue
			}
			slices.SortFunc(all, func(a, b float32) int { return cmp.Compare(b, a) })
			last := all[f.limit-1]
			if f.score > last {
				t.Errorf("%s: the floor %v is above %v, the best but %d", name, f.score, last, f.limit-1)
			}
			if step := float32(2) / floorSteps; last < 1 && last > step-1 && f.score < last-2*step {
				t.Errorf("%s: the floor %v is more than two steps below %v", name, f.score, last)
			}
		}
	}
}
