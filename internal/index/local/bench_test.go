package local_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
)

const (
	benchDimensions = 1024
	perDocument     = 50
)

var benchSizes = []int{1458, 20_000}

// corpus makes chunks of about 800 characters whose words are as unevenly used as those of a
// language (Zipf), so that postings have realistic lengths, with random vectors of 1,024
// dimensions.
type corpus struct {
	random *rand.Rand
	zipf   *rand.Zipf
}

func newCorpus() *corpus {
	random := rand.New(rand.NewPCG(1, 2))
	return &corpus{random, rand.NewZipf(random, 1.2, 40, 40_000)}
}

func (c *corpus) text(characters int) string {
	var b strings.Builder
	for b.Len() < characters {
		fmt.Fprintf(&b, "w%s ", letters(c.zipf.Uint64()))
	}
	return b.String()
}

// letters spells a number, so that each has a word of its own.
func letters(n uint64) string {
	b := []byte{}
	for {
		b = append(b, 'a'+byte(n%26))
		if n /= 26; n == 0 {
			return string(b)
		}
	}
}

func (c *corpus) vector() []float32 {
	v := make([]float32, benchDimensions)
	for i := range v {
		v[i] = float32(c.random.NormFloat64())
	}
	return v
}

func (c *corpus) document(name string, chunks int) (index.Row, []index.Vectored) {
	out := make([]index.Vectored, chunks)
	for i := range out {
		out[i] = index.Vectored{
			Chunk: index.Chunk{
				ID:       fmt.Sprintf("%08x-0000-5000-8000-%012x", c.random.Uint32(), c.random.Uint64()>>16),
				Document: name, Source: "docs", Title: name, Text: c.text(800),
				Page: 1, Start: i * 600, End: i*600 + 800, Metadata: config.Metadata{"team": config.Text("bench")},
			},
			Vector: c.vector(),
		}
	}
	return index.Row{Document: name, Source: "docs", Chunks: chunks, State: index.Indexed, Updated: time.Now()}, out
}

func openBench(b *testing.B, directory string) *local.Store {
	b.Helper()
	s, err := local.Open(b.Context(), local.Options{
		Directory: directory, Pipeline: config.Pipeline{Namespace: "default", Name: "bench"},
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func fill(b *testing.B, directory string, chunks int) *local.Store {
	b.Helper()
	s, c := openBench(b, directory), newCorpus()
	for done := 0; done < chunks; done += perDocument {
		row, vectored := c.document(fmt.Sprintf("docs/%06d.txt", done), min(perDocument, chunks-done))
		if err := s.Put(b.Context(), row, vectored); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// BenchmarkSearch is the index's share of a question: both retrievers for 100 candidates each,
// fused, and the 45 best chunks fetched.
func BenchmarkSearch(b *testing.B) {
	for _, size := range benchSizes {
		s, c := fill(b, b.TempDir(), size), newCorpus()
		b.Cleanup(func() { s.Close() })
		query, question := c.vector(), c.text(60)
		vector := func(b *testing.B) []index.Hit {
			hits, err := s.Vector(b.Context(), query, 100, nil)
			if err != nil || len(hits) != 100 {
				b.Fatal(len(hits), err)
			}
			return hits
		}
		keyword := func(b *testing.B) []index.Hit {
			hits, err := s.Keyword(b.Context(), question, 100, nil)
			if err != nil || len(hits) != 100 {
				b.Fatal(len(hits), err)
			}
			return hits
		}
		fused := index.Fuse(vector(b), keyword(b), 0.5)
		ids := make([]string, 45)
		for i := range ids {
			ids[i] = fused[i].ID
		}
		chunks := func(b *testing.B) {
			if got, err := s.Chunks(b.Context(), ids); err != nil || len(got) != len(ids) {
				b.Fatal(len(got), err)
			}
		}
		run := func(name string, f func(b *testing.B)) {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.ReportAllocs()
				defer reportCPU(b)()
				for b.Loop() {
					f(b)
				}
			})
		}
		run("vector", func(b *testing.B) { vector(b) })
		b.Run(fmt.Sprintf("vector, 16 at once/%d", size), func(b *testing.B) {
			defer reportCPU(b)()
			b.SetParallelism(16 / runtime.GOMAXPROCS(0))
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					vector(b)
				}
			})
		})
		run("filtered", func(b *testing.B) {
			if _, err := s.Vector(b.Context(), query, 100, index.AnyOf("team", "bench")); err != nil {
				b.Fatal(err)
			}
		})
		run("keyword", func(b *testing.B) { keyword(b) })
		run("chunks", chunks)
		run("both legs", func(b *testing.B) { index.Fuse(vector(b), keyword(b), 0.5) })
		run("question", func(b *testing.B) { index.Fuse(vector(b), keyword(b), 0.5); chunks(b) })
	}
}

func BenchmarkOpen(b *testing.B) {
	for _, size := range benchSizes {
		directory := b.TempDir()
		s := fill(b, directory, size)
		stats, err := s.Stats(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			defer reportCPU(b)()
			for b.Loop() {
				openBench(b, directory).Close()
			}
			b.ReportMetric(float64(stats.MemoryBytes)/float64(size), "B/chunk")
		})
	}
}

// BenchmarkPut writes documents of one chunk each.
func BenchmarkPut(b *testing.B) {
	s, c := openBench(b, b.TempDir()), newCorpus()
	defer s.Close()
	rows, chunks := make([]index.Row, 1000), make([][]index.Vectored, 1000)
	for i := range rows {
		rows[i], chunks[i] = c.document("docs/any", 1)
	}
	n := 0
	defer reportCPU(b)()
	for b.Loop() {
		i := n % len(rows)
		rows[i].Document = fmt.Sprintf("docs/%08d", n)
		chunks[i][0].Document = rows[i].Document
		chunks[i][0].ID = fmt.Sprintf("%08x-0000-5000-8000-%012x", uint32(n)*2654435761, n)
		if err := s.Put(b.Context(), rows[i], chunks[i]); err != nil {
			b.Fatal(err)
		}
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "documents/s")
}
