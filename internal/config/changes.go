package config

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Change is a field in which two generations differ.
type Change struct {
	Field string `json:"field"` // path in the manifest, or what of the operator it is
	Old   string `json:"old"`
	New   string `json:"new"`
	// Cause is one word for what kind of change it is.
	Cause Cause `json:"cause"`
}

// String is the change in words.
func (c Change) String() string {
	return fmt.Sprintf("%s: %s -> %s", c.Field, cmp.Or(c.Old, "none"), cmp.Or(c.New, "none"))
}

// Cause is one word for why a run is made.
type Cause string

// The causes. All but the last two build a new generation.
const (
	FirstIndex        Cause = "FirstIndex"
	RebuildRequested  Cause = "RebuildRequested"
	ModelChanged      Cause = "ModelChanged" // or its dimensions or prefixes
	ChunkingChanged   Cause = "ChunkingChanged"
	ExtractionChanged Cause = "ExtractionChanged"
	OperatorUpgraded  Cause = "OperatorUpgraded" // its analyser, or what it embeds of a chunk
	DocumentsChanged  Cause = "DocumentsChanged" // or may have
	ReadersChanged    Cause = "ReadersChanged"   // by an upgrade of the operator
)

// Changes lists where next differs from g, in the order of how much they cost.
func (g Generation) Changes(next Generation) (changes []Change) {
	a, b := g.Embedding, next.Embedding
	for _, c := range []Change{
		{"spec.models.embedding", a.Model, b.Model, ModelChanged},
		{"spec.models.embedding.dimensions", number(a.Dimensions), number(b.Dimensions), ModelChanged},
		{"spec.models.embedding.queryPrefix", quoted(a.QueryPrefix), quoted(b.QueryPrefix), ModelChanged},
		{"spec.models.embedding.passagePrefix", quoted(a.PassagePrefix), quoted(b.PassagePrefix), ModelChanged},
		{"annotation ragpipeline.io/rebuild", quoted(a.Rebuild), quoted(b.Rebuild), RebuildRequested},
		{"spec.chunking.size", number(g.Chunking.Size), number(next.Chunking.Size), ChunkingChanged},
		{"spec.chunking.overlap", strconv.Itoa(g.Chunking.Overlap), strconv.Itoa(next.Chunking.Overlap), ChunkingChanged},
		{"spec.chunking.unit", string(g.Chunking.Unit), string(next.Chunking.Unit), ChunkingChanged},
		{"spec.extraction", g.Extraction, next.Extraction, ExtractionChanged},
		{"the operator's text of a chunk", g.EmbeddedText, next.EmbeddedText, OperatorUpgraded},
		{"the operator's keyword analyser", g.Analyser, next.Analyser, OperatorUpgraded},
	} {
		if c.Old != c.New {
			changes = append(changes, c)
		}
	}
	return changes
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return strconv.Quote(s)
}

// Describe puts changes in one line.
func Describe(changes []Change) string {
	parts := make([]string, len(changes))
	for i, c := range changes {
		parts[i] = c.String()
	}
	return strings.Join(parts, "; ")
}

// SameVectors reports whether next can take over the vectors of g: only what the keyword analyser makes of the same
// chunks differs.
func (g Generation) SameVectors(next Generation) bool {
	g.Analyser = next.Analyser
	return g == next
}
