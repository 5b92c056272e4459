package query

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

func TestAStageThatPassesItsDeadlineTimedOut(t *testing.T) {
	forever := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	short := Deadlines{Embedding: time.Millisecond, Index: time.Millisecond, Reranking: time.Millisecond, LLM: time.Millisecond}
	for _, tc := range []struct {
		stage config.Stage
		code  config.Failure
		hang  func(f *fixture)
	}{
		{config.StageEmbedding, config.ModelTimedOut, func(f *fixture) {
			f.options.Embedder = fakeEmbedder(func(ctx context.Context, _ string) ([]float32, error) { return nil, forever(ctx) })
		}},
		{config.StageIndex, config.IndexTimedOut, func(f *fixture) { f.index.block = forever }},
		{config.StageReranking, config.ModelTimedOut, func(f *fixture) {
			f.options.Ranker = fakeRanker(func(ctx context.Context, _ string, _ []string) ([]model.Ranked, error) { return nil, forever(ctx) })
		}},
		{config.StageLLM, config.ModelTimedOut, func(f *fixture) { f.options.Chat = hangingChat{} }},
	} {
		t.Run(string(tc.stage), func(t *testing.T) {
			f := newFixture(t)
			f.options.Deadlines = short
			tc.hang(f)
			_, err := f.service().Answer(t.Context(), ask("what?"))
			failure, ok := errors.AsType[*StageError](err)
			if !ok || failure.Stage != tc.stage || failure.Code != tc.code {
				t.Errorf("got %v, want %s %s", err, tc.stage, tc.code)
			}
		})
	}
}

type hangingChat struct{}

func (hangingChat) Complete(ctx context.Context, _ model.ChatRequest) (*model.Completion, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (c hangingChat) Stream(ctx context.Context, r model.ChatRequest, _ model.Delta) (*model.Completion, error) {
	return c.Complete(ctx, r)
}

func TestACallerThatLeavesIsNoFailureOfAStage(t *testing.T) {
	f := newFixture(t)
	var reported []error
	f.options.Report = func(_ config.Stage, err error) { reported = append(reported, err) }
	f.options.Config.Retrieval.Mode = config.Keyword
	f.index.block = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err := f.service().Search(ctx, SearchRequest{Query: "what?"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the caller's own cancellation", err)
	}
	if _, ok := errors.AsType[*StageError](err); ok || len(reported) > 0 {
		t.Errorf("blamed a stage: %v, %v", err, reported)
	}
}

func TestAPanicInTheKeywordLegReachesTheCaller(t *testing.T) {
	f := newFixture(t)
	f.index.block = func(context.Context) error { panic("poisonous question") }
	defer func() {
		if got := recover(); got != "poisonous question" {
			t.Errorf("recovered %v, want the retriever's panic", got)
		}
	}()
	_, _ = f.service().Search(t.Context(), SearchRequest{Query: "what?"})
	t.Error("the panic was lost")
}
