package indextest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Corpus makes random documents, the same for the same seed: chunks whose words are as unevenly
// used as those of a language (Zipf), in English, Korean and Japanese and with identifiers and
// figures among them, and vectors of the given dimensions.
type Corpus struct {
	random     *rand.Rand
	zipf       *rand.Zipf
	dimensions int
}

// NewCorpus starts a corpus.
func NewCorpus(seed uint64, dimensions int) *Corpus {
	random := rand.New(rand.NewPCG(seed, 1))
	return &Corpus{random, rand.NewZipf(random, 1.2, 40, 40_000), dimensions}
}

// Text is about that many words.
func (c *Corpus) Text(words int) string {
	var b strings.Builder
	for range words {
		b.WriteString(word(c.zipf.Uint64()))
		b.WriteByte(" .\n"[min(c.random.IntN(12), 2)])
	}
	return b.String()
}

// word is the nth most frequent word.
func word(n uint64) string {
	switch n % 8 {
	case 0:
		return hangul(n)
	case 1:
		return kana(n)
	case 2:
		return fmt.Sprintf("max_%sLen%d", latin(n), n%100)
	case 3:
		return fmt.Sprintf("%d.%d", n/7, n%7)
	}
	return "w" + latin(n)
}

func latin(n uint64) string { return spell(n, 'a', 26) }

func hangul(n uint64) string { return spell(n, '가', 500) + "는" }

func kana(n uint64) string { return spell(n, 'ア', 40) + "東京" }

// spell writes the number in letters from first on.
func spell(n uint64, first rune, letters uint64) string {
	var b strings.Builder
	for {
		b.WriteRune(first + rune(n%letters))
		if n /= letters; n == 0 {
			return b.String()
		}
	}
}

// Vector is a random direction.
func (c *Corpus) Vector() []float32 {
	v := make([]float32, c.dimensions)
	for i := range v {
		v[i] = float32(c.random.NormFloat64())
	}
	return v
}

// Document is a document of n chunks of about words each, with a year and one of ten teams as
// metadata.
func (c *Corpus) Document(name string, n, words int) (index.Row, []index.Vectored) {
	metadata := config.Metadata{
		"year": config.Text(fmt.Sprint(2020 + c.random.IntN(5))),
		"team": config.Text(fmt.Sprintf("team %d", c.random.IntN(10))),
	}
	chunks := make([]index.Vectored, n)
	for i := range chunks {
		chunks[i] = index.Vectored{
			Chunk: index.Chunk{
				ID: uuid.NewSHA1(uuid.NameSpaceURL, fmt.Appendf(nil, "%s#%d", name, i)).String(), Document: name, Source: "docs",
				Title: name, Text: c.Text(words), Page: i + 1, Metadata: metadata,
			},
			Vector: c.Vector(),
		}
	}
	return indexed(name, chunks), chunks
}
