package model

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"mime"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// chatTimeout is for a whole answer that is not streamed.
	chatTimeout = 5 * time.Minute
	// firstByteTimeout is for the head of a streamed reply: the server reads the prompt, and may
	// load the model first.
	firstByteTimeout = 2 * time.Minute
	// idleTimeout is for the pause between two pieces of a stream.
	idleTimeout = time.Minute
	// usageTimeout is for what may follow the answer's end, before the stream itself ends.
	usageTimeout = 2 * time.Second
	// closingTimeout is for the end of the stream after [DONE]; after it, the client closes the
	// connection.
	closingTimeout = 50 * time.Millisecond
)

// Chat asks the LLM.
type Chat struct {
	client *client
	extra  map[string]any // holds ExtraBody
	// thinkStyle holds a thinkStyle, which is learned from finished answers.
	thinkStyle atomic.Int32
	// warmedUp reports whether a probe has asked for a whole answer.
	warmedUp atomic.Bool
}

// NewChat makes a client of the LLM m. A nil key sends none.
func NewChat(m config.LLM, key Key, t Transport) *Chat {
	return &Chat{
		client: newClient(config.StageLLM, m.Name, join(m.URL, "/chat/completions"), key, t),
		extra:  m.ExtraBody,
	}
}

// Complete returns the whole answer at once.
func (c *Chat) Complete(ctx context.Context, r ChatRequest) (*Completion, error) {
	return c.complete(ctx, r, interactive)
}

// warmUp is the question of the first probe. Its answer, of at most warmUpTokens, is a word, or
// some reasoning and a word.
const (
	warmUp       = "Reply with the single word: yes"
	warmUpTokens = 256
)

// Probe asks for one token, once. The first probe asks for a whole short answer instead: from it,
// the client learns where this model's answers begin, before a user waits for the first piece of
// one.
func (c *Chat) Probe(ctx context.Context) error {
	r := ChatRequest{Messages: []Message{{Role: "user", Content: probeText}}, MaxTokens: 1}
	if thinkStyle(c.thinkStyle.Load()) == styleUnknown && !c.warmedUp.Load() {
		r = ChatRequest{
			Messages:    []Message{{Role: "user", Content: warmUp}},
			MaxTokens:   warmUpTokens,
			Temperature: new(0.0),
		}
	}
	_, err := c.complete(ctx, r, probe)
	if err == nil {
		c.warmedUp.Store(true)
	}
	return err
}

