package query

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// down makes one stage fail.
func (f *fixture) down(stage config.Stage) {
	refuse := func(role config.Stage) error {
		return &model.Error{Stage: role, Failure: config.ModelUnreachable, Model: "m"}
	}
	switch stage {
	case config.StageEmbedding:
		f.options.Embedder = fakeEmbedder(func(context.Context, string) ([]float32, error) { return nil, refuse(config.StageEmbedding) })
	case config.StageIndex:
		f.index.vectorErr, f.index.keywordErr = errors.New("disk I/O error"), errors.New("disk I/O error")
	case config.StageReranking:
		f.options.Ranker = fakeRanker(func(context.Context, string, []string) ([]model.Ranked, error) {
			return nil, refuse(config.StageReranking)
		})
	case config.StageLLM:
		f.chat.words, f.chat.err = nil, refuse(config.StageLLM)
	}
}

// Every stage down, under each policy, in each mode: what the caller gets.
func TestFailurePolicy(t *testing.T) {
	const answered = "It is so [1]."
	type want struct {
		passages []string     // nil: an error
		warning  config.Stage // the stage that warns
	}
	failed := want{}
	for _, tc := range []struct {
		down   config.Stage
		policy config.Policy
		mode   config.Mode
		want   want
	}{
		{"", config.Fail, config.Hybrid, want{[]string{"d", "e"}, ""}},
		{"", config.Fail, config.Vector, want{[]string{"d", "b"}, ""}},
		{"", config.Fail, config.Keyword, want{[]string{"f", "d"}, ""}},

		{config.StageEmbedding, config.Fail, config.Hybrid, failed},
		{config.StageEmbedding, config.Fail, config.Vector, failed},
		{config.StageEmbedding, config.Fail, config.Keyword, want{[]string{"f", "d"}, ""}},
		{config.StageEmbedding, config.Degrade, config.Hybrid, want{[]string{"f", "d"}, config.StageEmbedding}},
		{config.StageEmbedding, config.Degrade, config.Vector, failed},
		{config.StageEmbedding, config.Degrade, config.Keyword, want{[]string{"f", "d"}, ""}},

		{config.StageIndex, config.Fail, config.Hybrid, failed},
		{config.StageIndex, config.Fail, config.Vector, failed},
		{config.StageIndex, config.Fail, config.Keyword, failed},
		{config.StageIndex, config.Degrade, config.Hybrid, failed},
		{config.StageIndex, config.Degrade, config.Vector, failed},
		{config.StageIndex, config.Degrade, config.Keyword, failed},

		{config.StageReranking, config.Fail, config.Hybrid, failed},
		{config.StageReranking, config.Fail, config.Vector, failed},
		{config.StageReranking, config.Fail, config.Keyword, failed},
		{config.StageReranking, config.Degrade, config.Hybrid, want{[]string{"c", "a"}, config.StageReranking}},
		{config.StageReranking, config.Degrade, config.Vector, want{[]string{"a", "c"}, config.StageReranking}},
		{config.StageReranking, config.Degrade, config.Keyword, want{[]string{"c", "e"}, config.StageReranking}},

		{config.StageLLM, config.Fail, config.Hybrid, failed},
		{config.StageLLM, config.Fail, config.Vector, failed},
		{config.StageLLM, config.Fail, config.Keyword, failed},
		{config.StageLLM, config.Degrade, config.Hybrid, want{[]string{"d", "e"}, config.StageLLM}},
		{config.StageLLM, config.Degrade, config.Vector, want{[]string{"d", "b"}, config.StageLLM}},
		{config.StageLLM, config.Degrade, config.Keyword, want{[]string{"f", "d"}, config.StageLLM}},
	} {
		down := tc.down
		if down == "" {
			down = "nothing"
		}
		t.Run(fmt.Sprintf("%s is down %s %s", down, tc.policy, tc.mode), func(t *testing.T) {
			f := newFixture(t)
			f.options.Config.Retrieval.Mode = tc.mode
			f.options.Config.FailurePolicy = config.FailurePolicy{Embedding: tc.policy, Reranking: tc.policy, LLM: tc.policy}
			f.down(tc.down)
			s := f.service()

			plain, plainErr := s.Answer(t.Context(), ask("what?"))
			streamed := &recorder{}
			streamErr := s.Stream(t.Context(), ask("what?"), streamed)

			if tc.want.passages == nil {
				for _, err := range []error{plainErr, streamErr} {
					if failure, ok := errors.AsType[*StageError](err); !ok || failure.Stage != tc.down {
						t.Errorf("got %v, want a failure of %s", err, tc.down)
					}
				}
				if len(streamed.events) > 0 {
					t.Errorf("streamed %q before the failure", streamed.events)
				}
				return
			}
			if plainErr != nil || streamErr != nil {
				t.Fatalf("plain: %v, streamed: %v", plainErr, streamErr)
			}
			for name, got := range map[string]*Result{"plain": plain, "streamed": streamed.end} {
				if diff := cmp.Diff(tc.want.passages, ids(got.Passages)); diff != "" {
					t.Errorf("%s passages (-want +got):\n%s", name, diff)
				}
				if got.FinishReason != "stop" {
					t.Errorf("%s finish reason %q", name, got.FinishReason)
				}
				if text := got.Answer; (text == answered) == (tc.want.warning == config.StageLLM) {
					t.Errorf("%s answer %q", name, text)
				}
				var stages []string
				for _, w := range got.Warnings {
					stages = append(stages, string(w.Stage))
					if w.Code != config.ModelUnreachable || w.Message == "" {
						t.Errorf("%s warning %+v", name, w)
					}
				}
				if strings.Join(stages, " ") != string(tc.want.warning) {
					t.Errorf("%s warnings of %q, want of %q", name, stages, tc.want.warning)
				}
			}
			if streamed.text() != plain.Answer {
				t.Errorf("streamed %q, plain %q", streamed.text(), plain.Answer)
			}
		})
	}
}

