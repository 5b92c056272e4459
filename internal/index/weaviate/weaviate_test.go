package weaviate_test

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index/indextest"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
)

// shared is the one server of the tests that leave it as it is; they keep apart by their pipelines.
var shared = sync.OnceValues(func() (*weaviatetest.Server, error) { return weaviatetest.New(weaviatetest.Options{}) })

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv(weaviatetest.Variable) != "" {
		if s, err := shared(); err == nil {
			s.Stop()
		}
	}
	os.Exit(code)
}

func server(t testing.TB) *weaviatetest.Server {
	t.Helper()
	weaviatetest.Need(t)
	s, err := shared()
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
		return func(t *testing.T, g config.Generation) indextest.Home {
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
