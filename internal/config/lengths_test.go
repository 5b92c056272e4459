package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLengthsAreCountedInClasses(t *testing.T) {
	var l Lengths
	for _, n := range []int{100_000, 250, 251, 1, 70_000, 500} {
		l.Add(n)
	}
	want := Lengths{{UpTo: 250, Texts: 2, Characters: 251}, {UpTo: 500, Texts: 2, Characters: 751}, {Texts: 2, Characters: 170_000}}
	if diff := cmp.Diff(want, l); diff != "" {
		t.Error(diff)
	}
}

func TestChunksOfAnotherChunkingAreEstimated(t *testing.T) {
	long := Lengths{{UpTo: 64_000, Texts: 10, Characters: 400_000}}
	short := Lengths{{UpTo: 250, Texts: 30, Characters: 3_000}}
	now := Chunking{Size: 800, Overlap: 200, Unit: Characters}
	for _, c := range []struct {
		name     string
		lengths  Lengths
		n        int
		next     Chunking
		min, max int
	}{
		{"the same chunking gives the same", long, 777, now, 777, 777},
		{"half the size gives twice as many", long, 777, Chunking{Size: 400, Overlap: 100, Unit: Characters}, 1480, 1640},
		{"twice the size gives half as many", long, 777, Chunking{Size: 1600, Overlap: 400, Unit: Characters}, 370, 410},
		{"short texts stay whole", short, 30, Chunking{Size: 400, Overlap: 100, Unit: Characters}, 30, 30},
		{"tokens are longer than characters", long, 777, Chunking{Size: 190, Overlap: 48, Unit: Tokens}, 750, 805},
		{"an overlap beyond what a chunk holds on average", long, 777, Chunking{Size: 100, Overlap: 99, Unit: Characters}, 777, 1 << 20},
		{"nothing is known", nil, 777, Chunking{Size: 400, Unit: Characters}, 0, 0},
	} {
		if got := c.lengths.Chunks(c.n, now, c.next); got < c.min || got > c.max {
			t.Errorf("%s: %d, want %d to %d", c.name, got, c.min, c.max)
		}
	}
}
