package local

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/vector"
)

func unitOf(kind string, random *rand.Rand, dimensions int) []float32 {
	v := make([]float32, dimensions)
	kinds[kind](random, v)
	vector.Normalise(v)
	return v
}

func TestCoarseScanEqualsALoop(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 3))
		for _, width := range []int{kernelWidth, 2 * kernelWidth, 3 * kernelWidth, 1024, 4096, 65536} {
			for _, n := range []int{1, 2, 7} {
				rows, query := make([]uint8, n*width/2), make([]int8, width)
				extreme := random.IntN(2) == 0
				for i := range rows {
					if rows[i] = uint8(random.Uint32()); extreme {
						rows[i] = 0xFF
					}
				}
				for i := range query {
					if query[i] = int8(random.IntN(255) - 127); extreme {
						query[i] = 127
					}
				}
				want, got := make([]int32, n), make([]int32, n)
				for r := range n {
					for i := range width {
						b := rows[r*width/2+i/kernelWidth*kernelWidth/2+i%(kernelWidth/2)]
						if i%kernelWidth >= kernelWidth/2 {
							b >>= 4
						}
						want[r] += int32(b&15) * int32(query[i])
					}
				}
				scanCoarse(got, rows, query)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("width %d, %d rows (-want +got):\n%s", width, n, diff)
				}
			}
		}
		scanCoarse(nil, nil, nil)
	})
}

// A coarse score is as exact as its bound promises, whatever the vectors are: alike and regular ones, too, whose errors
// would add up without the dither.
func TestCoarseBoundHolds(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 5))
		for kind := range kinds {
			for _, dimensions := range []int{1, 3, 64, 129, 384, 1024} {
				squares, trials := 0.0, 0
				for range 100 {
					q, x := unitOf(kind, random, dimensions), unitOf(kind, random, dimensions)
					z := newQuantised(make([]int8, widthOf(dimensions)), 1)
					z.coarse = newCoarse(newDither(dimensions), make([]uint8, widthOf(dimensions)/2))
					z.set(0, x)
					z.coarsen(0, x)
					s, sums := scan{query: q, coarse: newCoarseQuery(q, z.coarse.dither)}, make([]int32, 1)
					r := z.read(sums, &s, dimensions)
					score := (float32(sums[0]) + r.offset) * r.factor * r.scales[0]
					bound := r.base + r.slope*r.errors[0]
					exact := compared(q, x)
					if diff := math.Abs(float64(exact - score)); diff > float64(bound) {
						t.Fatalf("%s, %d dimensions: %v is not within %v of %v", kind, dimensions, score, bound, exact)
					} else if bound > 0 {
						squares += math.Pow(coarseDeviations*diff/float64(bound), 2)
						trials++
					}
				}
				if deviation := math.Sqrt(squares / float64(trials)); deviation > 1.2 {
					t.Errorf("%s, %d dimensions: the errors deviate %v times as much as they should", kind, dimensions, deviation)
				}
			}
		}
	})
}

// However rows come into a matrix and move in it, each has its own coarse form.
func TestCoarseRowsFollowTheirRows(t *testing.T) {
	needsKernel(t)
	const dimensions, loaded, added = 65, coarseRows - 100, 400
	random := rand.New(rand.NewPCG(7, 9))
	for _, reserves := range []bool{true, false} {
		t.Run(fmt.Sprintf("reserved %v", reserves), func(t *testing.T) {
			var m matrix
			if reserves {
				load(&m, random, loaded, dimensions)
			}
			for m.rows < loaded+added {
				one := newBlock(dimensions, 1)
				one.add(0, unitOf("dense", random, dimensions))
				m.append(&one, 1)
			}
			checkCoarse(t, &m)
			var kept []uint32
			for i := uint32(0); i < loaded+added; i += 3 {
				kept = append(kept, i)
			}
			m.keep(kept)
			checkCoarse(t, &m)
		})
	}
}

// load fills the matrix as an index is loaded.
func load(m *matrix, random *rand.Rand, rows, dimensions int) {
	room := reserve(rows, dimensions)
	for m.rows < rows {
		b, n := room.block(), min(blockRows, rows-m.rows)
		for i := range n {
			b.rows = append(b.rows, unitOf("dense", random, dimensions)...)
			b.normalise(i, dimensions)
		}
		m.append(&b, n)
	}
}

func checkCoarse(t *testing.T, m *matrix) {
	t.Helper()
	if m.dither == nil {
		t.Fatalf("%d rows have no coarse form", m.rows)
	}
	width := widthOf(m.dimensions) / 2
	for i := range uint32(m.rows) {
		z := &m.blocks[i/blockRows].quantised
		want := newCoarse(m.dither, make([]uint8, width))
		want.set(0, m.row(i), z.scales[i%blockRows]*queryLevels)
		from := int(i%blockRows) * width
		if diff := cmp.Diff(want.values, z.coarse.values[from:from+width]); diff != "" {
			t.Fatalf("row %d of %d (-want +got):\n%s", i, m.rows, diff)
		}
	}
}
