package config

import "math"

// ChunkCounts is into how many chunks the splitter cuts a sample of an index's texts at several sizes and overlaps.
// From it follows about how many chunks another chunking would give: where a splitter cuts depends on the paragraphs
// and lines of the texts, so that no formula does.
type ChunkCounts []ChunkCount

// ChunkCount is the counts at one size.
type ChunkCount struct {
	Size   int   `json:"size"`   // in characters, one of SampleSizes
	Chunks []int `json:"chunks"` // for each of SampleOverlaps
}

// The chunkings of a sample: sizes in characters, a half apart, and overlaps in per cent of the size.
var (
	SampleSizes    = []int{200, 300, 450, 675, 1000, 1500, 2250, 3400}
	SampleOverlaps = []int{0, 6, 12, 25, 50}
)

// SampleChunking is the chunking of a sample.
func SampleChunking(size, overlap int) Chunking {
	return Chunking{Size: size, Overlap: size * overlap / 100, Unit: Characters}
}

// NewChunkCounts returns counts of zero.
func NewChunkCounts() ChunkCounts {
	c := make(ChunkCounts, len(SampleSizes))
	for i, size := range SampleSizes {
		c[i] = ChunkCount{Size: size, Chunks: make([]int, len(SampleOverlaps))}
	}
	return c
}

// Add returns the sums of the counts of two samples. One that is not whole counts nothing.
func (c ChunkCounts) Add(other ChunkCounts) ChunkCounts {
	switch {
	case !other.whole():
		return c
	case !c.whole():
		return other
	}
	sum := NewChunkCounts()
	for i := range sum {
		for j := range sum[i].Chunks {
			sum[i].Chunks[j] = c[i].Chunks[j] + other[i].Chunks[j]
		}
	}
	return sum
}

// whole reports whether the counts are of the sizes and overlaps of this version.
func (c ChunkCounts) whole() bool {
	if len(c) != len(SampleSizes) {
		return false
	}
	for i, count := range c {
		if count.Size != SampleSizes[i] || len(count.Chunks) != len(SampleOverlaps) {
			return false
		}
	}
	return true
}

// Chunks estimates how many chunks an index has when it is cut as next, given that it has n when it is cut as now. It
// is 0 if there is no sample.
func (c ChunkCounts) Chunks(n int, now, next Chunking) int {
	if !c.whole() || c[0].Chunks[0] == 0 {
		return 0
	}
	return int(math.Round(float64(n) * c.at(next) / c.at(now)))
}

// charactersPerToken is about what a token of cl100k_base has in English.
const charactersPerToken = 4.2

// at interpolates between the counts, in logarithms of size and count.
func (c ChunkCounts) at(chunking Chunking) float64 {
	size := float64(max(chunking.Size, 1))
	percent := 100 * float64(chunking.Overlap) / size
	if chunking.Unit == Tokens {
		size *= charactersPerToken
	}
	i := 0
	for i < len(SampleSizes)-2 && float64(SampleSizes[i+1]) < size {
		i++
	}
	j := 0
	for j < len(SampleOverlaps)-2 && float64(SampleOverlaps[j+1]) < percent {
		j++
	}
	u := math.Log(size/float64(SampleSizes[i])) / math.Log(float64(SampleSizes[i+1])/float64(SampleSizes[i]))
	v := (percent - float64(SampleOverlaps[j])) / float64(SampleOverlaps[j+1]-SampleOverlaps[j])
	log := func(i, j int) float64 { return math.Log(float64(max(c[i].Chunks[j], 1))) }
	return math.Exp((1-u)*((1-v)*log(i, j)+v*log(i, j+1)) + u*((1-v)*log(i+1, j)+v*log(i+1, j+1)))
}
