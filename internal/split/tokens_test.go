package split

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestSplitByTokensCountsTokens(t *testing.T) {
	tests := map[string]struct {
		text          string
		size, overlap int
		want          []string
	}{
		"a common word is one token": {
			text: "the quick brown fox jumps over the lazy dog", size: 4, overlap: 1,
			want: []string{"the quick brown fox", "fox jumps over the", "the lazy dog"},
		},
		"paragraphs come before words": {
			text: "the quick\n\nbrown fox\n\njumps", size: 6, overlap: 0,
			want: []string{"the quick\n\nbrown fox", "jumps"},
		},
		"a chunk that is larger without the space before it becomes two": {
			// anthropology is three tokens, and one after a space.
			text: "x" + strings.Repeat(" anthropology", 14), size: 8, overlap: 0,
			want: []string{
				"x" + strings.Repeat(" anthropology", 7),
				"anthropology anthropology anthropology", "anthropology anthropology anthropology anthropology",
			},
		},
		"a code point of more tokens than the size stays whole": {
			text: "a 𒀀 b", size: 2, overlap: 0,
			want: []string{"a", "𒀀", "b"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := texts(splitter(t, tt.size, tt.overlap, config.Tokens).Split(tt.text))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSplitByTokensReturnsNoChunkWithinAnother(t *testing.T) {
	for size := 5; size < 100; size += 7 {
		chunks := splitter(t, size, size/4, config.Tokens).Split(paragraph(8000))
		for i := 1; i < len(chunks); i++ {
			if chunks[i].End <= chunks[i-1].End {
				t.Errorf("size %d: chunk %d at %d to %d lies within the one at %d to %d", size,
					i, chunks[i].Start, chunks[i].End, chunks[i-1].Start, chunks[i-1].End)
			}
		}
	}
}

// A text without separators is looked at once for each of them: if each look counted all of its tokens, this
// would take minutes.
func TestSplitByTokensOfALongTextWithoutSeparators(t *testing.T) {
	text := strings.Repeat("x", 1<<20)
	checkSplit(t, text, 200, 50, config.Tokens)
}
