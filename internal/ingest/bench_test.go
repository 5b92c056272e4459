package ingest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// BenchmarkIngest ingests 10,000 short documents (some 500 bytes each, a chunk each) in a process of its own,
// with the stand-in embedder at 1,024 dimensions in this one. It reports documents/s and the peak memory of the
// ingesting process, first for an empty index, then for one where nothing is to be done.
func BenchmarkIngest(b *testing.B) {
	const documents = 10_000
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b)
		w.config.Generation.Embedding.Dimensions = 1024
		w.config.Generation.Chunking = config.Chunking{Size: 800, Overlap: 200, Unit: config.Characters}
		words := rand.New(rand.NewPCG(1, 1))
		for i := range documents {
			w.write(fmt.Sprintf("%02d/%05d.md", i%100, i), shortText(words))
		}
		b.StartTimer()
		for _, run := range []string{"first", "second"} {
			started := time.Now()
			usage, err := w.runChild(newAxe())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(documents/time.Since(started).Seconds(), run+"-docs/s")
			b.ReportMetric(float64(usage.Maxrss)/1024, run+"-peak-MiB")
		}
	}
}

// BenchmarkIngestOneDocument ingests one document of 16 MiB, and reports the peak memory of the ingesting process.
// Most of it is the local index's ranking, which grows by 5 KiB a chunk.
func BenchmarkIngestOneDocument(b *testing.B) {
	for b.Loop() {
		w := newWorld(b)
		w.config.Generation.Embedding.Dimensions = 1024
		w.config.Generation.Chunking = config.Chunking{Size: 800, Overlap: 200, Unit: config.Characters}
		words := rand.New(rand.NewPCG(1, 1))
		var text strings.Builder
		for text.Len() < 16<<20 {
			text.WriteString(shortText(words) + "\n\n")
		}
		w.write("large.txt", text.String())
		usage, err := w.runChild(newAxe())
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MiB")
		b.ReportMetric(float64(w.stats().MemoryBytes)/(1<<20), "ranking-MiB")
		b.ReportMetric(float64(w.stats().Chunks), "chunks")
	}
}

// shortText is about 500 bytes of words, with the frequencies of a natural text.
func shortText(random *rand.Rand) string {
	zipf := rand.NewZipf(random, 1.1, 4, 20_000)
	var text strings.Builder
	for text.Len() < 500 {
		fmt.Fprintf(&text, "word%d ", zipf.Uint64())
	}
	return text.String()
}
