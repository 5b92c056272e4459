package model

import (
	"cmp"
	"encoding/json" // reads a value of any shape whose names may occur twice, which v2 does not
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/redact"
)

// Error is a failed model call. Its text never holds a key, a prompt or a passage: it keeps at most
// a bounded, printable piece of the server's reply, with the key removed.
type Error struct {
	Stage      config.Stage
	Failure    config.Failure
	Model      string
	URL        string        // is where the request went, without user, password and parameters
	Status     int           // HTTP status; 0 when there was no reply
	Code       string        // is the server's own word for the error; empty when it gave none
	Message    string        // is the server's message, bounded
	RetryAfter time.Duration // from Retry-After; 0 when absent
	Err        error         // the cause below, if any
	// Told replaces what the Failure means to the operator, and what to do, where the circumstances show more.
	Told string

	// refusal is the server's reply as it came, bounded. It may quote the request, so it goes nowhere.
	refusal string
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s %q %s", noun(e.Stage), e.Model, cmp.Or(e.Told, e.Failure.Meaning().ForOperator))
	switch {
	case e.Status != 0 && e.Code != "":
		s += fmt.Sprintf(" (HTTP %d, %s)", e.Status, e.Code)
	case e.Status != 0:
		s += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Lasts() {
		s += fmt.Sprintf("; it asks to wait for %v", e.RetryAfter.Round(time.Second))
	}
	return s
}

// Lasts reports whether the server asks for a wait that no call makes.
func (e *Error) Lasts() bool { return e.RetryAfter > background.longest }

// noun names the server of a stage in messages.
func noun(stage config.Stage) string {
	if stage == config.StageExtraction {
		return "extraction server"
	}
	return string(stage) + " model"
}

// Summary describes e in words that are the same each time it happens, for status messages. It
// omits the server's message if that contains digits or the id of a request, and keeps only the
// innermost cause, because those above it name ports.
func (e *Error) Summary() string {
	stable := &Error{Stage: e.Stage, Failure: e.Failure, Model: e.Model, Status: e.Status, Code: e.Code, Told: e.Told}
	if !strings.ContainsFunc(e.Message, unicode.IsDigit) && !containsAny(e.Message, idWords) {
		stable.Message = e.Message
	}
	for err := e.Err; err != nil; err = errors.Unwrap(err) {
		stable.Err = err
	}
	return stable.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// FailureOf returns the failure of a model call in err's chain, or an empty one.
func FailureOf(err error) config.Failure {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Failure
	}
	return ""
}

// idWords are in messages that name the one request that failed.
var idWords = []string{"request id", "request_id", "request-id", "requestid", "trace", "req_", "req-", "uuid"}

// maxErrorBody bounds, in bytes, what is read of an error's body.
const maxErrorBody = 64 << 10

// refusal turns a reply that is not 200 into an *Error. Its message is not yet clean.
func (c *client) refusal(resp *http.Response) *Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // a body cut short still has its status
	e := c.refused(resp.StatusCode, string(body))
	e.RetryAfter = retryAfter(resp.Header)
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		e.Message = redirected(resp)
	case resp.StatusCode < 300 && e.Message == "":
		e.Err = errEmpty
	}
	return e
}

const onlyWithin = "only one redirect within the server, by 307 or 308, is followed: " +
	"the key must not reach another host"

// redirected is the message about a redirect that send does not follow.
func redirected(resp *http.Response) string {
	to, err := resp.Location()
	if err != nil {
		return "it redirects; " + onlyWithin
	}
	return "it redirects to " + to.Scheme + "://" + to.Host + "; " + onlyWithin // a path may be as good as a key
}

// refused classifies an error by its status and by the server's message in body: JSON of some shape
// or text.
func (c *client) refused(status int, body string) *Error {
	said := serverMessage(body)
	e := c.fail(failureFor(status, cmp.Or(said, body)), nil)
	e.Status, e.Code, e.Message = status, errorCode(body), said
	if status == http.StatusTooManyRequests && unpaid[e.Code] {
		e.Failure = config.ModelUnpaid
	}
	e.refusal = body[:min(len(body), maxErrorBody)]
	return e
}

