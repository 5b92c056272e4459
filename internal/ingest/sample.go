package ingest

import (
	"hash/fnv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/split"
)

// A run cuts about sampledDocuments of those that it reads at each chunking of a config.ChunkCounts. Of each it takes
// the first pages, of sampledBytes together: that costs less than a tenth of a second for a document.
const (
	sampledDocuments = 256
	sampledBytes     = 64 << 10
)

// sampleSplitters are those of the chunkings of a sample, by size and overlap.
func sampleSplitters() (splitters [][]*split.Splitter, err error) {
	for _, size := range config.SampleSizes {
		var row []*split.Splitter
		for _, overlap := range config.SampleOverlaps {
			s, err := split.New(config.SampleChunking(size, overlap))
			if err != nil {
				return nil, err
			}
			row = append(row, s)
		}
		splitters = append(splitters, row)
	}
	return splitters, nil
}

// sample cuts the document at each chunking of the sample, if its hash is one of those that are taken.
func (r *run) sample(d *document, text *extract.Document) {
	hash := fnv.New32a()
	hash.Write([]byte(d.id))
	if listed := uint64(r.tally.listed()); uint64(hash.Sum32())*listed >= sampledDocuments<<32 {
		return
	}
	d.sample = config.NewChunkCounts()
	left := sampledBytes
	for _, page := range text.Pages {
		if len(page.Text) > left {
			page.Text, page.Tables = strings.ToValidUTF8(page.Text[:left], ""), nil
		}
		left -= len(page.Text)
		for i, row := range r.samples {
			for j, splitter := range row {
				d.sample[i].Chunks[j] += countChunks(splitter.Split(page.Text, tables(page)...))
			}
		}
	}
}

func countChunks(pieces []split.Chunk) (n int) {
	for _, piece := range pieces {
		if strings.TrimSpace(piece.Text) != "" {
			n++
		}
	}
	return n
}

// listed is how many documents the run is to look at.
func (t *tally) listed() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sum.Listed
}
