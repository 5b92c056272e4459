package query

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// narrowChat refuses prompts of more estimated tokens than its context has, as servers do.
type narrowChat struct {
	fakeChat
	context int
	message string // has %d for the context; empty if the server does not name it
	got     []model.ChatRequest
}

func (c *narrowChat) Complete(ctx context.Context, r model.ChatRequest) (*model.Completion, error) {
	c.got = append(c.got, r)
	tokens := r.MaxTokens
	for _, m := range r.Messages {
		tokens += messageTokens(m)
	}
	if tokens > c.context {
		refusal := &model.Error{Stage: config.StageLLM, Failure: config.InputTooLong, Model: "chat", Status: 400, Message: "prompt is too long"}
		if c.message != "" {
			refusal.Message = fmt.Sprintf(c.message, c.context)
		}
		return nil, refusal
	}
	return c.fakeChat.Complete(ctx, r)
}

func (c *narrowChat) Stream(ctx context.Context, r model.ChatRequest, delta model.Delta) (*model.Completion, error) {
	answer, err := c.Complete(ctx, r)
	if err == nil {
		err = delta(answer.Content)
	}
	return answer, err
}

// narrow is a pipeline with four long passages, whose LLM has a smaller context than it says.
func narrow(t *testing.T, context int, message string) (*fixture, *narrowChat) {
	f := newFixture(t)
	f.options.Config.Retrieval.TopN = 4
	for id, c := range f.index.chunks {
		c.Text = strings.Repeat("Some words about "+id+" here. ", 30)
		f.index.chunks[id] = c
	}
	chat := &narrowChat{fakeChat: fakeChat{words: []string{"It is so [1]."}}, context: context, message: message}
	f.options.Chat = chat
	return f, chat
}

func TestASmallContextIsMetWithFewerPassages(t *testing.T) {
	for _, tc := range []struct {
		name, message string
		requests      []int // that each question takes
		says          string
	}{
		{"the server names its context", "This model's maximum context length is %d tokens. However, you requested more.", []int{2, 1}, "which has 1000 tokens: set llm.contextWindow to that"},
		{"it does not", "", []int{3, 3}, "smaller than llm.contextWindow"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, chat := narrow(t, 1000, tc.message)
			s := f.service()
			for n, requests := range tc.requests {
				chat.got = nil
				got, err := s.Answer(t.Context(), ask("what?"))
				if err != nil || got.Answer != "It is so [1]." || len(chat.got) != requests {
					t.Fatalf("question %d: %v after %d requests", n, err, len(chat.got))
				}
				if len(got.Warnings) != 1 || got.Warnings[0].Code != config.PassagesCut || !strings.Contains(got.Warnings[0].Message, tc.says) {
					t.Errorf("question %d: warnings %+v", n, got.Warnings)
				}
				if p := len(got.Passages); p == 0 || p >= 4 || strings.Count(chat.got[len(chat.got)-1].Messages[1].Content, "\n```\n")/2 != p {
					t.Errorf("question %d: %d passages in the result", n, p)
				}
			}
		})
	}
}

func TestAContextWithoutRoomIsNotTheCallersFault(t *testing.T) {
	for _, message := range []string{"", "maximum context length is %d tokens"} {
		for _, question := range []string{"P-100?", strings.Repeat("Many words. ", 200)} {
			f, chat := narrow(t, 300, message)
			_, err := f.service().Answer(t.Context(), ask(question))
			want := config.ModelRejected
			if len(question) > 100 {
				want = config.InputTooLong
			}
			failure, ok := err.(*StageError)
			invalid, tooLong := err.(*Invalid)
			tooLong = tooLong && invalid.TooLong
			if want == config.ModelRejected && (!ok || failure.Code != want) || want == config.InputTooLong && !tooLong && (!ok || failure.Code != want) || len(chat.got) > 4 {
				t.Errorf("%q, %q: %v after %d requests", message, question[:6], err, len(chat.got))
			}
		}
	}
}

func TestSilencesOfTheLLMAreExplained(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answer  model.Completion
		asked   func(r *Request)
		content string
		code    config.Failure
		cited   int
	}{
		{"reasoning used up the tokens", model.Completion{FinishReason: "length", OnlyReasoning: true}, nil, "Text of d.", config.OnlyReasoning, 2},
		{"it reasoned and ended", model.Completion{FinishReason: "stop", OnlyReasoning: true}, nil, "Text of d.", config.OnlyReasoning, 2},
		{"the filter took all", model.Completion{FinishReason: "content_filter"}, nil, withheld, config.AnswerRefused, 0},
		{"the filter took the end", model.Completion{Content: "It is", FinishReason: "content_filter"}, nil, "It is", config.AnswerRefused, 0},
		{"it refused", model.Completion{Content: "I cannot.", FinishReason: "stop", Refused: true}, nil, "I cannot.", config.AnswerRefused, 0},
		{"a field of the caller was left out", model.Completion{Content: "Yes.", FinishReason: "stop", Omitted: []string{"temperature", "seed"}},
			func(r *Request) { r.Seed = new(int64(1)) }, "Yes.", config.FieldsOmitted, 0},
		{"a field of the pipeline was left out", model.Completion{Content: "Yes.", FinishReason: "stop", Omitted: []string{"temperature"}}, nil, "Yes.", "", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			f.options.Chat = fixedChat{tc.answer}
			r := ask("what?")
			if tc.asked != nil {
				tc.asked(&r)
			}
			got, err := f.service().Answer(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			streamed := &recorder{}
			if err := f.service().Stream(t.Context(), r, streamed); err != nil {
				t.Fatal(err)
			}
			for _, got := range []*Result{got, streamed.end} {
				if !strings.Contains(got.Answer, tc.content) || got.FinishReason != tc.answer.FinishReason || len(got.Cited) != tc.cited {
					t.Errorf("got %q, %q, cited %v", got.Answer, got.FinishReason, got.Cited)
				}
				if tc.code == "" && len(got.Warnings) > 0 || tc.code != "" && (len(got.Warnings) != 1 || got.Warnings[0].Code != tc.code) {
					t.Errorf("warnings %+v", got.Warnings)
				}
			}
		})
	}
}

// fixedChat always gives the same answer.
type fixedChat struct{ answer model.Completion }

func (c fixedChat) Complete(context.Context, model.ChatRequest) (*model.Completion, error) {
	answer := c.answer
	return &answer, nil
}

func (c fixedChat) Stream(_ context.Context, _ model.ChatRequest, delta model.Delta) (*model.Completion, error) {
	answer := c.answer
	if answer.Content == "" {
		return &answer, nil
	}
	return &answer, delta(answer.Content)
}
