package weaviate

import (
	"os"
	"sync"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
)

// Shared is the one server of the tests that leave it as it is; they keep apart by their pipelines.
var Shared = sync.OnceValues(func() (*weaviatetest.Server, error) { return weaviatetest.New(weaviatetest.Options{}) })

func TestMain(m *testing.M) {
	code := m.Run()
	if os.Getenv(weaviatetest.Variable) != "" {
		if s, err := Shared(); err == nil {
			s.Stop()
		}
	}
	os.Exit(code)
}
