package model

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"slices"
	"sync/atomic"
	"time"

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
	// instructions are those of the pipeline; they go with the first probe.
	instructions string
	// dialect holds the dialect of the server, as far as its refusals have shown it.
	dialect atomic.Uint32
	// longest is how many tokens the server lets an answer have; 0 until it has refused more.
	longest atomic.Int64
	// context is how many tokens the server's context has, if that is less than the spec says; 0 otherwise.
	context atomic.Int64
	// thinkStyle holds a thinkStyle, which is learned from the first probe.
	thinkStyle atomic.Int32
	// warmedUp reports whether a probe has asked for a whole answer.
	warmedUp atomic.Bool
	// unprobed reports whether nothing calls Probe, so that the first stream has to.
	unprobed atomic.Bool
}

// NewChat makes a client of the LLM m. A nil key sends none.
func NewChat(m config.LLM, key Key, t Transport) *Chat {
	c := &Chat{
		client: newClient(config.StageLLM, m.Name, join(m.URL, "/chat/completions"), key, t),
		extra:  m.ExtraBody,
	}
	c.client.secrets = append(c.client.secrets, secretsOf("", m.ExtraBody)...)
	c.unprobed.Store(m.NoProbe)
	c.context.Store(int64(m.ContextWindow))
	return c
}

// Instruct sets the system prompt that the first probe has, so that its answer begins as those to
// questions do: such a prompt may turn a model's thinking on. It must precede the first call.
func (c *Chat) Instruct(system string) { c.instructions = system }

// Complete returns the whole answer at once.
func (c *Chat) Complete(ctx context.Context, r ChatRequest) (*Completion, error) {
	answer, _, err := c.complete(ctx, r, interactive)
	return answer, err
}

// warmUpText is the question of the first probe. Its answer, of at most warmUpTokens, is a word, or
// some reasoning and a word.
const (
	warmUpText   = "Reply with the single word: yes"
	warmUpTokens = 256
	warmUpTime   = time.Minute
)

// Probe asks for one token, once. The first probe asks for a whole short answer instead: from it,
// the client learns the server's dialect and where this model's answers begin, before a user waits
// for the first piece of one.
func (c *Chat) Probe(ctx context.Context) error {
	if c.warmedUp.Load() {
		r := ChatRequest{Messages: []Message{{Role: "user", Content: probeText}}, MaxTokens: 1}
		_, _, err := c.complete(ctx, r, probe)
		return err
	}
	r := ChatRequest{
		Messages:    []Message{{Role: "user", Content: warmUpText}},
		MaxTokens:   warmUpTokens,
		Temperature: new(0.0),
	}
	if c.instructions != "" {
		r.Messages = slices.Insert(r.Messages, 0, Message{Role: "system", Content: c.instructions})
	}
	_, raw, err := c.complete(ctx, r, probe)
	if err == nil {
		c.thinkStyle.Store(int32(styleOf(raw)))
		c.warmedUp.Store(true)
	}
	return err
}

// styleOf returns where the answer to warmUpText begins. One that goes on for warmUpTokens, in place of
// a word, is reasoning whose end was cut off.
func styleOf(raw chatReply) thinkStyle {
	f := newThinkFilter(styleUnknown, true)
	f.push(raw.content)
	f.flush(false)
	if f.unopened || raw.finish == finishLength && !f.cut && !raw.reasons && raw.content != "" {
		return styleImplicit
	}
	return styleExplicit
}

// complete returns an answer, and as it was before its reasoning was cut.
func (c *Chat) complete(
	ctx context.Context, r ChatRequest, retry retryPolicy,
) (answer *Completion, raw chatReply, err error) {
	omitted, err := c.inDialect(&r, false, func(body []byte, teaches func(error) bool) error {
		return c.client.do(ctx, call{
			operation: "chat",
			teaches:   teaches,
			body:      body,
			texts:     contents(r.Messages),
			retry:     retry,
			timeout:   chatTimeout,
			read: func(ctx context.Context, resp *reply) (err error) {
				if isStream(resp) { // from a server that only streams
					answer, raw, err = c.gather(ctx, resp, r)
					return err
				}
				answer, raw, err = c.readWhole(ctx, resp, r)
				return err
			},
		})
	})
	if withheld(err) {
		return &Completion{FinishReason: finishContentFilter}, raw, nil
	}
	if err != nil {
		return nil, raw, err
	}
	answer.Omitted = omitted
	return answer, raw, nil
}

