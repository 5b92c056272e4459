package weaviate_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/indextest"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
)

func server(t testing.TB) *weaviatetest.Server {
	t.Helper()
	weaviatetest.Need(t)
	s, err := weaviate.Shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var pipelines atomic.Int64

// newPipeline is one that no other test has.
func newPipeline() config.Pipeline {
	return config.Pipeline{Namespace: "test-ns", Name: fmt.Sprintf("p-%d", pipelines.Add(1))}
}

func key() (string, error) { return weaviatetest.Key, nil }

func options(s *weaviatetest.Server, p config.Pipeline) weaviate.Options {
	return weaviate.Options{
		Index: config.WeaviateIndex{URL: s.URL, GRPCURL: s.GRPCURL}, Pipeline: p, Generation: indextest.Generation, Key: key,
	}
}

func open(t testing.TB, o weaviate.Options) *weaviate.Store {
	t.Helper()
	s, err := weaviate.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContract(t *testing.T) {
	s := server(t)
	indextest.Run(t, func(t *testing.T) indextest.Place {
		o := options(s, newPipeline())
		return func(t *testing.T, g config.Generation) index.Store {
			t.Helper()
			o.Generation = g
			home, err := weaviate.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			return home
		}
	})
}

var weaviateEpoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// collections are the names of the generation's collections, as the server has them.
func collections(o weaviate.Options) []string {
	stem := "Test__ns_" + strings.ReplaceAll(o.Pipeline.Name, "-", "__") + "_" + o.Generation.Fingerprint()
	return []string{stem + "_Chunks", stem + "_Ledger"}
}

// rest calls the server's REST API, and returns the body of its answer.
func rest(t *testing.T, o weaviate.Options, method, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, o.Index.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+weaviatetest.Key)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s, %s, %v", method, path, response.Status, b, err)
	}
	return string(b)
}
