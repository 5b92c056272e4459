package query

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// The fixed sentences of replies whose LLM gave no word.
const (
	withheld    = "The model's content filter withheld the answer."
	onlyThought = "The model ended its reasoning without an answer."
)

var errNoWord = errors.New("its answer has no word")

// wordless replies where the LLM has ended without a word. It returns the receiver's error, or that of
// the LLM where there is no reason for its silence.
func (r *reply) wordless(c *model.Completion) (sendErr, err error) {
	switch {
	case c.FinishReason == "content_filter":
		r.result.warn(Warning{config.StageLLM, config.AnswerRefused, "the llm's content filter withheld the answer"})
		sendErr = r.fixed(withheld, nil)
	case c.OnlyReasoning || c.FinishReason == "length":
		r.result.warn(Warning{config.StageLLM, config.OnlyReasoning,
			"the llm used all its tokens for reasoning, so the reply is the passages; allow it more with max_tokens and " +
				"gateway.maxTokens, or turn its reasoning off with llm.extraBody"})
		if len(r.result.Passages) > 0 {
			sendErr = r.passagesOnly(r.question)
		} else {
			sendErr = r.fixed(onlyThought, nil)
		}
	default:
		return nil, errNoWord
	}
	r.result.Usage = c.Usage
	if c.FinishReason != "" {
		r.result.FinishReason = c.FinishReason
	}
	return sendErr, nil
}

// warnOfRefusal warns of an answer that the LLM refused, or of which its filter withheld the end.
func (r *Result) warnOfRefusal(c *model.Completion) {
	switch {
	case c.Refused:
		r.warn(Warning{config.StageLLM, config.AnswerRefused, "the llm refused to answer"})
	case c.FinishReason == "content_filter":
		r.warn(Warning{config.StageLLM, config.AnswerRefused, "the llm's content filter withheld the rest of the answer"})
	}
}

// warnOfOmitted warns of the caller's fields that the LLM's server does not take.
func (r *reply) warnOfOmitted(asked Request) {
	set := map[string]bool{
		"temperature": asked.Temperature != nil, "top_p": asked.TopP != nil, "seed": asked.Seed != nil,
		"stop": len(asked.Stop) > 0, "max_tokens": asked.MaxTokens > 0,
	}
	var names []string
	for _, name := range r.omitted {
		if set[name] {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		message := "the llm's server does not take %s, which the request sets: it was asked without"
		r.result.warn(Warning{config.StageLLM, config.FieldsOmitted, fmt.Sprintf(message, strings.Join(names, ", "))})
	}
}
