package access

import (
	"context"
	"strings"
	"testing"
	"unicode"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// chunksOf gives a chunk for each letter: those of a capital letter are for the group "them" alone.
type chunksOf string

func (s chunksOf) Chunks(context.Context, []string) ([]index.Chunk, error) {
	var chunks []index.Chunk
	for _, letter := range s {
		id, group := string(letter), "us"
		if unicode.IsUpper(letter) {
			group = "them"
		}
		chunks = append(chunks, index.Chunk{ID: id, Metadata: config.Metadata{config.KeyAccess: config.List(group)}})
	}
	return chunks, nil
}

func TestHiddenChunksAreLeftOut(t *testing.T) {
	ctx := With(t.Context(), &Caller{Groups: []string{"us"}})
	for all, visible := range map[string]string{
		"": "", "ab": "ab", "A": "", "Ab": "b", "aB": "a", "aBc": "ac", "AbCde": "bde", "aBCDe": "ae", "ABC": "",
	} {
		chunks, err := visibleChunks(ctx, chunksOf(all), config.AccessOpen, nil)
		var got strings.Builder
		for _, c := range chunks {
			got.WriteString(c.ID)
			if c.Metadata.Access() != nil {
				t.Errorf("of %q, %s names the groups of its document", all, c.ID)
			}
		}
		if err != nil || got.String() != visible {
			t.Errorf("of %q, %q can be seen, not %q: %v", all, &got, visible, err)
		}
	}
}
