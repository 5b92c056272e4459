package model

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"mime"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// chatTimeout is for a whole answer that is not streamed.
	chatTimeout = 5 * time.Minute
	// firstByteTimeout is for the head of a streamed reply: the prompt is read, and a laptop may load the model.
	firstByteTimeout = 2 * time.Minute
	// idleTimeout is for the pause between two pieces of a stream.
	idleTimeout = time.Minute
	// usageTimeout is for what may follow the answer's end, before the stream itself ends.
	usageTimeout = 2 * time.Second
	// closingTimeout is for the end of the stream after [DONE]; past it, the connection is given up.
	closingTimeout = 50 * time.Millisecond
)

// Chat asks the LLM.
type Chat struct {
	client *client
	// extra holds ExtraBody's members as JSON, in the order of their names.
	extra    []extraMember
	extraErr error
	// opening is learned from finished answers; it holds an opening.
	opening atomic.Int32
	// introduced says that a probe has asked for a whole answer.
	introduced atomic.Bool
}

type extraMember struct {
	name string
	json []byte
}

// NewChat makes a client of the LLM m. A nil key sends none.
func NewChat(m config.LLM, key Key, t Transport) *Chat {
	c := &Chat{client: newClient(config.StageLLM, m.Name, join(m.URL, "/chat/completions"), key, t)}
	for _, name := range slices.Sorted(maps.Keys(m.ExtraBody)) {
		value, err := json.Marshal(m.ExtraBody[name])
		if err != nil {
			c.extraErr = errors.New("extraBody cannot be written as JSON")
		}
		c.extra = append(c.extra, extraMember{name, value})
	}
	return c
}

// Complete returns the whole answer at once.
func (c *Chat) Complete(ctx context.Context, r ChatRequest) (*Completion, error) {
	return c.complete(ctx, r, prompt)
}

// introduction is what the first probe asks, and introductionTokens how long the answer may be: a word, or some
// reasoning and a word.
const (
	introduction       = "Reply with the single word: yes"
	introductionTokens = 256
)

// Probe asks for one token, once. The first probe asks for a whole short answer instead, which tells where this
// model's answers begin, before somebody waits for the first piece of one.
func (c *Chat) Probe(ctx context.Context) error {
	r := ChatRequest{Messages: []Message{{Role: "user", Content: probeText}}, MaxTokens: 1}
	if opening(c.opening.Load()) == unknown && !c.introduced.Load() {
		r = ChatRequest{Messages: []Message{{Role: "user", Content: introduction}},
			MaxTokens: introductionTokens, Temperature: new(0.0)}
	}
	_, err := c.complete(ctx, r, once)
	if err == nil {
		c.introduced.Store(true)
	}
	return err
}

func (c *Chat) complete(ctx context.Context, r ChatRequest, retry patience) (*Completion, error) {
	if c.extraErr != nil {
		return nil, c.client.fail(config.ModelRejected, c.extraErr)
	}
	var answer *Completion
	err := c.client.do(ctx, call{
		operation: "chat",
		body:      c.body(r, false),
		texts:     contents(r.Messages),
		retry:     retry,
		timeout:   chatTimeout,
		read: func(ctx context.Context, resp *reply) (err error) {
			answer, err = c.readWhole(ctx, resp, r)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// Stream hands the answer's pieces to delta as they come, the first answer of a model that was never probed in one
// piece. It tries again only before the first byte of the reply; an
// answer that breaks off is an error, after the pieces that came.
func (c *Chat) Stream(ctx context.Context, r ChatRequest, delta Delta) (*Completion, error) {
	if c.extraErr != nil {
		return nil, c.client.fail(config.ModelRejected, c.extraErr)
	}
	var answer *Completion
	err := c.client.do(ctx, call{
		operation: "chat",
		body:      c.body(r, true),
		texts:     contents(r.Messages),
		retry:     prompt,
		timeout:   firstByteTimeout,
		stream:    true,
		read: func(ctx context.Context, resp *reply) (err error) {
			if isJSON(resp) { // a server that does not stream
				if answer, err = c.readWhole(ctx, resp, r); err == nil && answer.Content != "" {
					err = wanted(delta(answer.Content))
				}
				return err
			}
			answer, err = c.readStream(ctx, resp, r, delta)
			return err
		},
	})
	if e, ok := errors.AsType[*deltaError](err); ok {
		return nil, e.error
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// stopped says whether an answer may have ended before the model was done.
func (r *ChatRequest) stopped(finish string) bool {
	return len(r.Stop) > 0 || finish != "stop" && finish != ""
}

// deltaError is an error that a Delta returned.
type deltaError struct{ error }

func (e *deltaError) Unwrap() error { return e.error }

// wanted marks a Delta's error as its own.
func wanted(err error) error {
	if err == nil {
		return nil
	}
	return &deltaError{err}
}

func isJSON(resp *reply) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return kind == "application/json"
}

func contents(messages []Message) []string {
	out := make([]string, len(messages))
	for i, m := range messages {
		out[i] = m.Content
	}
	return out
}

// body is the request's JSON: our own fields, and what of ExtraBody is not among them.
func (c *Chat) body(r ChatRequest, stream bool) []byte {
	own := map[string]bool{"stream_options": true}
	b := append(make([]byte, 0, room(contents(r.Messages)...)), '{')
	field := func(name string) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		own[name] = true
	}
	field("model")
	b = appendString(b, c.client.model)
	field("messages")
	b = appendMessages(b, r.Messages)
	if r.MaxTokens > 0 {
		field("max_tokens")
		b = strconv.AppendInt(b, int64(r.MaxTokens), 10)
	}
	if r.Temperature != nil {
		field("temperature")
		b = strconv.AppendFloat(b, *r.Temperature, 'g', -1, 64)
	}
	if r.TopP != nil {
		field("top_p")
		b = strconv.AppendFloat(b, *r.TopP, 'g', -1, 64)
	}
	if r.Seed != nil {
		field("seed")
		b = strconv.AppendInt(b, *r.Seed, 10)
	}
	if len(r.Stop) > 0 {
		field("stop")
		b = appendStrings(b, r.Stop)
	}
	if format, err := json.Marshal(r.ResponseFormat); r.ResponseFormat != nil && err == nil {
		field("response_format")
		b = append(b, format...)
	}
	field("stream")
	b = strconv.AppendBool(b, stream)
	if stream {
		field("stream_options")
		b = append(b, `{"include_usage":true}`...)
	}
	for _, m := range c.extra {
		if !own[m.name] {
			field(m.name)
			b = append(b, m.json...)
		}
	}
	return append(b, '}')
}

func appendMessages(b []byte, messages []Message) []byte {
	b = append(b, '[')
	for i, m := range messages {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"role":`...)
		b = appendString(b, m.Role)
		b = append(b, `,"content":`...)
		b = appendString(b, m.Content)
		b = append(b, '}')
	}
	return append(b, ']')
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}