func (c *Chat) complete(ctx context.Context, r ChatRequest, retry retryPolicy) (*Completion, error) {
	body, err := c.body(r, false)
	if err != nil {
		return nil, err
	}
	var answer *Completion
	err = c.client.do(ctx, call{
		operation: "chat",
		body:      body,
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

// Stream hands the answer's pieces to delta as they come, the first answer of a model that was
// never probed in one piece. It tries again only before the first byte of the reply; an answer that
// breaks off is an error, after the pieces that came.
func (c *Chat) Stream(ctx context.Context, r ChatRequest, delta Delta) (*Completion, error) {
	body, err := c.body(r, true)
	if err != nil {
		return nil, err
	}
	var answer *Completion
	err = c.client.do(ctx, call{
		operation: "chat",
		body:      body,
		texts:     contents(r.Messages),
		retry:     interactive,
		timeout:   firstByteTimeout,
		stream:    true,
		read: func(ctx context.Context, resp *reply) (err error) {
			if isJSON(resp) { // a server that does not stream
				if answer, err = c.readWhole(ctx, resp, r); err == nil && answer.Content != "" {
					err = asDeltaError(delta(answer.Content))
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

// stopped reports whether an answer may have ended before the model was done.
func (r *ChatRequest) stopped(finish string) bool {
	return len(r.Stop) > 0 || finish != "stop" && finish != ""
}

// deltaError is an error that a Delta returned.
type deltaError struct{ error }

func (e *deltaError) Unwrap() error { return e.error }

// asDeltaError marks an error as a Delta's own.
func asDeltaError(err error) error {
	if err == nil {
		return nil
	}
	return &deltaError{err}
}

func isJSON(resp *reply) bool {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return mediaType == "application/json"
}

func contents(messages []Message) []string {
	out := make([]string, len(messages))
	for i, m := range messages {
		out[i] = m.Content
	}
	return out
}

// chatRequest is a request. Extra holds the members of ExtraBody that are not among the other
// fields.
type chatRequest struct {
	Model string `json:"model"`
	ChatRequest
	Stream        bool           `json:"stream"`
	StreamOptions *streamOptions `json:"stream_options,omitzero"`
	Extra         map[string]any `json:",embed"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

func (c *Chat) body(r ChatRequest, stream bool) ([]byte, error) {
	r.MaxTokens = max(r.MaxTokens, 0)
	body := chatRequest{Model: c.client.model, ChatRequest: r, Stream: stream, Extra: c.extraFor(&r)}
	if stream {
		body.StreamOptions = &streamOptions{IncludeUsage: true}
	}
	return c.client.writeJSON(body)
}

// extraFor returns ExtraBody without the fields that the request itself has.
func (c *Chat) extraFor(r *ChatRequest) map[string]any {
	own := map[string]bool{
		"model": true, "messages": true, "stream": true, "stream_options": true,
		"max_tokens": r.MaxTokens > 0, "temperature": r.Temperature != nil, "top_p": r.TopP != nil,
		"seed": r.Seed != nil, "stop": len(r.Stop) > 0, "response_format": r.ResponseFormat != nil,
	}
	extra := maps.Clone(c.extra)
	maps.DeleteFunc(extra, func(name string, _ any) bool { return own[name] })
	return extra
}

// chatReply is a chat.completion, a chat.completion.chunk, or an error in the place of one.
type chatReply struct {
	content  string // of the first choice: its message's or its delta's
	finish   string
	hasFirst bool // reports whether there is a first choice
	usage    *Usage
	problem  []byte // holds the JSON of an error; nil if it is not one
}

// chatJSON is the wire format of a chatReply. Errors have several shapes: {"error": ...},
// {"object": "error", "message": ...}, {"detail": ...}, {"title": ...}.
type chatJSON struct {
	Choices list[*choice]  `json:"choices"`
	Usage   *usageJSON     `json:"usage"`
	Error   jsontext.Value `json:"error"`
	Detail  jsontext.Value `json:"detail"`
	Message jsontext.Value `json:"message"`
	Title   jsontext.Value `json:"title"`
}

type choice struct {
	Index        number      `json:"index"`
	Delta        chatMessage `json:"delta"`
	Message      chatMessage `json:"message"`
	FinishReason text        `json:"finish_reason"`
}

// chatMessage is a message or delta. It leaves out reasoning_content.
type chatMessage struct {
	Content text `json:"content"`
}

func (m *chatMessage) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*m = chatMessage{}
	return absentUnless('{', d)
}

// parseChat reads one JSON answer or one event of a stream. It looks at the first choice only. An
// object that holds neither a choice nor an error is empty, as a keep-alive is.
func parseChat(data []byte) (chatReply, error) {
	var answer chatJSON
	err := readJSON(data, &answer)
	reply := chatReply{usage: answer.Usage.exported()}
	for _, c := range answer.Choices {
		if c != nil && whole(c.Index.value) == 0 {
			reply.content = string(cmp.Or(c.Delta.Content, c.Message.Content))
			reply.finish = string(c.FinishReason)
			reply.hasFirst = true
		}
	}
	failed := answer.Error != nil && answer.Error.Kind() != 'n'
	vague := answer.Detail != nil || answer.Message != nil || answer.Title != nil
	if failed || vague && !reply.hasFirst {
		reply.problem = data
	}
	return reply, err
}

// readWhole reads an answer that is not streamed.
func (c *Chat) readWhole(ctx context.Context, resp *reply, r ChatRequest) (answer *Completion, err error) {
	err = c.client.readsWhole(func(data []byte) error {
		parsed, err := parseChat(data)
		switch {
		case err != nil:
			return err
		case parsed.problem != nil:
			return c.inBand(parsed.problem)
		case !parsed.hasFirst:
			return errNoChoices
		}
		answer = &Completion{
			Content:      c.withoutThinking(parsed.content, r.stopped(parsed.finish)),
			FinishReason: parsed.finish,
			Usage:        parsed.usage,
		}
		describe(ctx, parsed.finish, parsed.usage)
		return nil
	})(ctx, resp)
	return answer, err
}

// problem is an error that came as or within a 200, of which only the status matters: {"error":
// {"code": 429}}, {"code": 429}, {"status": 429}.
type problem struct {
	Code   count    `json:"code"`
	Status count    `json:"status"`
	Error  *problem `json:"error"`
}

func (p *problem) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*p = problem{}
	return absentUnless('{', d)
}

// status is the highest number that p or an error within it holds, or 0 if there is none.
func (p *problem) status() int {
	if p == nil {
		return 0
	}
	return max(int(p.Code), int(p.Status), p.Error.status())
}

// inBand is an error that came as or within a 200. Its own code selects its failure, if it has one.
func (c *Chat) inBand(data []byte) *Error {
	var p problem
	_ = readJSON(data, &p) // it has been read before
	code := p.status()
	if code < 400 || code > 599 {
		code = http.StatusInternalServerError
	}
	return c.client.refused(code, string(data))
}
