package model

import (
	"cmp"
	"context"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// chatReply is a chat.completion, a chat.completion.chunk, or an error in the place of one.
type chatReply struct {
	content  string // of the first choice: its message's or its delta's
	whole    bool   // reports whether it is a message's
	refusal  string // is what the model says in place of an answer
	reasons  bool   // reports whether it holds reasoning beside the content
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
	Base    struct {
		Status count `json:"status_code"`
	} `json:"base_resp"` // is MiniMax's
}

type choice struct {
	Index        number      `json:"index"`
	Delta        chatMessage `json:"delta"`
	Message      chatMessage `json:"message"`
	Text         text        `json:"text"` // is the answer of servers that have completions only
	FinishReason text        `json:"finish_reason"`
	// Error is OpenRouter's, in the place of the answer's end.
	Error jsontext.Value `json:"error"`
}

// chatMessage is a message or delta. Of reasoning it tells only that there is some.
type chatMessage struct {
	Content          content  `json:"content"`
	Refusal          text     `json:"refusal"`
	ReasoningContent presence `json:"reasoning_content"`
	Reasoning        presence `json:"reasoning"`
	ReasoningDetails presence `json:"reasoning_details"`
	Thinking         presence `json:"thinking"`
}

func (m *chatMessage) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*m = chatMessage{}
	return absentUnless('{', d)
}

// content is a message's content: a string, a part, or a list of parts, of which those with text are the
// answer.
type content struct {
	text    string
	reasons bool // reports whether a part holds reasoning
}

type contentPart struct {
	Type    text     `json:"type"`
	Text    text     `json:"text"`
	Thought presence `json:"thought"` // is Gemini's mark of reasoning, which is true
}

func (c *content) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*c = content{}
	switch d.PeekKind() {
	case '"':
		return json.UnmarshalDecode(d, &c.text)
	case '{':
		return c.readPart(d)
	case '[':
	default:
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if err := c.readPart(d); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func (c *content) readPart(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '"':
		var s string
		err := json.UnmarshalDecode(d, &s)
		c.text += s
		return err
	case '{':
		var p contentPart
		err := json.UnmarshalDecode(d, &p)
		switch {
		case !bool(p.Thought) && (p.Type == "" || p.Type == "text" || p.Type == "output_text"):
			c.text += string(p.Text)
		default:
			c.reasons = true
		}
		return err
	}
	return d.SkipValue()
}

// presence reports whether there is a value other than null, false and an empty string.
type presence bool

func (p *presence) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	value, err := d.ReadValue()
	*p = presence(value.Kind() != 'n' && value.Kind() != 'f' && string(value) != `""`)
	return err
}

// parseChat reads one JSON answer or one event of a stream. It looks at the first choice only. An
// object that holds neither a choice nor an error is empty, as a keep-alive is.
func parseChat(data []byte) (chatReply, error) {
	var answer chatJSON
	err := readJSON(data, &answer)
	reply := chatReply{usage: answer.Usage.exported()}
	for _, c := range answer.Choices {
		if c != nil && whole(c.Index.value) == 0 {
			d, m := &c.Delta, &c.Message
			reply.content = cmp.Or(d.Content.text, m.Content.text, string(c.Text))
			reply.whole = d.Content.text == "" && m.Content.text != ""
			reply.refusal = string(cmp.Or(d.Refusal, m.Refusal))
			reply.reasons = d.hasReasoning() || m.hasReasoning()
			reply.finish = finishReason(string(c.FinishReason))
			reply.hasFirst = true
			if isValue(c.Error) {
				reply.problem = c.Error
			}
		}
	}
	vague := answer.Detail != nil || answer.Message != nil || answer.Title != nil
	if isValue(answer.Error) || answer.Base.Status != 0 || vague && !reply.hasFirst {
		reply.problem = data
	}
	return reply, err
}

func isValue(v jsontext.Value) bool { return v != nil && v.Kind() != 'n' }

func (m *chatMessage) hasReasoning() bool {
	return m.Content.reasons || bool(m.ReasoningContent) || bool(m.Reasoning) ||
		bool(m.ReasoningDetails) || bool(m.Thinking)
}

// The finish reasons that matter here.
const (
	finishStop          = "stop"
	finishLength        = "length"
	finishContentFilter = "content_filter"
	finishError         = "error"
)

// finishReason puts other servers' finish reasons into OpenAI's words. An unknown one means that the
// answer is whole.
func finishReason(reason string) string {
	switch reason = strings.ToLower(reason); reason {
	case "", finishStop, finishLength, finishContentFilter, "tool_calls", "function_call":
		return reason
	case "max_tokens", "model_length", "max_length", "max_output_tokens":
		return finishLength
	case "safety", "recitation", "prohibited_content", "blocklist", "spii", "refusal", "guardrail_intervened":
		return finishContentFilter
	case "tool_use":
		return "tool_calls"
	case finishError, "abort": // OpenRouter; vLLM
		return finishError
	}
	return finishStop
}

// readWhole reads an answer that is not streamed. raw is the answer with its reasoning.
func (c *Chat) readWhole(
	ctx context.Context, resp *reply, r ChatRequest,
) (answer *Completion, raw chatReply, err error) {
	err = c.client.readsWhole(func(data []byte) (err error) {
		raw, err = parseChat(data)
		switch {
		case err != nil:
			return err
		case raw.problem != nil:
			return c.client.inBand(raw.problem)
		case !raw.hasFirst:
			return errNoChoices
		case raw.finish == finishError:
			return errEnded
		}
		answer = c.whole(ctx, r, raw)
		return nil
	})(ctx, resp)
	return answer, raw, err
}

// whole is an answer that is not streamed, without its reasoning.
func (c *Chat) whole(ctx context.Context, r ChatRequest, raw chatReply) *Completion {
	f := newThinkFilter(thinkStyle(c.thinkStyle.Load()), true)
	content := f.push(raw.content) + f.flush(r.stopped(raw.finish))
	answer := completion(content, raw, f.cut)
	answer.Usage = raw.usage
	describe(ctx, answer.FinishReason, raw.usage)
	return answer
}

// completion is an answer that has been read to its end. thought reports whether reasoning was cut
// out of it.
func completion(content string, end chatReply, thought bool) *Completion {
	c := &Completion{Content: content, FinishReason: end.finish}
	if strings.TrimSpace(content) != "" {
		return c
	}
	if end.refusal != "" {
		c.Content, c.Refused = end.refusal, true
		return c
	}
	c.OnlyReasoning = thought || end.reasons
	return c
}
