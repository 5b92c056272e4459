package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// room is what a prompt and its answer may take of the LLM's context.
type room struct {
	window   int // is the context, in tokens
	answer   int // is the bound on the answer, in tokens; 0 if there is none
	passages int // is how many there may be at most
	// shown reports whether window is what the server has shown its context to be.
	shown bool
}

// room is that of the spec, or less if the server has shown that its context is smaller.
func (s *Service) room(r Request) room {
	full := room{
		window:   cmp.Or(s.config.Models.LLM.ContextWindow, defaultContextWindow),
		answer:   s.maxTokens(r),
		passages: MaxTopN,
	}
	if known := int(s.context.Load()); known > 0 {
		return full.within(known)
	}
	return full
}

// within is the room in a context of that many tokens. Of a small one, the answer gets a quarter.
func (r room) within(window int) room {
	r.window, r.shown = min(r.window, window), true
	if r.answer > r.window/2 {
		r.answer = r.window / 4
	}
	return r
}

// prompt is how many tokens the prompt may have.
func (r room) prompt() int { return r.window - r.answer }

// ask puts the prompt before the LLM. If its server refuses the prompt as too long, the LLM gets fewer
// passages. If the LLM fails before its first word and the policy allows it, the reply is the passages
// alone.
func (s *Service) ask(ctx context.Context, r Request, c *conversation, reply *reply) error {
	result := &reply.result
	found, warned, again := result.Passages, len(result.Warnings), false
	for room := s.room(r); ; {
		result.Passages = found
		messages, err := s.prompt(c, result, room)
		if err != nil {
			return err
		}
		if r.ResponseFormat == nil { // in JSON, [1] is a list
			reply.citations = newCitations(result.Passages)
			if s.config.Answer.Citations == config.InText {
				reply.citations.list = &ownList{passages: result.Passages}
			}
		}
		if err = s.chatStage(ctx, s.chatRequest(r, messages, room.answer), reply); err == nil {
			if smaller, ok := s.afterCut(c, reply, messages, room); ok && !again {
				room, again, result.Warnings = smaller, true, result.Warnings[:warned]
				continue
			}
			headForStatements(result)
			s.warnOfRoom(result, len(found), room, again)
			reply.warnOfOmitted(r)
			return reply.begin() // an answer that was cut before its first word has not begun yet
		}
		smaller, ok := s.smaller(room, len(result.Passages), err)
		if ok && !reply.begun {
			room = smaller
			continue
		}
		return s.withoutAnswer(tooSmall(err, c), reply)
	}
}

// afterCut returns the room for a second prompt, if the server has cut the first one in silence and the
// caller has seen nothing of the answer yet. Otherwise, it warns of the cut.
func (s *Service) afterCut(c *conversation, reply *reply, prompt []model.Message, room room) (room, bool) {
	limit := s.cutAt(prompt, reply.result.Usage)
	if limit == 0 || limit >= room.window {
		return room, false
	}
	smaller := room.within(limit)
	_, err := buildPrompt(s.config.Answer.System, c, reply.result.Passages, smaller.prompt())
	if err == nil && !reply.begun {
		return smaller, true
	}
	reply.result.warnOfCut(limit)
	return room, false
}

// withoutAnswer replies with the passages if the policy allows it, or returns the error.
func (s *Service) withoutAnswer(err error, reply *reply) error {
	failure, degraded := s.degrades(err, config.StageLLM, s.config.FailurePolicy.LLM)
	if !degraded || reply.begun {
		return err
	}
	reply.result.warn(failure.warning("the reply is the passages without an answer"))
	return reply.passagesOnly(reply.question)
}

// smaller returns less room than the one that the LLM's server refused: that of the context that the
// server names, or else half as many passages as were put before it.
func (s *Service) smaller(refused room, passages int, err error) (room, bool) {
	e, ok := errors.AsType[*model.Error](err)
	if !ok || e.Failure != config.InputTooLong {
		return room{}, false
	}
	if limit := e.ContextLimit(); limit > 0 && limit < refused.window {
		s.context.Store(int64(limit))
		return refused.within(limit), true
	}
	refused.passages = passages / 2
	return refused, refused.passages > 0
}

// tooSmall returns err, unless the server refused even one passage although the question is short: then
// no caller can do anything about it.
func tooSmall(err error, c *conversation) error {
	failure, ok := errors.AsType[*StageError](err)
	if !ok || failure.Code != config.InputTooLong || estimateTokens(c.question) > shortQuestion {
		return err
	}
	refusal, ok := errors.AsType[*model.Error](err)
	if !ok {
		return err
	}
	return modelError(config.StageLLM, refusal.Model, &model.Error{Stage: config.StageLLM, Failure: config.ModelRejected,
		Model: refusal.Model, Status: refusal.Status, Message: refusal.Message, Err: errTooSmall})
}

// shortQuestion is how many tokens a question has at most that nobody needs to shorten.
const shortQuestion = 256

var errTooSmall = errors.New("its context has no room for one passage: start its server with a larger one, " +
	"or lower chunking.size and gateway.maxTokens")

// prompt puts the conversation and the result's passages together. It cuts the passages to those in
// the prompt.
func (s *Service) prompt(c *conversation, result *Result, room room) ([]model.Message, error) {
	passages := result.Passages[:min(len(result.Passages), room.passages)]
	p, err := buildPrompt(s.config.Answer.System, c, passages, room.prompt())
	if err != nil {
		return nil, s.noRoom(err, c, room)
	}
	result.Passages = passages[:p.fits]
	return p.messages, nil
}

// noRoom returns err, unless a short question found no room because the context of the LLM's server is
// smaller than the spec says.
func (s *Service) noRoom(err error, c *conversation, room room) error {
	name := s.config.Models.LLM.Name
	if s.context.Load() == 0 || estimateTokens(c.question) > room.window/4 {
		return err
	}
	return modelError(config.StageLLM, name, &model.Error{Stage: config.StageLLM, Failure: config.ModelRejected,
		Model: name, Err: errTooSmall})
}

// warnOfRoom warns of passages that were not put before the LLM. cut reports whether the server has cut a
// prompt with all of them in silence.
func (s *Service) warnOfRoom(r *Result, found int, room room, cut bool) {
	fits := len(r.Passages)
	if fits == found && !cut {
		return
	}
	message := fmt.Sprintf("only the first %d of %d passages fit the model's context window", fits, found)
	if fits == found {
		message = "earlier turns of the conversation do not fit the model's context window"
	}
	switch {
	case room.shown && room.window < cmp.Or(s.config.Models.LLM.ContextWindow, defaultContextWindow):
		message += fmt.Sprintf(", which has %d tokens: set llm.contextWindow to that", room.window)
	case room.passages == fits:
		message += ", which is smaller than llm.contextWindow says"
	}
	r.warn(Warning{config.StageLLM, config.PassagesCut, message})
}

// maxTokens is the smaller of the caller's and the pipeline's bound on the answer.
func (s *Service) maxTokens(r Request) int {
	pipeline := s.config.Answer.MaxTokens
	if r.MaxTokens > 0 && (pipeline == 0 || r.MaxTokens < pipeline) {
		return r.MaxTokens
	}
	return pipeline
}
