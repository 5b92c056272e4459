package split

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The three shapes of text that splitting is measured on, and one that is hard: pages of a PDF, which have a
// newline after every line and no blank lines; prose in paragraphs; one long paragraph; Chinese, which has no
// separator at all. hack/bench/langchain measures the same shapes.
func BenchmarkSplit(b *testing.B) {
	s := splitter(b, 800, 200, config.Characters)
	b.Run("pdf text", func(b *testing.B) { benchmark(b, s, pages(1<<20)) })
	b.Run("prose", func(b *testing.B) { benchmark(b, s, []string{prose(1 << 20)}) })
	b.Run("one paragraph", func(b *testing.B) { benchmark(b, s, []string{paragraph(1 << 20)}) })
	b.Run("no separator", func(b *testing.B) { benchmark(b, s, []string{strings.Repeat("文字列", 1<<20/9)}) })
}

// Time per byte and memory per byte must not grow from one to the next.
func BenchmarkSplitHuge(b *testing.B) {
	s := splitter(b, 800, 200, config.Characters)
	for _, size := range []int{1 << 20, 8 << 20, 64 << 20} {
		b.Run(fmt.Sprintf("%d MiB", size>>20), func(b *testing.B) { benchmark(b, s, []string{paragraph(size)}) })
	}
}

func BenchmarkSplitTokens(b *testing.B) {
	s := splitter(b, 200, 50, config.Tokens)
	b.Run("pdf text", func(b *testing.B) { benchmark(b, s, pages(1<<16)) })
	b.Run("prose", func(b *testing.B) { benchmark(b, s, []string{prose(1 << 16)}) })
	b.Run("one paragraph", func(b *testing.B) { benchmark(b, s, []string{paragraph(1 << 16)}) })
}

func benchmark(b *testing.B, s *Splitter, texts []string) {
	b.Helper()
	size := 0
	for _, text := range texts {
		size += len(text)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			if len(s.Split(text)) == 0 {
				b.Fatal("no chunk")
			}
		}
	}
}

// pages makes pages of 40 lines of 12 words, size bytes in all.
func pages(size int) []string {
	var pages []string
	for w := newWriter(1); size > 0; size -= len(pages[len(pages)-1]) {
		lines := make([]string, 40)
		for i := range lines {
			lines[i] = w.words(12)
		}
		pages = append(pages, strings.Join(lines, "\n"))
	}
	return pages
}

// prose makes paragraphs of 30 to 119 words, with a blank line between them.
func prose(size int) string {
	var paragraphs []string
	for w := newWriter(2); size > 0; size -= len(paragraphs[len(paragraphs)-1]) {
		paragraphs = append(paragraphs, w.words(30+w.random.IntN(90)))
	}
	return strings.Join(paragraphs, "\n\n")
}

// paragraph makes words with a space between them, and no other separator.
func paragraph(size int) string { return newWriter(3).words(size / 5) }

// writer makes text of random words, the same for the same seed: mostly ASCII, as English is, with an accent
// or a dash here and there.
type writer struct{ random *rand.Rand }

func newWriter(seed uint64) writer { return writer{rand.New(rand.NewPCG(seed, seed))} }

var vocabulary = strings.Fields(`the of and to in a is that for it as was with be by on not he this are or his from
	at which but have an had they you were their one all we can her has there been if more when will would who so no
	revenue quarter segment pipeline index gateway document question answer model embedding passage – naïve “quoted”`)

func (w writer) words(n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = vocabulary[w.random.IntN(len(vocabulary))]
	}
	return strings.Join(words, " ")
}
