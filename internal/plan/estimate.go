package plan

import (
	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// Contents is what is known of the live index.
type Contents struct {
	Documents, Chunks int
	// ChunksPerSecond is the measured rate; 0 means that there is none.
	ChunksPerSecond float64
	Dimensions      int
	ChunkCounts     config.ChunkCounts
}

// Estimate is what a build of a generation is reckoned to embed.
type Estimate struct {
	Documents int `json:"documents"` // to read
	Chunks    int `json:"chunks"`    // of the new generation
	Embed     int `json:"embed"`     // of these, to be embedded
	// Estimated reports whether the number of chunks follows from a sample of the texts. Otherwise it is that of the
	// live index.
	Estimated bool `json:"estimated"`
	// Seconds is how long embedding takes at the measured rate; 0 means that there is no rate.
	Seconds float64 `json:"seconds,omitempty"`
}

// EstimateBuild reckons what it takes to build next, given the live generation and what it holds. Chunks of another
// size are counted from a sample of the texts, or if there is none in proportion to the size.
func EstimateBuild(live, next config.Generation, has Contents) Estimate {
	e := Estimate{Documents: has.Documents, Chunks: has.Chunks, Embed: has.Chunks}
	if live.Chunking != next.Chunking {
		e.Estimated = true
		if e.Chunks = has.ChunkCounts.Chunks(has.Chunks, live.Chunking, next.Chunking); e.Chunks == 0 {
			e.Chunks = has.Chunks * step(live.Chunking) / step(next.Chunking)
		}
		e.Embed = e.Chunks
	}
	if live.SameVectors(next) {
		e.Embed = 0
	}
	if has.ChunksPerSecond > 0 {
		e.Seconds = float64(e.Embed) / has.ChunksPerSecond
	}
	return e
}

// step is how many new characters or tokens a full chunk has.
func step(c config.Chunking) int { return max(1, c.Size-c.Overlap) }

// contents is what the status tells of the live index.
func contents(s *v1alpha1.IndexStatus) (has Contents) {
	if s == nil {
		return has
	}
	has = Contents{
		Documents: int(s.Documents), Chunks: int(s.Chunks), Dimensions: int(s.Dimensions),
		ChunksPerSecond: status.PerSecond(s.ChunksPerSecond),
	}
	for _, c := range s.ChunkCounts {
		counted := config.ChunkCount{Size: int(c.Size)}
		for _, n := range c.Chunks {
			counted.Chunks = append(counted.Chunks, int(n))
		}
		has.ChunkCounts = append(has.ChunkCounts, counted)
	}
	return has
}

// build is why the wanted generation is built, and what it takes; nil while it is the live one.
func (s *State) build() *status.Build {
	live, wanted := s.live(), s.wanted()
	if live == nil {
		return &status.Build{}
	}
	if live.Fingerprint() == wanted.Fingerprint() {
		return nil
	}
	estimate := EstimateBuild(live.Generation, wanted.Generation, contents(s.Pipeline.Status.Index))
	return &status.Build{Changes: live.Generation.Changes(wanted.Generation), Chunks: estimate.Embed}
}
