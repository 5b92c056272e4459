package local

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/vector"
)

func needsKernel(t *testing.T) {
	t.Helper()
	if !hasKernel {
		t.Skip("this processor has no kernel for the scan of quantised rows")
	}
}

// eachKernel runs a test with each kernel that this processor has.
func eachKernel(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	needsKernel(t)
	if hasVNNI {
		t.Run("VNNI", test)
		hasVNNI = false
		defer func() { hasVNNI = true }()
	}
	t.Run("AVX2", test)
}

func TestScanEqualsALoop(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		for _, width := range []int{kernelWidth, 2 * kernelWidth, 3 * kernelWidth, 1024, 4096, 65536} {
			for _, n := range []int{1, 2, 7} {
				rows, unit := make([]int8, n*width), make([]float32, width)
				extreme := random.IntN(2) == 0
				for i := range rows {
					if rows[i] = int8(random.IntN(255) - 127); extreme {
						rows[i] = 127
					}
				}
				kinds[[]string{"dense", "all alike", "many equal"}[random.IntN(3)]](random, unit)
				vector.Normalise(unit)
				query := newQuantisedQuery(unit, width)
				want, got := make([]int32, n), make([]int32, n)
				for r := range n {
					for i := range width {
						want[r] += int32(rows[r*width+i]) * int32(query.values[i])
					}
				}
				scanQuantised(got, rows, &query)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("width %d, %d rows (-want +got):\n%s", width, n, diff)
				}
			}
		}
		scanQuantised(nil, nil, &quantisedQuery{})
	})
}

// vectors of the kinds that the bound has to hold for.
var kinds = map[string]func(random *rand.Rand, v []float32){
	"dense": func(random *rand.Rand, v []float32) {
		for i := range v {
			v[i] = float32(random.NormFloat64())
		}
	},
	"a few large values": func(random *rand.Rand, v []float32) {
		for i := range v {
			v[i] = float32(random.NormFloat64() * 1e-3)
		}
		v[random.IntN(len(v))] = 1
	},
	"all alike": func(random *rand.Rand, v []float32) {
		for i := range v {
			v[i] = 1 + float32(random.NormFloat64()*1e-4)
		}
	},
	"many equal": func(random *rand.Rand, v []float32) {
		clear(v)
		v[random.IntN(min(3, len(v)))] = 1
	},
	"some zero": func(random *rand.Rand, v []float32) {
		clear(v)
		if random.IntN(3) > 0 {
			v[random.IntN(len(v))] = -2
		}
	},
	"tiny": func(random *rand.Rand, v []float32) {
		for i := range v {
			v[i] = float32(random.NormFloat64() * 1e-30)
		}
	},
}

func TestErrorBoundHolds(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 4))
		for name, kind := range kinds {
			for _, dimensions := range []int{1, 3, 63, 64, 65, 384, 1024} {
				for range 50 {
					q, x := make([]float32, dimensions), make([]float32, dimensions)
					kind(random, q)
					kind(random, x)
					vector.Normalise(q)
					vector.Normalise(x)
					z := newQuantised(make([]int8, widthOf(dimensions)), 1)
					z.set(0, x)
					query, sums := newQuantisedQuery(q, z.width), make([]int32, 1)
					scanQuantised(sums, z.values, &query)
					base, slope := query.errorBound(dimensions)
					score, bound := float32(sums[0])*z.scales[0], base+slope*z.errors[0]
					if exact := compared(q, x); exact < score-bound || exact > score+bound {
						t.Fatalf("%s, %d dimensions: %v is not within %v of %v", name, dimensions, exact, bound, score)
					}
				}
			}
		}
	})
}

