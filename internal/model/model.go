// Package model speaks to the models of the question path over HTTP: embedding, ranking and chat,
// behind NIM's API or an OpenAI-compatible one.
//
// Every call is bounded in time, size and concurrency, is retried only where that is safe, and
// fails with an *Error.
package model

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Key returns the API key as it is now. It is called before every request, so that a rotated key
// takes effect.
type Key func() (string, error)

// Embedded is the vector of one text.
type Embedded struct {
	Vector []float32
	// Truncated reports whether the model saw only the beginning of the text.
	Truncated bool
	// Limit is the message with which the server refused the whole text; empty if not Truncated.
	Limit string
}

// Ranked is a passage's place in a ranking.
type Ranked struct {
	Index int     // into the passages given
	Score float64 // unbounded logit (NIM) or relevance score (OpenAI); higher is better
}

// Message is a turn of a chat.
type Message struct {
	Role    string `json:"role"` // system, user or assistant
	Content string `json:"content"`
}

// ChatRequest is a question to the LLM. Nil pointers are left out of the request.
type ChatRequest struct {
	Messages       []Message `json:"messages"`
	MaxTokens      int       `json:"max_tokens,omitzero"`
	Temperature    *float64  `json:"temperature,omitzero"`
	TopP           *float64  `json:"top_p,omitzero"`
	Seed           *int64    `json:"seed,omitzero"`
	Stop           []string  `json:"stop,omitempty"`
	ResponseFormat any       `json:"response_format,omitzero"` // is passed through as it is
}

// Usage counts tokens, as the server reports them.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

// usageJSON is the wire format of a Usage.
type usageJSON struct {
	PromptTokens     count `json:"prompt_tokens"`
	CompletionTokens count `json:"completion_tokens"`
	TotalTokens      count `json:"total_tokens"`
}

// exported is the Usage; nil where the server gave none.
func (u *usageJSON) exported() *Usage {
	if u == nil {
		return nil
	}
	return &Usage{int(u.PromptTokens), int(u.CompletionTokens), int(u.TotalTokens)}
}

// plus adds two counts, either of which may be nil.
func (u *Usage) plus(v *Usage) *Usage {
	if u == nil || v == nil {
		if u == nil {
			return v
		}
		return u
	}
	return &Usage{
		PromptTokens:     u.PromptTokens + v.PromptTokens,
		CompletionTokens: u.CompletionTokens + v.CompletionTokens,
		TotalTokens:      u.TotalTokens + v.TotalTokens,
	}
}

// Completion is a whole answer, or the end of a streamed one (then Content is all that was
// streamed).
type Completion struct {
	Content      string // without reasoning: neither fields such as reasoning_content nor blocks such as <think>
	FinishReason string // is one of OpenAI's words; empty when the server gave none
	Usage        *Usage // nil when the server gave none
	// OnlyReasoning reports whether Content is empty because all that came was reasoning.
	OnlyReasoning bool
	// Refused reports whether Content is the model's refusal, which came in the place of an answer.
	Refused bool
	// Omitted names the fields of the request that the server does not take, and did not get.
	Omitted []string
}

// Delta receives a piece of a streamed answer. An error from it ends the stream and is returned as
// it is.
type Delta func(content string) error

// Observer is called after every HTTP call, for each attempt, and after one that a missing key
// prevented. It feeds metrics and the stages of the ops port. err is nil or an *Error; a call that
// its caller cancelled is not reported.
type Observer func(stage config.Stage, took time.Duration, err error)

// Transport is what the clients of one process share.
type Transport struct {
	// HTTP is the round tripper below; nil means one made for model traffic: pooled, HTTP/2 where
	// offered, proxies from the environment.
	HTTP http.RoundTripper
	// Observe may be nil.
	Observe Observer
	// Log receives a line when ingestion waits for a model, which may take a minute, and when a
	// client has learned how a server departs from its protocol. Nil discards it.
	Log *slog.Logger
	// Learned is told what was learned of a stage's server; it may be nil.
	Learned func(stage config.Stage, fact string)
}
