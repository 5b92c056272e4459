package query

import (
	"context"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// Ungrounded is a reason for asking the LLM without passages.
type Ungrounded string

// The reasons.
const (
	// FrontEndTask is a request that a chat front end makes by itself, such as for a title.
	FrontEndTask Ungrounded = "FrontEndTask"
	// AsRequested is a caller's wish.
	AsRequested Ungrounded = "AsRequested"
)

func ungrounded(r Request, c *conversation) Ungrounded {
	switch {
	case isFrontEndTask(c):
		return FrontEndTask
	case r.Ungrounded:
		return AsRequested
	}
	return ""
}

// needsModel is the reply to a request that only an LLM can answer.
const needsModel = "This request needs an LLM, and the pipeline has none."

// askUngrounded puts the conversation before the LLM as it is. The pipeline's own system prompt goes
// with a caller's request; the front ends' prompts have all the instructions that they need.
func (s *Service) askUngrounded(ctx context.Context, r Request, c *conversation, reply *reply) error {
	if s.chat == nil {
		reply.result.warn(Warning{config.StageLLM, config.NoModel, "the pipeline has no llm"})
		return reply.fixed(needsModel, nil)
	}
	var configured string
	if reply.result.Ungrounded == AsRequested {
		configured = s.config.Answer.System
	}
	room := s.room(r)
	prompt, err := plainPrompt(configured, c, room.prompt())
	if err != nil {
		return err
	}
	if err := s.chatStage(ctx, s.chatRequest(r, prompt, room.answer), reply); err != nil {
		return err
	}
	reply.warnOfOmitted(r)
	return reply.begin()
}

// plainPrompt is the conversation without passages, within the budget of tokens. The oldest turns
// give way.
func plainPrompt(configured string, c *conversation, budget int) ([]model.Message, error) {
	c = c.neutral()
	var messages []model.Message
	instructions := c.system
	if configured != "" {
		instructions = append([]string{configured}, c.system...)
	}
	if len(instructions) > 0 {
		messages = append(messages, model.Message{Role: "system", Content: strings.Join(instructions, "\n\n")})
		budget -= messageTokens(messages[0])
	}
	question := model.Message{Role: "user", Content: c.question}
	if budget -= messageTokens(question); budget < 0 {
		return nil, &Invalid{Field: "messages", TooLong: true,
			Message: "question and instructions do not fit the model's context window; shorten them"}
	}
	for _, turn := range lastTurns(c.turns, budget) {
		messages = append(messages, turn...)
	}
	return append(messages, question), nil
}