// Stream hands the answer's pieces to delta as they come, those of a model that was never probed in
// one piece. It tries again only before the first byte of the reply; an answer that breaks off is an
// error, after the pieces that came.
func (c *Chat) Stream(ctx context.Context, r ChatRequest, delta Delta) (answer *Completion, err error) {
	if c.unprobed.Swap(false) {
		go c.probeOnce(context.WithoutCancel(ctx))
	}
	begun := false
	omitted, err := c.inDialect(&r, true, func(body []byte, teaches func(error) bool) error {
		err := c.client.do(ctx, call{
			operation: "chat",
			teaches:   func(err error) bool { return !begun && teaches(err) },
			body:      body,
			texts:     contents(r.Messages),
			retry:     interactive,
			timeout:   firstByteTimeout,
			stream:    true,
			read: func(ctx context.Context, resp *reply) (err error) {
				if isJSON(resp) { // a server that does not stream
					if answer, _, err = c.readWhole(ctx, resp, r); err == nil && answer.Content != "" {
						err = asDeltaError(delta(answer.Content))
					}
					return err
				}
				answer, err = c.readStream(ctx, resp, r, func(content string) error {
					begun = true
					return delta(content)
				})
				return err
			},
		})
		if e, ok := errors.AsType[*Error](err); ok && begun {
			e.refusal = "" // an answer that has begun is not asked for again
		}
		return err
	})
	if e, ok := errors.AsType[*deltaError](err); ok {
		return nil, e.error
	}
	if withheld(err) {
		return &Completion{FinishReason: finishContentFilter}, nil
	}
	if err != nil {
		return nil, err
	}
	answer.Omitted = omitted
	return answer, nil
}

// probeOnce probes a model that nothing else does.
func (c *Chat) probeOnce(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, warmUpTime)
	defer cancel()
	if c.Probe(ctx) != nil {
		c.unprobed.Store(true)
	}
}

// inDialect posts the request in the server's dialect, as far as that is known. If the server refuses
// the form of it, inDialect posts it again in the form that the refusal asks for. What lets it through
// is remembered. It returns the names of the fields that the server did not get.
func (c *Chat) inDialect(r *ChatRequest, stream bool,
	post func(body []byte, teaches func(error) bool) error) (omitted []string, err error) {
	trial, err := c.first(r, stream)
	if err != nil {
		return nil, err
	}
	for {
		err := post(trial.body, func(err error) bool {
			said, formal := mayTeach(err)
			return formal && trial.next(said) != nil || withheld(err)
		})
		if err == nil {
			c.learn(trial.needed(), r)
			return trial.form.dialect.omitted(r), nil
		}
		if FailureOf(err) == config.InputTooLong || withheld(err) {
			c.learn(trial.needed(), r) // the server has read the form before it judged the text
		}
		c.noteContext(err)
		said, formal := mayTeach(err)
		if !formal || withheld(err) {
			return nil, err
		}
		next := trial.next(said)
		if next == nil {
			return nil, err
		}
		trial = next
	}
}

// noteContext tells of a context that is smaller than the spec says.
func (c *Chat) noteContext(err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return
	}
	limit, known := int64(e.ContextLimit()), c.context.Load()
	if limit > 0 && (known == 0 || limit < known) && c.context.CompareAndSwap(known, limit) {
		c.client.learned(fmt.Sprintf("has a context of %d tokens, less than llm.contextWindow", limit))
	}
}

// learn remembers the form that let a request through.
func (c *Chat) learn(f form, r *ChatRequest) {
	d := lastingOf(f.dialect, r)
	known := dialect(c.dialect.Or(uint32(d)))
	for _, l := range lessons {
		if l.fact != "" && d&l.way&^known != 0 {
			c.client.learned(l.fact)
		}
	}
	longest, before := int64(f.longest), c.longest.Load()
	if longest > 0 && (before == 0 || longest < before) && c.longest.CompareAndSwap(before, longest) {
		c.client.learned(fmt.Sprintf("writes answers of at most %d tokens", longest))
	}
}

// withheld reports whether the server refuses the prompt for its subject. The next one may have another.
func withheld(err error) bool {
	said, _ := mayTeach(err)
	words := said.names("content_filter") || containsAny(string(said), withheldWords)
	return words && FailureOf(err) == config.ModelRejected
}

// withheldWords are the words by which content filters refuse a prompt, besides Azure's code content_filter.
var withheldWords = []string{
	"content management policy",                          // Azure
	"content_policy_violation", "contentpolicyviolation", // OpenAI, LiteLLM
	"data_inspection_failed", "datainspectionfailed", // DashScope
	"content exists risk", // DeepSeek
	"new_sensitive",       // MiniMax
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

func isJSON(resp *reply) bool { return mediaType(resp) == "application/json" }

func isStream(resp *reply) bool { return mediaType(resp) == "text/event-stream" }

func mediaType(resp *reply) string {
	t, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return t
}

func contents(messages []Message) []string {
	out := make([]string, len(messages))
	for i, m := range messages {
		out[i] = m.Content
	}
	return out
}
