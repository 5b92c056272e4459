package split

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// parts are what random texts are made of: each separator, words, white space of several kinds, characters of
// one to four bytes, and bytes that are no character.
var parts = []string{
	"a", "b", "word", "longerword", "é", "😀", "한", "日本語", " ", " ", " ", "\n", "\n\n", "\n\n\n", "\t", ".", "\u00a0",
	"\u3000", "\x1c", "\r\n", "\x85", "\xff", "\xe2\x80",
}

func TestSplitKeepsItsPromisesForRandomTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		text := randomText(random, 1+random.IntN(150))
		size := 1 + random.IntN(40)
		checkSplit(t, text, size, random.IntN(size), config.Characters)
	}
}

func TestSplitByTokensKeepsItsPromisesForRandomTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2_000 {
		text := randomText(random, 1+random.IntN(150))
		size := 1 + random.IntN(40)
		checkSplit(t, text, size, random.IntN(size), config.Tokens)
	}
}

func FuzzSplit(f *testing.F) {
	for _, c := range golden(f) {
		f.Add(c.Text, c.Size, c.Overlap, false)
		f.Add(c.Text, c.Size, c.Overlap, true)
	}
	f.Add("a\xff\n\n\xe2\x80 \xa8", 2, 1, false)
	f.Fuzz(func(t *testing.T, text string, size, overlap int, byTokens bool) {
		if size <= 0 || overlap < 0 || overlap >= size {
			t.Skip("New refuses it")
		}
		unit := config.Characters
		if byTokens {
			unit = config.Tokens
		}
		checkSplit(t, text, size, overlap, unit)
	})
}

// checkSplit splits text and checks what must hold whatever it is.
func checkSplit(t *testing.T, text string, size, overlap int, unit config.Unit) {
	t.Helper()
	s := splitter(t, size, overlap, unit)
	chunks := s.Split(text)
	checkOffsets(t, text, chunks)
	checkNothingLost(t, text, chunks)
	for _, c := range chunks {
		length := utf8.RuneCountInString(c.Text)
		if unit == config.Tokens && length > 1 {
			length = s.tokens.count(c.Text)
		}
		if unit == config.Characters || length > 1 {
			if length > size {
				t.Errorf("a chunk has %d %s, want at most %d: %q", length, unit, size, c.Text)
			}
		}
		if size > 1 && unit == config.Characters && strings.TrimFunc(c.Text, isSpace) != c.Text {
			t.Errorf("a chunk has white space at an end: %q", c.Text)
		}
	}
	if t.Failed() {
		t.Fatalf("size %d, overlap %d, %s, text %q", size, overlap, unit, text)
	}
}

// checkOffsets checks that every chunk is where it says, and that neither starts nor ends descend.
func checkOffsets(t *testing.T, text string, chunks []Chunk) {
	t.Helper()
	at := byteOffsets(text)
	for i, c := range chunks {
		if c.Start < 0 || c.End >= len(at) || c.Start >= c.End {
			t.Errorf("chunk %d is %d to %d of %d code points", i, c.Start, c.End, len(at)-1)
			continue
		}
		if got := text[at[c.Start]:at[c.End]]; got != c.Text {
			t.Errorf("chunk %d has the text %q, but %q stands at %d to %d", i, c.Text, got, c.Start, c.End)
		}
		if i > 0 && (c.Start < chunks[i-1].Start || c.End < chunks[i-1].End) {
			t.Errorf("chunk %d at %d to %d comes after the one at %d to %d", i, c.Start, c.End, chunks[i-1].Start, chunks[i-1].End)
		}
	}
}

// checkNothingLost checks that what lies before, between and after chunks is white space.
func checkNothingLost(t *testing.T, text string, chunks []Chunk) {
	t.Helper()
	at := byteOffsets(text)
	end := 0
	for _, c := range append(chunks, Chunk{Start: len(at) - 1, End: len(at) - 1}) {
		if c.Start > end {
			if lost := text[at[end]:at[c.Start]]; strings.TrimFunc(lost, isSpace) != "" {
				t.Errorf("%q is in no chunk", lost)
			}
		}
		end = max(end, c.End)
	}
}

// byteOffsets returns where each code point of text begins in bytes, and the end of the text.
func byteOffsets(text string) []int {
	var at []int
	for i := range text {
		at = append(at, i)
	}
	return append(at, len(text))
}

func randomText(random *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(parts[random.IntN(len(parts))])
	}
	return b.String()
}
