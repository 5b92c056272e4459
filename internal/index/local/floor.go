package local

import "math"

// floorSteps is how finely a floor tells scores apart: half as many steps from 0 to 1.
const floorSteps = 2048

// floor is a score that at least limit of the scores so far reach: about the limit-th best of them. It only counts the
// scores of each step from -1 to 1, which takes a third of the time of a heap of the best.
type floor struct {
	limit  int
	counts [floorSteps]int32
	step   int     // is the step of the floor
	above  int     // counts the scores in that step and above it
	score  float32 // is the floor: -Inf in the first step, which has all that is lower
}

// reset begins anew.
func (f *floor) reset(limit int) { *f = floor{limit: limit, score: float32(math.Inf(-1))} }

// add counts a score, and raises the floor if it can.
func (f *floor) add(score float32) {
	step := min(max(int((score+1)*(floorSteps/2)), 0), floorSteps-1)
	if step < f.step {
		return
	}
	f.counts[step]++
	f.above++
	for below := int(f.counts[f.step]); f.above-below >= f.limit; below = int(f.counts[f.step]) {
		f.above -= below
		f.step++
		// What is added to a score before it is rounded down may lift it into the next step by a rounding error.
		f.score = float32(f.step)/(floorSteps/2) - 1 - 1./(1<<22)
	}
}
