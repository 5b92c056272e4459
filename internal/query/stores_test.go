package query_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
)

// What clients are told and may ask holds for both stores.
func TestOverEachStore(t *testing.T) {
	t.Run("local", func(t *testing.T) {
		directory := t.TempDir()
		overStore(t, 10_000, func(p config.Pipeline) (index.Store, error) {
			return local.Open(t.Context(), local.Options{Directory: directory, Pipeline: p})
		})
	})
	t.Run("Weaviate", func(t *testing.T) {
		server := weaviatetest.Start(t, weaviatetest.Options{})
		at := config.WeaviateIndex{URL: server.URL, GRPCURL: server.GRPCURL}
		key := func() (string, error) { return weaviatetest.Key, nil }
		overStore(t, 300, func(p config.Pipeline) (index.Store, error) {
			return weaviate.Open(t.Context(), weaviate.Options{Index: at, Pipeline: p, Key: key})
		})
	})
}

func overStore(t *testing.T, filters int, open func(config.Pipeline) (index.Store, error)) {
	for name, test := range map[string]func(t *testing.T, store index.Store){
		"explained": explains,
		"filtered":  func(t *testing.T, store index.Store) { randomFilters(t, store, filters) },
	} {
		t.Run(name, func(t *testing.T) {
			store, err := open(config.Pipeline{Namespace: "test", Name: name})
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			test(t, store)
		})
	}
}

// passage is the only chunk of a document SOURCE/NAME.
func passage(document, text string, vector ...float32) index.Vectored {
	source, _, _ := strings.Cut(document, "/")
	return index.Vectored{Vector: vector, Chunk: index.Chunk{
		ID: uuid.NewSHA1(uuid.NameSpaceURL, []byte(document)).String(), Document: document, Source: source, Text: text,
		End: len(text),
	}}
}

func put(t *testing.T, store index.Store, p index.Vectored) {
	t.Helper()
	row := index.Row{Document: p.Document, Source: p.Source, Chunks: 1, State: index.Indexed}
	if err := store.Put(t.Context(), row, []index.Vectored{p}); err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, diff string) {
	t.Helper()
	if diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
