package weaviate_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/indextest"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
)

// The chunks that both stores rank in TestBothStoresRankAlike.
const (
	parityDocuments  = 60
	parityChunks     = 50
	parityWords      = 60
	parityDimensions = 64
)

func TestBothStoresRankAlike(t *testing.T) {
	o := options(server(t), newPipeline())
	there := open(t, o)
	here, err := local.Open(t.Context(), local.Options{
		Directory: t.TempDir(), Pipeline: o.Pipeline, Generation: o.Generation,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close() })
	corpus := indextest.NewCorpus(1, parityDimensions)
	for i := range parityDocuments {
		row, chunks := corpus.Document(fmt.Sprintf("docs/%d.md", i), parityChunks, parityWords)
		for _, store := range []index.Writer{here, there} {
			if err := store.Put(t.Context(), row, chunks); err != nil {
				t.Fatal(err)
			}
		}
	}
	questions := []string{
		"가는 나는", "タ東京 京都", "東京", "max_eLen4", "maxaLen", "0.3 1.4", "what is wf and wg?", "wf wf wf max_cLen2 カ東京",
	}
	for range 40 {
		questions = append(questions, corpus.Text(6))
	}
	for i, question := range questions {
		for name, filter := range map[string]*index.Filter{
			"everything":       nil,
			"a team and years": index.All(index.AnyOf("team", "team 3"), index.AnyOf("year", "2021", "2022")),
			"documents":        index.AnyOf(config.KeyDocument, "docs/7.md", "docs/8.md"),
		} {
			vector := corpus.Vector()
			t.Run(fmt.Sprintf("%d, %s", i, name), func(t *testing.T) {
				alike(t, "keyword retriever", filter, here, there, func(store index.Searcher, limit int) ([]index.Hit, error) {
					return store.Keyword(t.Context(), question, limit, filter)
				})
				alike(t, "vector retriever", filter, here, there, func(store index.Searcher, limit int) ([]index.Hit, error) {
					return store.Vector(t.Context(), vector, limit, filter)
				})
			})
		}
	}
	if diff := cmp.Diff(statsOf(t, here), statsOf(t, there)); diff != "" {
		t.Errorf("counts (-the local index +Weaviate):\n%s", diff)
	}
}

// alike compares two rankings. Scores are float32 in Weaviate: chunks whose scores differ by less
// may change places, and so may the last with one that was cut off.
func alike(
	t *testing.T, retriever string, filter *index.Filter, here, there index.Searcher,
	search func(index.Searcher, int) ([]index.Hit, error),
) {
	t.Helper()
	const limit = 100
	want, err := search(here, limit+20)
	if err != nil {
		t.Fatal(err)
	}
	got, err := search(there, limit)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != min(limit, len(want)) || len(got) == 0 && filter == nil {
		t.Fatalf("%s: %d hits, want %d", retriever, len(got), min(limit, len(want)))
	}
	scores := map[string]float64{}
	for _, h := range want {
		scores[h.ID] = h.Score
	}
	for i, h := range got {
		exact, found := scores[h.ID]
		if !found || !about(exact, h.Score) || !about(want[i].Score, h.Score) {
			t.Errorf("%s: place %d has %s with %.7f; the local index has %s with %.7f there, and gives it %.7f",
				retriever, i, h.ID, h.Score, want[i].ID, want[i].Score, exact)
		}
	}
}

func about(a, b float64) bool { return math.Abs(a-b) <= 2e-6*max(1, math.Abs(a)) }

func statsOf(t *testing.T, r interface {
	Stats(ctx context.Context) (index.Stats, error)
}) index.Stats {
	t.Helper()
	s, err := r.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.MemoryBytes = 0
	return s
}