// byStatus are the failures that a status tells by itself.
var byStatus = map[int]config.Failure{
	http.StatusUnauthorized:          config.ModelUnauthorized,
	http.StatusForbidden:             config.ModelUnauthorized,
	http.StatusProxyAuthRequired:     config.ModelUnreachable,
	http.StatusPaymentRequired:       config.ModelUnpaid,
	http.StatusGone:                  config.ModelRetired,
	http.StatusRequestEntityTooLarge: config.InputTooLong,
	http.StatusTooManyRequests:       config.ModelOverloaded,
	http.StatusRequestTimeout:        config.ModelTimedOut,
	http.StatusGatewayTimeout:        config.ModelTimedOut,
}

func failureFor(status int, said string) config.Failure {
	said, _, _ = strings.Cut(said, "'input':") // of a validation error that Python wrote as text
	switch {
	case byStatus[status] != "":
		return byStatus[status]
	case status == http.StatusServiceUnavailable && containsAny(said, fullWords):
		return config.ModelOverloaded
	case status == http.StatusServiceUnavailable:
		return config.ModelNotReady
	case status == http.StatusBadRequest && byWords(said) != "":
		return byWords(said)
	case mayBeTooLong(status) && containsAny(said, tooLongWords):
		return config.InputTooLong
	case status == http.StatusNotFound && strings.Contains(said, noResult):
		return config.ModelRejected
	case status == http.StatusNotFound, status >= 300 && status < 400:
		return config.ModelNotFound
	case status >= 400 && status < 500:
		return config.ModelRejected
	}
	return config.ModelBroken
}

// byWords returns the failure for which others have a status of its own, where a server has 400 for it.
func byWords(said string) config.Failure {
	for _, known := range []struct {
		words   []string
		failure config.Failure
	}{
		{[]string{"api key not valid", "incorrect api key", "invalid api key", "login fail"}, // Gemini; xAI; MiniMax
			config.ModelUnauthorized},
		{[]string{"credit balance is too low"}, config.ModelUnpaid}, // Anthropic
		// DeepSeek; LiteLLM, Mistral; OpenRouter
		{[]string{"model not exist", "invalid model", "is not a valid model"}, config.ModelNotFound},
	} {
		if containsAny(said, known.words) {
			return known.failure
		}
	}
	return ""
}

// mayBeTooLong reports whether status is one that servers use for a text over the limit; llama.cpp
// uses 500.
func mayBeTooLong(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnprocessableEntity ||
		status == http.StatusInternalServerError
}

// tooLongWords are the words by which servers refuse a text, or a batch of them, over a limit. They
// are many, because a miss fails a document for good while a false hit costs a few requests.
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
	"max allowed tokens",      // Voyage: The max allowed tokens per submitted batch is 120000
	"tokens per request",      // OpenAI: Requested 400000 tokens, max 300000 tokens per request
	"max_new_tokens` must be", // text-generation-inference: `inputs` tokens + `max_new_tokens` must be <= 4096
	"max_new_tokens must be",
	"model max length", "maximum model length", // OpenVINO's model server; vLLM
	"prompt length", "reduce the length", "reduce your prompt", // xAI; Azure
	"exceeds maximum length", "exceeds the maximum length", "longer than", "exceeds the limit of",
	"maxlength", // Bedrock: expected maxLength: 2048, actual: 3000
	"超长", "长度超", // Zhipu
}

// fullWords distinguish a 503 for a full queue from one for a model that is still loading.
var fullWords = []string{"queue", "overload", "busy", "capacity", "too many requests", "rate limit"}

// noResult is in the 404 by which docling-serve refuses a document; any other 404 means a wrong path.
const noResult = "Task result not found"

func containsAny(said string, words []string) bool {
	said = strings.ToLower(said)
	for _, w := range words {
		if strings.Contains(said, w) {
			return true
		}
	}
	return false
}

