package model

import "maps"

// chatRequest is a request. Extra holds the members of ExtraBody that are not among the other
// fields.
type chatRequest struct {
	Model               string         `json:"model,omitzero"`
	Messages            any            `json:"messages"`
	MaxTokens           int            `json:"max_tokens,omitzero"`
	MaxCompletionTokens int            `json:"max_completion_tokens,omitzero"`
	Temperature         *float64       `json:"temperature,omitzero"`
	TopP                *float64       `json:"top_p,omitzero"`
	Seed                *int64         `json:"seed,omitzero"`
	Stop                []string       `json:"stop,omitempty"`
	ResponseFormat      any            `json:"response_format,omitzero"`
	Stream              bool           `json:"stream"`
	StreamOptions       *streamOptions `json:"stream_options,omitzero"`
	Extra               map[string]any `json:",embed"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// partsMessage is a message whose content is a list of parts.
type partsMessage struct {
	Role    string     `json:"role"`
	Content []textPart `json:"content"`
}

type textPart struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// coldest replaces a temperature of 0 for servers that do not take it.
const coldest = 0.01

func (c *Chat) body(r *ChatRequest, stream bool, f form) ([]byte, error) {
	d := f.dialect
	b := chatRequest{
		Model: c.client.model, Messages: d.messages(r.Messages), MaxTokens: max(f.atMost(r.MaxTokens), 0),
		Temperature: r.Temperature, TopP: r.TopP, Seed: r.Seed, Stop: r.Stop, ResponseFormat: r.ResponseFormat,
		Stream: stream && d&noStream == 0 || d&onlyStream != 0,
	}
	if b.Stream {
		b.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	if d&warm != 0 && b.Temperature != nil {
		b.Temperature = new(max(*b.Temperature, coldest))
	}
	for _, l := range lessons {
		if d&l.way != 0 {
			b.leaveOut(l.way)
		}
	}
	for name, value := range c.extra {
		if value == nil {
			b.remove(name)
		}
	}
	b.addExtra(c.extra)
	return c.client.writeJSON(b)
}

// messages returns the messages as they are written.
func (d dialect) messages(messages []Message) any {
	messages = d.shaped(messages)
	if d&contentParts == 0 {
		return messages
	}
	parts := make([]partsMessage, len(messages))
	for i, m := range messages {
		parts[i] = partsMessage{m.Role, []textPart{{"text", m.Content}}}
	}
	return parts
}

// leaveOut takes out, or renames, the field that a way of a dialect concerns.
func (b *chatRequest) leaveOut(way dialect) {
	switch way {
	case completionTokens:
		b.MaxTokens, b.MaxCompletionTokens = 0, b.MaxTokens
	case noTemperature:
		b.Temperature = nil
	case noStreamOptions:
		b.StreamOptions = nil
	case noTopP:
		b.TopP = nil
	case noSeed:
		b.Seed = nil
	case noStop:
		b.Stop = nil
	case noTokenLimit:
		b.MaxTokens, b.MaxCompletionTokens = 0, 0
	}
}

// remove takes out the field that ExtraBody sets to null. Without messages or stream there would be
// no request.
func (b *chatRequest) remove(name string) {
	switch name {
	case "model":
		b.Model = ""
	case "max_tokens", "max_completion_tokens":
		b.MaxTokens, b.MaxCompletionTokens = 0, 0
	case "temperature":
		b.Temperature = nil
	case "top_p":
		b.TopP = nil
	case "seed":
		b.Seed = nil
	case "stop":
		b.Stop = nil
	case "response_format":
		b.ResponseFormat = nil
	case "stream_options":
		b.StreamOptions = nil
	}
}

// addExtra adds ExtraBody without nulls and without the fields that the request itself has.
func (b *chatRequest) addExtra(extra map[string]any) {
	limited := b.MaxTokens > 0 || b.MaxCompletionTokens > 0
	_, unnamed := extra["model"]
	unnamed = unnamed && b.Model == ""
	own := map[string]bool{
		"model": !unnamed, "messages": true, "stream": true, "stream_options": true,
		"max_tokens": limited, "max_completion_tokens": limited,
		"temperature": b.Temperature != nil, "top_p": b.TopP != nil, "seed": b.Seed != nil,
		"stop": len(b.Stop) > 0, "response_format": b.ResponseFormat != nil,
	}
	b.Extra = maps.Clone(extra)
	maps.DeleteFunc(b.Extra, func(name string, value any) bool { return value == nil || own[name] })
}
