package query

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// recorder is a Sender that writes down what it is given.
type recorder struct {
	events []string
	begin  Result
	end    *Result
	failAt string // the event at which it has gone
}

var errGone = errors.New("receiver has gone")

func (r *recorder) note(event string) error {
	if event == r.failAt {
		return errGone
	}
	r.events = append(r.events, event)
	return nil
}

func (r *recorder) Begin(got *Result) error {
	r.begin = *got
	return r.note("begin")
}

func (r *recorder) Delta(content string) error { return r.note("delta " + content) }

func (r *recorder) End(got *Result) error {
	r.end = got
	return r.note("end")
}

func (r *recorder) text() string {
	var b strings.Builder
	for _, e := range r.events {
		if content, ok := strings.CutPrefix(e, "delta "); ok {
			b.WriteString(content)
		}
	}
	return b.String()
}

func TestStreamIsInOrder(t *testing.T) {
	f := newFixture(t)
	got := &recorder{}
	if err := f.service().Stream(t.Context(), ask("what?"), got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"begin", "delta It is", "delta  so [1].", "end"}, got.events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"d", "e"}, ids(got.begin.Passages)); diff != "" {
		t.Errorf("passages at the beginning (-want +got):\n%s", diff)
	}
	if got.end.Answer != "It is so [1]." || got.end.Usage.TotalTokens != 12 || got.end.Times.FirstToken <= 0 || got.end.Times.Total <= 0 {
		t.Errorf("the end is %+v", got.end)
	}
}

func TestAnAnswerWithoutAWord(t *testing.T) {
	for _, tc := range []struct {
		finish string
		fails  bool
	}{{"stop", true}, {"", true}, {"length", false}} {
		f := newFixture(t)
		f.chat.words, f.chat.finish = nil, &tc.finish
		got := &recorder{}
		streamErr := f.service().Stream(t.Context(), ask("what?"), got)
		_, plainErr := f.service().Answer(t.Context(), ask("what?"))
		for _, err := range []error{streamErr, plainErr} {
			failure, failed := errors.AsType[*StageError](err)
			if failed != tc.fails || failed && failure.Code != config.ModelBroken {
				t.Errorf("finish_reason %q: got %v", tc.finish, err)
			}
		}
		var want []string
		if !tc.fails {
			want = []string{"begin", "delta " + got.end.Answer, "end"}
			if w := got.end.Warnings; len(w) != 1 || w[0].Code != config.OnlyReasoning || !strings.Contains(got.end.Answer, "Text of d.") {
				t.Errorf("the end is %+v", got.end)
			}
		}
		if diff := cmp.Diff(want, got.events); diff != "" {
			t.Errorf("finish_reason %q: events (-want +got):\n%s", tc.finish, diff)
		}
	}
}

func TestAnLLMThatFailsAfterItsFirstWordIsAnErrorUnderAnyPolicy(t *testing.T) {
	for _, policy := range []config.Policy{config.Fail, config.Degrade} {
		f := newFixture(t)
		f.options.Config.FailurePolicy.LLM = policy
		f.chat.err = &model.Error{Stage: config.StageLLM, Failure: config.ModelUnreachable, Model: "chat"}
		got := &recorder{}
		err := f.service().Stream(t.Context(), ask("what?"), got)
		if failure, ok := errors.AsType[*StageError](err); !ok || failure.Stage != config.StageLLM {
			t.Errorf("%s: got %v, want a failure of the llm", policy, err)
		}
		if diff := cmp.Diff([]string{"begin", "delta It is", "delta  so [1]."}, got.events); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", policy, diff)
		}
	}
}

func TestAReceiverThatHasGoneEndsTheWorkAndBlamesNoStage(t *testing.T) {
	for _, at := range []string{"begin", "delta It is", "delta  so [1].", "end"} {
		f := newFixture(t)
		f.options.Config.FailurePolicy.LLM = config.Degrade
		got := &recorder{failAt: at}
		err := f.service().Stream(t.Context(), ask("what?"), got)
		if !errors.Is(err, errGone) {
			t.Errorf("gone at %q: got %v", at, err)
		}
		if _, ok := errors.AsType[*StageError](err); ok {
			t.Errorf("gone at %q: blamed a stage: %v", at, err)
		}
	}
}

// A caller that leaves cancels what runs upstream: the LLM's context ends.
func TestLeavingCancelsTheLLM(t *testing.T) {
	f := newFixture(t)
	ctx, leave := context.WithCancel(t.Context())
	chat := &untilCancelled{leave: leave}
	f.options.Chat = chat
	err := f.service().Stream(ctx, ask("what?"), &recorder{})
	if !errors.Is(err, context.Canceled) || chat.ended == nil {
		t.Errorf("got %v; upstream ended with %v", err, chat.ended)
	}
}

// untilCancelled says a word, has its caller leave, and goes on until it is told to stop.
type untilCancelled struct {
	hangingChat
	leave func()
	ended error
}

func (c *untilCancelled) Stream(ctx context.Context, _ model.ChatRequest, delta model.Delta) (*model.Completion, error) {
	if err := delta("word"); err != nil {
		return nil, err
	}
	c.leave()
	<-ctx.Done()
	c.ended = ctx.Err()
	return nil, ctx.Err()
}