// The nearest rows are exactly those of a scan that compares every row.
func TestNearestIsExact(t *testing.T) {
	for name, kind := range kinds {
		for _, size := range []struct{ dimensions, rows int }{{1, 700}, {5, 700}, {64, 700}, {300, 700}, {300, coarseRows + 700}} {
			t.Run(fmt.Sprintf("%s/%d rows of %d", name, size.rows, size.dimensions), func(t *testing.T) {
				dimensions, rows := size.dimensions, uint32(size.rows)
				random := rand.New(rand.NewPCG(5, uint64(dimensions)))
				var m matrix
				entries := make([]entry, rows)
				for i := range entries {
					entries[i].id = fmt.Sprintf("%08x", random.Uint32())
					v := make([]float32, dimensions)
					kind(random, v)
					vector.Normalise(v)
					one := newBlock(dimensions, 1)
					one.add(0, v)
					m.append(&one, 1)
				}
				for _, limit := range []int{1, 10, size.rows - 1, size.rows} {
					for _, allowed := range []bitset{nil, every(7, rows), every(350, rows), newBitset(size.rows)} {
						q := make([]float32, dimensions)
						kind(random, q)
						vector.Normalise(q)
						want := bruteNearest(&m, entries, q, allowed, limit)
						best := top{limit: limit, entries: entries}
						m.nearest(&scan{query: q, allowed: allowed, best: &best})
						if diff := cmp.Diff(want, best.sorted(), cmp.AllowUnexported(candidate{})); diff != "" {
							t.Fatalf("limit %d (-want +got):\n%s", limit, diff)
						}
					}
				}
			})
		}
	}
}

func every(step, n uint32) bitset {
	b := newBitset(int(n))
	for i := uint32(0); i < n; i += step {
		b.set(i)
	}
	return b
}

// compared is the similarity of a row as nearest computes it.
func compared(q, row []float32) float32 {
	if !hasKernel {
		return dot(q, row)
	}
	var sums [4]float32
	dotFour(&sums, q, &[4][]float32{row, row, row, row})
	return sums[0]
}

func TestFourRowsAtOnceEqualALoop(t *testing.T) {
	needsKernel(t)
	random := rand.New(rand.NewPCG(11, 12))
	for _, width := range []int{1, 15, 16, 17, 32, 384, 1000, 1024} {
		vectors := make([][]float32, 5)
		for i := range vectors {
			vectors[i] = make([]float32, width)
			kinds["dense"](random, vectors[i])
			vector.Normalise(vectors[i])
		}
		sums := [4]float32{7, 7, 7, 7}
		dotFour(&sums, vectors[4], (*[4][]float32)(vectors))
		for i := range sums {
			want := 0.0
			for j := range width {
				want += float64(vectors[4][j]) * float64(vectors[i][j])
			}
			if math.Abs(float64(sums[i])-want) > 1e-6 {
				t.Errorf("width %d, row %d: %v, want %v", width, i, sums[i], want)
			}
			if alone := compared(vectors[4], vectors[i]); alone != sums[i] {
				t.Errorf("width %d, row %d: %v beside others, %v alone", width, i, sums[i], alone)
			}
		}
	}
}

// bruteNearest sorts all rows.
func bruteNearest(m *matrix, entries []entry, q []float32, allowed bitset, limit int) []candidate {
	var all []candidate
	for i := range uint32(m.rows) {
		if allowed == nil || allowed.has(i) {
			all = append(all, candidate{i, float64(compared(q, m.row(i)))})
		}
	}
	slices.SortFunc(all, (&top{entries: entries}).compare)
	return all[:min(limit, len(all))]
}

func TestTopKeepsTheBest(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	entries := make([]entry, 100)
	for i := range entries {
		entries[i].id = fmt.Sprintf("%08x", random.Uint32())
	}
	for limit := 1; limit < 20; limit++ {
		kept := top{limit: limit, entries: entries}
		var all []candidate
		for i := range entries {
			c := candidate{uint32(i), float64(random.IntN(40))}
			lowest := math.Inf(-1)
			if len(all) >= limit {
				lowest = all[limit-1].score
			}
			if kept.worst() != lowest {
				t.Fatalf("scores from %v on are kept, with %v as the lowest of %d", kept.worst(), lowest, limit)
			}
			all = append(all, c)
			kept.add(c)
			slices.SortFunc(all, kept.compare)
		}
		if diff := cmp.Diff(all[:limit], kept.sorted(), cmp.AllowUnexported(candidate{})); diff != "" {
			t.Fatalf("limit %d (-want +got):\n%s", limit, diff)
		}
	}
}
