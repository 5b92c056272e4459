package weaviate_test

import (
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/indextest"
)

// TestADocumentMayHaveMoreChunksThanWeaviateGivesAtOnce has more than the 10,000 of one search or deletion.
func TestADocumentMayHaveMoreChunksThanWeaviateGivesAtOnce(t *testing.T) {
	s := open(t, options(server(t), newPipeline()))
	row, chunks := indextest.NewCorpus(1, 2).Document("docs/large.md", 10_500, 1)
	bare := make([]index.Vectored, len(chunks))
	for i, c := range chunks {
		bare[i] = index.Vectored{Chunk: c.Chunk}
		bare[i].Page = 7
	}
	for part := range 5 {
		if err := s.Stage(t.Context(), row.Document, chunks[part*2100:(part+1)*2100]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(t.Context(), row, bare); err != nil {
		t.Fatal(err)
	}
	known, err := s.Known(t.Context(), row.Document)
	if err != nil || len(known) != len(chunks) {
		t.Fatalf("%d chunks are known, %v; want %d", len(known), err, len(chunks))
	}
	few, fewChunks := row, chunks[:2]
	few.Chunks = 2
	if err := s.Put(t.Context(), few, fewChunks); err != nil {
		t.Fatal(err)
	}
	if stats := statsOf(t, s); stats.Chunks != 2 || stats.Documents != 1 {
		t.Errorf("it holds %+v after all but two chunks went", stats)
	}
	if n, err := s.Remove(t.Context(), []string{row.Document}); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
}