func TestDegradedReplyIsTheSentenceAndThePassages(t *testing.T) {
	f := newFixture(t)
	f.options.Config.FailurePolicy.LLM = config.Degrade
	f.down(config.StageLLM)
	got, err := f.service().Answer(t.Context(), ask("what?"))
	if err != nil {
		t.Fatal(err)
	}
	want := notAnswered + "\n\n[1] d.md: Text of d.\n\n[2] e.md: Text of e."
	if diff := cmp.Diff(want, got.Answer); diff != "" {
		t.Errorf("answer (-want +got):\n%s", diff)
	}
}

func TestWithoutAnLLMTheReplyIsThePassages(t *testing.T) {
	f := newFixture(t)
	f.options.Chat, f.options.Config.Models.LLM = nil, nil
	got, err := f.service().Answer(t.Context(), ask("what?"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(got.Answer, notAnswered) || len(got.Warnings) != 1 || got.Warnings[0].Code != config.NoModel {
		t.Errorf("got %q with %+v", got.Answer, got.Warnings)
	}
}

func TestWithoutAPassageTheLLMIsNotAsked(t *testing.T) {
	f := newFixture(t)
	f.index.vector, f.index.keyword = nil, nil
	for name, chat := range map[string]Chat{"an llm": f.chat, "no llm": nil} {
		f.options.Chat = chat
		got, err := f.service().Answer(t.Context(), ask("what?"))
		if err != nil {
			t.Fatal(err)
		}
		if got.Answer != nothingFound || got.FinishReason != "stop" || f.chat.asked != 0 {
			t.Errorf("with %s: answer %q, asked %d times", name, got.Answer, f.chat.asked)
		}
		if len(got.Warnings) != 1 || got.Warnings[0].Code != config.NoPassages {
			t.Errorf("with %s: warnings %+v", name, got.Warnings)
		}
	}
}

func TestAnotherNumberOfDimensionsIsTheEmbeddingStagesFault(t *testing.T) {
	f := newFixture(t)
	f.index.vectorErr = index.ErrDimensions
	f.options.Report = func(stage config.Stage, err error) {
		if failure, ok := errors.AsType[*StageError](err); !ok || failure.Reason() != config.DimensionMismatch {
			t.Errorf("%s is reported as %v", stage, err) // by the keyword retriever, which works
		}
	}
	_, err := f.service().Search(t.Context(), SearchRequest{Query: "what?"})
	if failure, ok := errors.AsType[*StageError](err); !ok || failure.Stage != config.StageEmbedding || failure.Code != config.DimensionMismatch {
		t.Errorf("got %v", err)
	}
	f.options.Config.FailurePolicy.Embedding = config.Degrade
	got, err := f.service().Search(t.Context(), SearchRequest{Query: "what?"})
	if err != nil || len(got.Warnings) != 1 || got.Warnings[0].Code != config.DimensionMismatch {
		t.Errorf("degraded: %+v, %v", got, err)
	}
}

// What a server says of itself may name accounts, addresses or texts; a caller only learns what to
// do.
func TestFailuresInPublicSayWhoMustActAndNoMore(t *testing.T) {
	ofModels, _ := config.StageFailures()
	for _, failure := range ofModels {
		err := modelError(config.StageLLM, "chat", &model.Error{Stage: config.StageLLM, Failure: failure, Model: "chat", Status: 401,
			Message: "account 42", Err: errors.New("dial tcp 10.0.0.7:8000")})
		got := err.Public()
		if !strings.HasPrefix(got, `the llm model "chat" `) || strings.HasSuffix(got, `" `) {
			t.Errorf("%s: %q names neither model nor remedy", failure, got)
		}
		for _, private := range []string{"account", "10.0.0.7", "key", "401"} {
			if strings.Contains(got, private) {
				t.Errorf("%s: %q holds %q", failure, got, private)
			}
		}
		if err.Code != failure {
			t.Errorf("code %q, want %q", err.Code, failure)
		}
	}
}

func TestQuestionsAreCountedByOutcome(t *testing.T) {
	r := prometheus.NewRegistry()
	f := newFixture(t)
	f.options.Registerer = r
	f.options.Config.FailurePolicy.Reranking = config.Degrade
	s := f.service()
	_, _ = s.Answer(t.Context(), ask("what?"))
	_, _ = s.Answer(t.Context(), ask(""))
	_, _ = s.Search(t.Context(), SearchRequest{Query: "what?"})
	s.ranker = fakeRanker(func(context.Context, string, []string) ([]model.Ranked, error) { return nil, errors.New("down") })
	_, _ = s.Answer(t.Context(), ask("what?"))
	f.index.keywordErr = errors.New("disk I/O error")
	_, _ = s.Answer(t.Context(), ask("what?"))
	gone, leave := context.WithCancel(t.Context())
	leave()
	_, _ = s.Answer(gone, ask("what?"))

	want := map[string]float64{
		"answered": 2, "cancelled": 1, "degraded": 1, "empty": 0, "failed": 1, "invalid": 1,
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		switch family.GetName() {
		case "ragpipeline_queries_total":
			got := map[string]float64{}
			for _, m := range family.GetMetric() {
				got[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("questions by outcome (-want +got):\n%s", diff)
			}
		case "ragpipeline_query_duration_seconds":
			for _, m := range family.GetMetric() {
				if stage := m.GetLabel()[0].GetValue(); stage == "total" && m.GetHistogram().GetSampleCount() != 6 {
					t.Errorf("%d questions timed, want 6", m.GetHistogram().GetSampleCount())
				}
			}
		default:
			t.Errorf("unknown metric %s", family.GetName())
		}
	}
	if len(families) != 2 {
		t.Errorf("%d metrics, want 2", len(families))
	}
}
