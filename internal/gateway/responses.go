package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// ResponsesRequest holds the fields of /v1/responses that the gateway obeys or refuses. The others are
// as in a chat.
type ResponsesRequest struct {
	Model           string          `json:"model"`
	Input           json.RawMessage `json:"input"`        // is the question, or a list of items
	Instructions    *string         `json:"instructions"` // are a system message before the input
	Stream          bool            `json:"stream"`
	Store           *bool           `json:"store"` // has no effect, because the gateway stores nothing
	MaxOutputTokens *int            `json:"max_output_tokens"`
	Temperature     *float64        `json:"temperature"`
	TopP            *float64        `json:"top_p"`
	Text            ResponsesText   `json:"text"`
	Metadata        json.RawMessage `json:"metadata"` // is returned in the reply
	Filter          json.RawMessage `json:"filter"`
	Retrieval       *bool           `json:"retrieval"`
	Tools           json.RawMessage `json:"tools"` // are ignored, with a warning
	ToolChoice      json.RawMessage `json:"tool_choice"`

	// The gateway refuses the rest unless they are empty.
	PreviousResponseID json.RawMessage `json:"previous_response_id"`
	Conversation       json.RawMessage `json:"conversation"`
	Prompt             json.RawMessage `json:"prompt"`
	Background         json.RawMessage `json:"background"`
	TopLogprobs        json.RawMessage `json:"top_logprobs"`
}

// ResponsesText configures the answer's text.
type ResponsesText struct {
	Format json.RawMessage `json:"format"` // is passed to the LLM as response_format
}

// responses answers POST /v1/responses. It translates the request into that of a chat: both take the
// same path.
func (g *Gateway) responses(x *exchange, r *http.Request) error {
	var body ResponsesRequest
	if err := decode(x, r, maxQuestionBody, &body); err != nil {
		return err
	}
	request, err := g.responsesQuestion(&body)
	if err != nil {
		return err
	}
	reply := newResponse(x.id, &g.config, &body)
	if body.Stream {
		s := newResponseStream(x, reply, g.keepAlive)
		defer s.stop()
		return s.failed(cutOff(r.Context(), ofInput(g.query.Stream(r.Context(), *request, s))))
	}
	result, err := g.query.Answer(r.Context(), *request)
	if err != nil {
		return ofInput(err)
	}
	reply.complete(result)
	return x.sendJSON(reply)
}

// responsesQuestion checks the body and translates it.
func (g *Gateway) responsesQuestion(b *ResponsesRequest) (*query.Request, error) {
	if err := b.refuse(); err != nil {
		return nil, err
	}
	turns, err := b.turns()
	if err != nil {
		return nil, err
	}
	format, err := b.Text.responseFormat()
	if err != nil {
		return nil, err
	}
	request, err := g.question("input", &ChatRequest{
		Model:               b.Model,
		Messages:            turns,
		MaxCompletionTokens: b.MaxOutputTokens,
		Temperature:         b.Temperature,
		TopP:                b.TopP,
		ResponseFormat:      format,
		Filter:              b.Filter,
		Retrieval:           b.Retrieval,
		Tools:               b.Tools,
		ToolChoice:          b.ToolChoice,
	})
	if err == nil && b.Instructions != nil && *b.Instructions != "" {
		instructions := model.Message{Role: "system", Content: *b.Instructions}
		request.Messages = append([]model.Message{instructions}, request.Messages...)
	}
	return request, err
}

// refuse returns an error for the first field that the gateway does not support.
func (b *ResponsesRequest) refuse() error {
	const unstored = "this gateway stores no responses; send the earlier turns in input"
	switch {
	case !isEmpty(b.PreviousResponseID):
		return unsupported("previous_response_id", unstored)
	case !isEmpty(b.Conversation):
		return unsupported("conversation", unstored)
	case !isEmpty(b.Prompt):
		return unsupported("prompt", "this gateway stores no prompts; send instructions and input")
	case !isEmpty(b.Background):
		return unsupported("background", "not supported; wait for the answer, or stream it")
	case !isEmpty(b.TopLogprobs):
		return unsupported("top_logprobs", "not supported")
	case b.MaxOutputTokens != nil && *b.MaxOutputTokens < 1:
		return invalid("max_output_tokens", "must be at least 1")
	}
	return nil
}

// turns translates the input: a string, or a list of items.
func (b *ResponsesRequest) turns() ([]ChatMessage, error) {
	if question, ok := text(b.Input); ok {
		if question == "" {
			return nil, invalid("input", "must be the question, or a list of items that ends with it")
		}
		return []ChatMessage{{Role: "user", Content: b.Input}}, nil
	}
	var items []json.RawMessage
	if json.Unmarshal(b.Input, &items) != nil {
		return nil, invalid("input", "must be a string or a list of items")
	}
	turns := make([]ChatMessage, len(items))
	for i, raw := range items {
		var err error
		if turns[i], err = turn(fmt.Sprintf("input[%d]", i), raw); err != nil {
			return nil, err
		}
	}
	return turns, nil
}

// turn translates an item of the input: a message, or a call or result of some tool. A model's
// reasoning becomes a part that is not text.
func turn(field string, raw json.RawMessage) (ChatMessage, error) {
	var item struct {
		Type    string          `json:"type"`
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if json.Unmarshal(raw, &item) != nil {
		return ChatMessage{}, invalid(field, "must be an object")
	}
	switch {
	case item.Type == "" || item.Type == "message":
		return ChatMessage{Role: item.Role, Content: item.Content}, nil
	case item.Type == "item_reference":
		return ChatMessage{}, unsupported(field, "this gateway stores no items; send the item itself")
	case item.Type == "reasoning":
		return ChatMessage{Role: "assistant", Content: json.RawMessage(`[{"type":"reasoning"}]`)}, nil
	case strings.HasSuffix(item.Type, "_output"):
		return ChatMessage{Role: "tool"}, nil
	}
	return ChatMessage{Role: "assistant", ToolCalls: raw}, nil
}

// responseFormat is the format as a chat has it: a schema stands one level deeper there.
func (t *ResponsesText) responseFormat() (json.RawMessage, error) {
	if isEmpty(t.Format) {
		return nil, nil
	}
	var format map[string]json.RawMessage
	if json.Unmarshal(t.Format, &format) != nil {
		return nil, invalid("text.format", "must be an object")
	}
	kind, _ := text(format["type"])
	switch kind {
	case "text":
		return nil, nil
	case "json_schema":
		delete(format, "type")
		return json.Marshal(map[string]any{"type": kind, kind: format})
	}
	return t.Format, nil
}

// ofInput calls a field of the request as /v1/responses does, where package query calls it messages.
func ofInput(err error) error {
	if wrong, ok := errors.AsType[*query.Invalid](err); ok && wrong.Field == "messages" {
		renamed := *wrong
		renamed.Field = "input"
		return &renamed
	}
	return err
}
