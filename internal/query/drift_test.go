package query

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// A model that is not the one which built the index: by keyword where the policy allows it, else by vector.
func TestQuestionsGoOnWhenTheEmbeddingModelDrifted(t *testing.T) {
	for _, c := range []struct {
		name     string
		policy   config.Policy
		mode     config.Mode
		passages []string
		warning  string
	}{
		{"under Degrade", config.Degrade, config.Hybrid, []string{"f", "d"}, "; the passages were found by keyword only"},
		{"under Fail", config.Fail, config.Hybrid, []string{"d", "e"}, "; passages that were found by their vectors may be the wrong ones"},
		{"without another retriever", config.Degrade, config.Vector, []string{"d", "b"}, "; passages that were found by their vectors may be the wrong ones"},
		{"without vectors", config.Fail, config.Keyword, []string{"f", "d"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.options.Config.Retrieval.Mode, f.options.Config.FailurePolicy.Embedding = c.mode, c.policy
			s := New(f.options)
			s.SetDrifted(true)
			result, err := s.Search(t.Context(), SearchRequest{Query: "what?"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.passages, ids(result.Passages)); diff != "" {
				t.Errorf("passages (-want +got):\n%s", diff)
			}
			var warnings []Warning
			if c.warning != "" {
				warnings = []Warning{{Stage: config.StageEmbedding, Code: config.ModelDrifted, Message: `the embedding model "embed" ` +
					config.ModelDrifted.Meaning().ForCaller + c.warning}}
			}
			if diff := cmp.Diff(warnings, result.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNoVectorOfAQuestionOutlivesAChangeOfTheModel(t *testing.T) {
	f, asked := newFixture(t), 0
	f.options.Embedder = fakeEmbedder(func(context.Context, string) ([]float32, error) { asked++; return []float32{1, 0}, nil })
	s := New(f.options)
	for _, step := range []struct {
		drifted bool
		want    int
	}{{false, 1}, {false, 1}, {true, 2}, {true, 2}, {false, 3}} {
		s.SetDrifted(step.drifted)
		if _, err := s.Search(t.Context(), SearchRequest{Query: "what?"}); err != nil {
			t.Fatal(err)
		}
		if asked != step.want {
			t.Errorf("the model was asked %d times, want %d (%+v)", asked, step.want, step)
		}
	}
}
