package model

import (
	"cmp"
	"io"
	"net/http"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// maxErrorBody bounds what is read of an error's body.
const maxErrorBody = 64 << 10

// refusal turns a reply that is not 200 into an *Error. Its message is not yet clean.
func (c *client) refusal(resp *http.Response) *Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // a body cut short still has its status
	e := c.refused(resp.StatusCode, string(body))
	e.RetryAfter = retryAfter(resp.Header)
	return e
}

// refused classifies an error by its status and by what the server said in body: JSON of some shape or text.
func (c *client) refused(status int, body string) *Error {
	said := serverMessage(body)
	e := c.fail(kindOf(status, cmp.Or(said, body)), nil)
	e.Status = status
	e.Message = said
	if status >= 300 && status < 400 {
		e.Message = "it redirects, which is not followed: the key must not reach another host"
	}
	return e
}

func kindOf(status int, said string) config.Failure {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return config.ModelUnauthorized
	case status == http.StatusPaymentRequired:
		return config.ModelUnpaid
	case status == http.StatusGone:
		return config.ModelRetired
	case status == http.StatusRequestEntityTooLarge:
		return config.InputTooLong
	case status == http.StatusTooManyRequests:
		return config.ModelOverloaded
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		return config.ModelTimedOut
	case status == http.StatusServiceUnavailable && saysAny(said, fullWords):
		return config.ModelOverloaded
	case status == http.StatusServiceUnavailable:
		return config.ModelNotReady
	case mayBeTooLong(status) && saysAny(said, tooLongWords):
		return config.InputTooLong
	case status == http.StatusNotFound, status >= 300 && status < 400:
		return config.ModelNotFound
	case status >= 400 && status < 500:
		return config.ModelRejected
	}
	return config.ModelBroken
}

// mayBeTooLong holds for the statuses that servers use for a text over the limit; llama.cpp uses 500.
func mayBeTooLong(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnprocessableEntity ||
		status == http.StatusInternalServerError
}

// tooLongWords are how servers say that a text, or a batch of them, exceeds a limit. They are many, because
// a miss fails a document for good while a false hit costs a few requests.
var tooLongWords = []string{
	"exceeds maximum allowed token",  // NIM 1.x: Input length 548 exceeds maximum allowed token size 512
	"input length",                   // other wordings of that; Ollama: the input length exceeds the context length
	"maximum input length",           // OpenAI embeddings
	"context length", "context size", // OpenAI and vLLM; llama.cpp
	"context window", "max_model_len", "max_seq_len",
	"sequence length", "max sequence",
	"too large to process", // llama.cpp, beyond its physical batch
	"too long", "too many tokens", "token limit", "maximum number of tokens",
	"must have less than", // text-embeddings-inference: `inputs` must have less than 512 tokens
	"maximum batch size", "max batch size", "batch size exceeds",
}

// fullWords tell a 503 for a full queue from one for a model that is still loading.
var fullWords = []string{"queue", "overload", "busy", "capacity", "too many requests", "rate limit"}

func saysAny(said string, words []string) bool {
	said = strings.ToLower(said)
	for _, w := range words {
		if strings.Contains(said, w) {
			return true
		}
	}
	return false
}
