package local

import "math"

// coarse is a block in a quarter of its size: each value as a whole number of steps, -127..127. Scanning it
// first tells which rows can be among the nearest at all, and only those are compared exactly. Scanning a large
// matrix takes as long as reading it from memory, so that is what makes the exact search quick.
//
// Let x be a row, x' what its steps stand for, and e = |x - x'| what they lost; likewise query q, q' and d. Then
//
//	|q.x - q'.x'| <= |q|.|x - x'| + |q - q'|.|x'| <= e + d.(1 + e)
//
// by Cauchy and Schwarz, for q and x of length at most 1. A row whose upper bound is below the limit-th best
// lower bound is not among the limit nearest.
type coarse struct {
	width int       // of a row of steps: the dimensions, rounded up to what the kernel reads at once
	steps []int8    // of all rows that there is room for
	step  []float32 // what a step is worth, by row
	lost  []float32 // e, by row
}

func newCoarse(dimensions, capacity int) coarse {
	if !coarseKernel {
		return coarse{}
	}
	width := (dimensions + kernelWidth - 1) / kernelWidth * kernelWidth
	return coarse{width, make([]int8, capacity*width), make([]float32, capacity), make([]float32, capacity)}
}

// copy makes the other's j-th row the block's i-th.
func (c *coarse) copy(i int, other *coarse, j int) {
	if !coarseKernel {
		return
	}
	copy(c.steps[i*c.width:][:c.width], other.steps[j*c.width:])
	c.step[i], c.lost[i] = other.step[j], other.lost[j]
}

// set makes the unit vector the block's i-th row.
func (c *coarse) set(i int, unit []float32) {
	if !coarseKernel {
		return
	}
	var largest float32
	for _, x := range unit {
		largest = max(largest, x, -x)
	}
	step := largest / math.MaxInt8
	c.step[i], c.lost[i] = step, 0
	steps := c.steps[i*c.width:][:len(unit)]
	if step == 0 {
		clear(steps)
		return
	}
	var lost float64
	for j, x := range unit {
		s := nearestInt(x / step)
		steps[j] = int8(s)
		d := float64(x) - float64(s)*float64(step)
		lost += d * d
	}
	c.lost[i] = float32(math.Sqrt(lost))
}

// nearestInt rounds, halves away from zero.
func nearestInt(x float32) int32 {
	if x < 0 {
		return int32(x - 0.5)
	}
	return int32(x + 0.5)
}

// coarseQuery is a query in steps of 1/querySteps. Its values are at most 1, so that they fit 16 bits; the sum
// of products with a row is at most querySteps.127.sqrt(width), which fits 32 bits up to a million dimensions.
type coarseQuery struct {
	steps []int16
	lost  float32
}

const querySteps = 1 << 14

func newCoarseQuery(unit []float32, width int) coarseQuery {
	q := coarseQuery{steps: make([]int16, width)}
	var lost float64
	for i, x := range unit {
		s := nearestInt(x * querySteps)
		q.steps[i] = int16(s)
		d := float64(x) - float64(s)/querySteps
		lost += d * d
	}
	q.lost = float32(math.Sqrt(lost))
	return q
}

// score is q'.x' for row i, from the sum of products of steps.
func (c *coarse) score(i int, sum int32) float32 { return float32(sum) * (c.step[i] / querySteps) }

// slack is how far row i's exact score can be from its coarse one. The last term covers what float32 rounds in
// either: 2^-24 for each addition of the exact score, and as much again.
func (c *coarse) slack(i int, queryLost float32, dimensions int) float32 {
	return c.lost[i] + queryLost*(1+c.lost[i]) + float32(dimensions+16)/(1<<23)
}

// nearestCoarse is nearest by way of the coarse blocks.
func (m *matrix) nearestCoarse(query []float32, allowed bitset, best *top) {
	if m.rows == 0 {
		return
	}
	uppers := borrow[float32](&bounds, m.rows)
	defer bounds.Put(uppers)
	lowest := lowestOf{limit: best.limit}
	q := newCoarseQuery(query, m.blocks[0].coarse.width)
	var sums [blockRows]int32
	for i := range m.blocks {
		c := &m.blocks[i].coarse
		from := i * blockRows
		rows := min(blockRows, m.rows-from)
		if !allowed.any(from, rows) {
			continue // its bounds stay 0, and nobody asks for them
		}
		scanCoarse(sums[:rows], c.steps, q.steps)
		for j := range rows {
			score, slack := c.score(j, sums[j]), c.slack(j, q.lost, m.dimensions)
			(*uppers)[from+j] = score + slack
			if allowed == nil || allowed.has(uint32(from+j)) {
				lowest.add(score - slack)
			}
		}
	}
	m.rescore(query, *uppers, lowest.value(), allowed, best)
}

// rescore offers the allowed rows whose upper bound is at least the lowest score that can be among the best.
func (m *matrix) rescore(query, uppers []float32, lowest float32, allowed bitset, best *top) {
	for i, upper := range uppers {
		if ordinal := uint32(i); upper >= lowest && (allowed == nil || allowed.has(ordinal)) {
			best.add(candidate{ordinal, float64(dot(query, m.row(ordinal)))})
		}
	}
}

// lowestOf keeps the limit highest values that it is given, in a heap with the lowest at its root.
type lowestOf struct {
	limit int
	heap  []float32
}

func (l *lowestOf) add(x float32) {
	if len(l.heap) < l.limit {
		l.heap = append(l.heap, x)
		for i := len(l.heap) - 1; i > 0 && l.heap[i] < l.heap[(i-1)/2]; i = (i - 1) / 2 {
			l.heap[i], l.heap[(i-1)/2] = l.heap[(i-1)/2], l.heap[i]
		}
		return
	}
	if x <= l.heap[0] {
		return
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(l.heap) {
			break
		}
		if child+1 < len(l.heap) && l.heap[child+1] < l.heap[child] {
			child++
		}
		if x <= l.heap[child] {
			break
		}
		l.heap[i] = l.heap[child]
		i = child
	}
	l.heap[i] = x
}

// value is the lowest of the limit highest values; minus infinity when there were fewer.
func (l *lowestOf) value() float32 {
	if len(l.heap) < l.limit {
		return float32(math.Inf(-1))
	}
	return l.heap[0]
}