// maxMessage bounds, in code points, a server's message.
const maxMessage = 200

// serverMessage finds the message in an error's body, of which these shapes are known: {"error":
// text}, {"error": {"message": text}}, {"detail": text}, {"detail": [{"msg": text}]}, {"message":
// text}, {"title": text}, a JSON string, the title of a web page, and plain text. For any other
// shape, it is empty.
func serverMessage(body string) string {
	body = strings.TrimSpace(body)
	var v any
	if json.Unmarshal([]byte(body), &v) == nil {
		return cmp.Or(behindRouter(v), words(v, 3))
	}
	switch {
	case strings.HasPrefix(body, "{"), strings.HasPrefix(body, "["):
		return ""
	case isPage([]byte(body)):
		return pageTitle([]byte(body))
	}
	return body
}

// behindRouter returns what OpenRouter repeats of the server behind it. Its own message says only that there was an
// error.
func behindRouter(v any) string {
	reply, _ := v.(map[string]any)
	failure, _ := reply["error"].(map[string]any)
	metadata, _ := failure["metadata"].(map[string]any)
	raw, _ := metadata["raw"].(string)
	if raw == "" {
		return ""
	}
	return serverMessage(raw)
}

// messageKeys are the names under which servers have their messages, or objects that hold them.
var messageKeys = []string{
	"error", "Error", "errors", "message", "Message", "msg", "detail", "title", "fault", "faultstring",
	"base_resp", "status_msg", "error_msg", "err_msg", "errmsg", "Response",
}

// words looks depth levels deep for the first text under a known key. Objects hold the offending
// input under other keys, as FastAPI's validation errors do.
func words(v any, depth int) string {
	if depth < 0 {
		return ""
	}
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 {
			return words(v[0], depth-1)
		}
	case map[string]any:
		for _, key := range messageKeys {
			if s := words(v[key], depth-1); s != "" {
				return s + wrongField(v["loc"])
			}
		}
	}
	return ""
}

// wrongField names the field that FastAPI's validation refuses: its path without body.
func wrongField(loc any) string {
	path, _ := loc.([]any)
	var names []string
	for _, part := range path {
		if name, ok := part.(string); ok && name != "body" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ".") + ")"
}

// clean makes a server's message fit for logs and users: printable, short, without the secrets and the
// particular words of the request's texts, and empty when it quotes them at length.
func clean(message string, secrets, texts []string) string {
	if message == "" {
		return ""
	}
	forms := redact.Forms(secrets)
	message = redact.Hide(message, forms)
	message = message[:min(len(message), 8*maxMessage)]
	printable := []rune(strings.Join(strings.FieldsFunc(message, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	}), " "))
	// Quotations are searched for beyond the cut too, so that it does not leave the beginning of
	// one.
	beyond := printable[:min(len(printable), maxMessage+quoteLength)]
	long := slices.DeleteFunc(forms, func(form string) bool { return len(form) < redact.LeastEncoded }) // not EMPTY, say
	if quotes(string(beyond), slices.Concat(long, texts)) {
		return ""
	}
	return mask(string(printable[:min(len(printable), maxMessage)]), texts)
}

// quoteLength is how many letters and digits in a row, the same in a message and a text, make a
// quotation.
const quoteLength = 16

// quotes reports whether message repeats a part of one of the texts, or the whole of a short one,
// however it is escaped, wrapped or punctuated.
func quotes(message string, texts []string) bool {
	said := redact.Letters(message)
	for _, text := range texts {
		text := redact.Letters(text)
		if n := len(text); n > 2 && n < quoteLength && strings.Contains(string(said), string(text)) {
			return true
		}
		if len(text) < quoteLength {
			continue
		}
		haystack := string(text)
		for i := 0; i+quoteLength <= len(said); i++ {
			if strings.Contains(haystack, string(said[i:i+quoteLength])) {
				return true
			}
		}
	}
	return false
}
