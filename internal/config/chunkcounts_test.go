package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sampled is of a text of 100,000 characters without any place to cut: a chunk is as long as it may be.
func sampled() ChunkCounts {
	c := NewChunkCounts()
	for i, size := range SampleSizes {
		for j, overlap := range SampleOverlaps {
			chunking := SampleChunking(size, overlap)
			c[i].Chunks[j] = 1 + (100_000-chunking.Size)/(chunking.Size-chunking.Overlap)
		}
	}
	return c
}

func TestChunksOfAnotherChunkingAreEstimated(t *testing.T) {
	now := Chunking{Size: 800, Overlap: 200, Unit: Characters}
	for _, c := range []struct {
		name     string
		counts   ChunkCounts
		next     Chunking
		min, max int
	}{
		{"the same", sampled(), now, 166, 166},
		{"half the size", sampled(), Chunking{Size: 400, Overlap: 100, Unit: Characters}, 325, 341},
		{"twice the size", sampled(), Chunking{Size: 1600, Overlap: 400, Unit: Characters}, 80, 86},
		{"no overlap", sampled(), Chunking{Size: 800, Unit: Characters}, 121, 129},
		{"beyond what was sampled", sampled(), Chunking{Size: 6800, Overlap: 1700, Unit: Characters}, 17, 22},
		{"below what was sampled", sampled(), Chunking{Size: 100, Unit: Characters}, 970, 1030},
		{"tokens are longer than characters", sampled(), Chunking{Size: 190, Overlap: 48, Unit: Tokens}, 160, 175},
		{"no sample", nil, now, 0, 0},
		{"an empty sample", NewChunkCounts(), now, 0, 0},
		{"a sample of another version", sampled()[1:], now, 0, 0},
	} {
		if got := c.counts.Chunks(166, now, c.next); got < c.min || got > c.max {
			t.Errorf("%s: %d, want %d to %d", c.name, got, c.min, c.max)
		}
	}
}

func TestSamplesAddUp(t *testing.T) {
	one := sampled()
	if sum := one.Add(sampled()); sum[3].Chunks[2] != 2*one[3].Chunks[2] {
		t.Errorf("%d and %d are %d", one[3].Chunks[2], one[3].Chunks[2], sum[3].Chunks[2])
	}
	for _, sum := range []ChunkCounts{one.Add(nil), ChunkCounts(nil).Add(one)} {
		if diff := cmp.Diff(one, sum); diff != "" {
			t.Error(diff)
		}
	}
}
