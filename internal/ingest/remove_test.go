package ingest

import (
	"context"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// retirable counts how often it was told to delete the other generations.
type retirable struct {
	index.Store
	retired int
}

func (r *retirable) Retire(context.Context) error { r.retired++; return nil }

func TestRetireSparesGenerationsInUse(t *testing.T) {
	c := config.Ingest{Generation: config.Generation{Embedding: config.EmbeddingSpace{Model: "test/embedding"}}}
	own := c.Generation.Fingerprint()
	for _, test := range []struct {
		name string
		keep []string
		want int
	}{
		{"nothing is known to be in use", nil, 0},
		{"only this generation is in use", []string{own}, 1},
		{"another one is in use too", []string{own, "0badcafe"}, 0},
		{"only another one is in use", []string{"0badcafe"}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.Keep = test.keep
			var store retirable
			if err := Retire(t.Context(), c, &store); err != nil {
				t.Fatal(err)
			}
			if store.retired != test.want {
				t.Errorf("the other generations were retired %d times, want %d", store.retired, test.want)
			}
		})
	}
}
