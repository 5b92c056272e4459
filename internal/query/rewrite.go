package query

import (
	"context"
	"errors"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// Bounds of the call that rewrites a question: it must not cost more than what it improves.
const (
	rewriteDeadline = 10 * time.Second
	rewriteTokens   = 256  // of the rewritten question
	rewriteHistory  = 2000 // tokens of the turns before it
	maxRewritten    = 1000 // bytes
	rewriteSystem   = `Rewrite the user's last question so that it can be understood without the conversation.
Put in the names, dates and subjects that it refers to, and change nothing else. Keep its language.
Reply with the question alone, between <question> and </question>. Do not answer it.`
	rewriteRequest = "The last question, to be rewritten:\n"
)

// rewrite lets the LLM turn the last question of a conversation into one that stands on its own, if
// the pipeline's config says so. A first question stays as it is. If the call fails, the question is
// searched for with its conversation, and a warning tells of it.
func (s *Service) rewrite(ctx context.Context, q *search, c *conversation, result *Result) {
	if !s.config.Retrieval.Rewrite || s.chat == nil || len(c.turns) == 0 {
		return
	}
	var rewritten string
	took, err := stage(ctx, "llm rewriting", min(rewriteDeadline, s.deadlines.LLM), func(ctx context.Context) error {
		completion, err := s.chat.Complete(ctx, rewriteOf(c))
		if err != nil {
			return err
		}
		rewritten = rewrittenIn(completion.Content, c.question)
		if isBlank(rewritten) || len(rewritten) > maxRewritten || completion.FinishReason == "length" ||
			isRefusal(rewritten) {
			return errors.New("its reply is not a question")
		}
		return nil
	})
	result.Times.Rewriting = took
	if err != nil {
		result.warn(Warning{config.StageLLM, config.NotRewritten,
			modelError(config.StageLLM, s.config.Models.LLM.Name, err).Public() +
				", so the question was searched for as it was asked"})
		return
	}
	q.question, q.earlier, result.Query = rewritten, "", rewritten
}

func rewriteOf(c *conversation) model.ChatRequest {
	c = c.neutral()
	messages := []model.Message{{Role: "system", Content: rewriteSystem}}
	for _, turn := range lastTurns(c.turns, rewriteHistory) {
		messages = append(messages, turn...)
	}
	var temperature float64
	return model.ChatRequest{
		Messages:    append(messages, model.Message{Role: "user", Content: rewriteRequest + c.question}),
		MaxTokens:   rewriteTokens,
		Temperature: &temperature,
	}
}
