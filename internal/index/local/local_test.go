package local_test

import (
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/indextest"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
)

func TestContract(t *testing.T) {
	indextest.Run(t, func(t *testing.T) indextest.Storage {
		directory := t.TempDir()
		return func(t *testing.T, g config.Generation) index.Store {
			t.Helper()
			s, err := local.Open(t.Context(), local.Options{
				Directory: directory, Pipeline: config.Pipeline{Namespace: "default", Name: "test"}, Generation: g,
			})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	})
}
