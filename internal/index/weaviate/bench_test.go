package weaviate_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/indextest"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate"
)

// The benchmarks' index: passages of about 800 characters with vectors of 1,024 dimensions.
const (
	benchChunks     = 20_000
	benchWords      = 110
	benchDimensions = 1024
	perDocument     = 50
)

func fill(b *testing.B, s *weaviate.Store) *indextest.Corpus {
	b.Helper()
	corpus := indextest.NewCorpus(1, benchDimensions)
	for i := range benchChunks / perDocument {
		row, chunks := corpus.Document(fmt.Sprintf("docs/%d.md", i), perDocument, benchWords)
		if err := s.Put(b.Context(), row, chunks); err != nil {
			b.Fatal(err)
		}
	}
	return corpus
}

// BenchmarkSearch is the index's share of a question: both retrievers for 100 candidates each, and
// the 45 best chunks fetched.
func BenchmarkSearch(b *testing.B) {
	s := open(b, options(server(b), newPipeline()))
	corpus := fill(b, s)
	vector, question := corpus.Vector(), corpus.Text(10)
	hits, err := s.Vector(b.Context(), vector, 100, nil)
	if err != nil || len(hits) != 100 {
		b.Fatal(len(hits), err)
	}
	var ids []string
	for _, h := range hits[:45] {
		ids = append(ids, h.ID)
	}
	for name, search := range map[string]func() (int, error){
		"vector": func() (int, error) { h, err := s.Vector(b.Context(), vector, 100, nil); return len(h), err },
		"vector, filtered": func() (int, error) {
			h, err := s.Vector(b.Context(), vector, 100, index.AnyOf("team", "team 3"))
			return len(h), err
		},
		"keyword": func() (int, error) { h, err := s.Keyword(b.Context(), question, 100, nil); return len(h), err },
		"chunks":  func() (int, error) { c, err := s.Chunks(b.Context(), ids); return len(c), err },
		"stats":   func() (int, error) { st, err := s.Stats(b.Context()); return st.Chunks, err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if n, err := search(); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// BenchmarkPut writes documents of 50 chunks each, one after the other and four at once.
func BenchmarkPut(b *testing.B) {
	for _, writers := range []int{1, 4} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b, options(server(b), newPipeline()))
			corpus := indextest.NewCorpus(1, benchDimensions)
			rows, chunks := make([]index.Row, 200), make([][]index.Vectored, 200)
			for i := range rows {
				rows[i], chunks[i] = corpus.Document(fmt.Sprintf("docs/%d.md", i), perDocument, benchWords)
			}
			var next atomic.Int64
			b.SetParallelism(writers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := int(next.Add(1)-1) % len(rows)
					if err := s.Put(b.Context(), rows[i], chunks[i]); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N*perDocument)/b.Elapsed().Seconds(), "chunks/s")
		})
	}
}
