package query

import (
	"time"

	"github.com/ragpipeline/ragpipeline/internal/model"
)

// reply gathers a result, and passes it on piece by piece when it is streamed.
type reply struct {
	to     Sender // nil when the whole is waited for
	begun  bool
	result Result
}

// begin tells the receiver, once, what is known before the first word.
func (r *reply) begin() error {
	if r.to == nil || r.begun {
		return nil
	}
	r.begun = true
	return r.to.Begin(&r.result)
}

func (r *reply) delta(content string) error {
	if err := r.begin(); err != nil {
		return err
	}
	return r.to.Delta(content)
}

// firstWord notes when the first word came.
func (r *reply) firstWord(asked time.Time) {
	if r.result.Times.FirstToken == 0 {
		r.result.Times.FirstToken = time.Since(asked)
	}
}

// finish takes over what the LLM said.
func (r *reply) finish(c *model.Completion) {
	r.result.Answer, r.result.FinishReason, r.result.Usage = c.Content, c.FinishReason, c.Usage
	if r.result.FinishReason == "" {
		r.result.FinishReason = "stop"
	}
}

// fixed replies with a text that no LLM wrote.
func (r *reply) fixed(text string) error {
	r.result.Answer, r.result.FinishReason = text, "stop"
	if r.to == nil {
		return nil
	}
	return r.delta(text)
}

func (r *Result) warn(w Warning) { r.Warnings = append(r.Warnings, w) }
