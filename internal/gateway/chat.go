package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// ChatRequest holds the fields of /v1/chat/completions that the gateway obeys or refuses.
type ChatRequest struct {
	Model               string          `json:"model"`
	Messages            []ChatMessage   `json:"messages"`
	Stream              bool            `json:"stream"`
	StreamOptions       StreamOptions   `json:"stream_options"`
	MaxTokens           *int            `json:"max_tokens"`
	MaxCompletionTokens *int            `json:"max_completion_tokens"`
	Temperature         *float64        `json:"temperature"`
	TopP                *float64        `json:"top_p"`
	Seed                *int64          `json:"seed"`
	Stop                json.RawMessage `json:"stop"` // is a string or up to 16 of them
	ResponseFormat      json.RawMessage `json:"response_format"`
	Filter              json.RawMessage `json:"filter"` // is parsed by query.ParseFilter
	// Retrieval false asks the LLM without passages, which only some pipelines allow.
	Retrieval *bool `json:"retrieval"`

	// The gateway ignores Tools and Functions, with a warning, unless the request demands a call.
	Tools        json.RawMessage `json:"tools"`
	ToolChoice   json.RawMessage `json:"tool_choice"`
	Functions    json.RawMessage `json:"functions"`
	FunctionCall json.RawMessage `json:"function_call"`

	// The gateway refuses the rest unless they are empty.
	N           *int            `json:"n"`
	Logprobs    json.RawMessage `json:"logprobs"`
	TopLogprobs json.RawMessage `json:"top_logprobs"`
	Audio       json.RawMessage `json:"audio"`
}

// StreamOptions selects which chunks a stream has beside those of the answer.
type StreamOptions struct {
	IncludeUsage bool `json:"include_usage"` // adds one with usage at the end
	// IncludeProgress adds one whenever a stage begins. The stream then begins at once, with status 200, whatever follows.
	IncludeProgress bool `json:"include_progress"`
}

// maxStops is how many stop sequences a request may have.
const maxStops = 16

// chat answers POST /v1/chat/completions.
func (g *Gateway) chat(x *exchange, r *http.Request) error {
	var body ChatRequest
	if err := decode(x, r, maxQuestionBody, &body); err != nil {
		return err
	}
	request, err := g.question("messages", &body)
	if err != nil {
		return err
	}
	if body.Stream {
		s := newStream(x, &g.config, body.StreamOptions.IncludeUsage, g.keepAlive)
		defer s.stop()
		if body.StreamOptions.IncludeProgress {
			request.Progress = s.progress
		}
		return s.failed(cutOff(r.Context(), g.query.Stream(r.Context(), *request, s)))
	}
	result, err := g.query.Answer(r.Context(), *request)
	if err != nil {
		return err
	}
	return x.sendJSON(NewCompletion(x.id, &g.config, result))
}

// question checks the body and translates it. The field is what the request calls its messages.
func (g *Gateway) question(field string, b *ChatRequest) (*query.Request, error) {
	if err := b.refuse(g.config.Pipeline.Name); err != nil {
		return nil, err
	}
	request := &query.Request{Temperature: b.Temperature, TopP: b.TopP, Seed: b.Seed}
	if request.Ungrounded = b.Retrieval != nil && !*b.Retrieval; request.Ungrounded && !g.config.Answer.AllowUngrounded {
		f := failure(http.StatusForbidden, "UngroundedNotAllowed",
			"retrieval: this pipeline answers from its documents only; leave the field out, or set gateway.allowUngrounded")
		f.Param = "retrieval"
		return nil, f
	}
	if !isEmpty(b.ResponseFormat) {
		request.ResponseFormat = b.ResponseFormat
	}
	var err error
	if request.Messages, request.Warnings, err = messages(field, b.Messages); err != nil {
		return nil, err
	}
	if !isEmpty(b.Tools) || !isEmpty(b.Functions) {
		request.Warnings = append(request.Warnings, query.Warning{Stage: config.StageLLM, Code: config.ToolsIgnored,
			Message: "this pipeline answers from its documents and calls no tools, so the request's tools were ignored"})
	}
	if request.MaxTokens, err = b.maxTokens(); err != nil {
		return nil, err
	}
	if request.Stop, err = stops(b.Stop); err != nil {
		return nil, err
	}
	request.Filter, err = query.ParseFilter(b.Filter)
	return request, err
}

// refuse returns an error for the first field that the pipeline does not support.
func (b *ChatRequest) refuse(pipeline string) error {
	switch {
	case b.Model != "" && b.Model != pipeline:
		f := notFound("UnknownModel", fmt.Sprintf("model: unknown; send %q or leave it empty", pipeline))
		f.Param = "model"
		return f
	case demandsTool(b.ToolChoice):
		return unsupported("tool_choice", "this pipeline calls no tools; send none or auto")
	case demandsTool(b.FunctionCall):
		return unsupported("function_call", "this pipeline calls no functions; send none or auto")
	case b.N != nil && *b.N != 1:
		return unsupported("n", "only 1 is supported")
	case !isEmpty(b.Logprobs):
		return unsupported("logprobs", "not supported")
	case !isEmpty(b.TopLogprobs):
		return unsupported("top_logprobs", "not supported")
	case !isEmpty(b.Audio):
		return unsupported("audio", "not supported; answers are text")
	case b.Temperature != nil && !(*b.Temperature >= 0 && *b.Temperature <= 2):
		return invalid("temperature", "must be from 0 to 2")
	case b.TopP != nil && !(*b.TopP > 0 && *b.TopP <= 1):
		return invalid("top_p", "must be above 0 and at most 1")
	}
	return nil
}

// maxTokens is the smaller of the values under the old and the new name, or 0 if neither is set.
func (b *ChatRequest) maxTokens() (int, error) {
	smallest := 0
	for field, n := range map[string]*int{"max_tokens": b.MaxTokens, "max_completion_tokens": b.MaxCompletionTokens} {
		if n == nil {
			continue
		}
		if *n < 1 {
			return 0, invalid(field, "must be at least 1")
		}
		if smallest == 0 || *n < smallest {
			smallest = *n
		}
	}
	return smallest, nil
}

// stops reads the stop sequences: a string or a list of strings.
func stops(raw json.RawMessage) ([]string, error) {
	if isEmpty(raw) {
		return nil, nil
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		one, ok := text(raw)
		if !ok {
			return nil, invalid("stop", "must be a string or a list of strings")
		}
		list = []string{one}
	}
	if len(list) > maxStops {
		return nil, invalid("stop", "has %d strings; at most %d are allowed", len(list), maxStops)
	}
	return list, nil
}
