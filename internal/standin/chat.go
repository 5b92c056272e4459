package standin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

type chatRequest struct {
	Model               string          `json:"model"`
	Messages            []message       `json:"messages"`
	MaxTokens           *int            `json:"max_tokens"`
	MaxCompletionTokens *int            `json:"max_completion_tokens"`
	Stop                json.RawMessage `json:"stop"`
	Stream              bool            `json:"stream"`
	StreamOptions       struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

type message struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

// completion is an answer before it is put on the wire, whole or streamed.
type completion struct {
	id      string
	created int64
	model   string
	content string
	finish  string // stop or length
	usage   usage
}

// chat answers POST /v1/chat/completions. Temperature and its like change nothing: the model quotes. The
// system message is ignored.
func (h *handler) chat(body []byte) (reply, error) {
	var q chatRequest
	if err := decode(body, &q); err != nil {
		return nil, err
	}
	if err := serves(q.Model, h.Names.LLM); err != nil {
		return nil, err
	}
	prompt, used, err := h.prompt(q.Messages)
	if err != nil {
		return nil, err
	}
	limit, err := maxTokens(&q)
	if err != nil {
		return nil, err
	}
	stops, err := stops(q.Stop)
	if err != nil {
		return nil, err
	}
	content, finish := cut(answer(prompt), limit, stops)
	done := tokens(content)
	sum := sha256.Sum256(body)
	c := completion{
		id: "chatcmpl-" + hex.EncodeToString(sum[:8]), created: time.Now().Unix(), model: q.Model,
		content: content, finish: finish, usage: usage{Prompt: used, Completion: done, Total: used + done},
	}
	if q.Stream {
		return func(w http.ResponseWriter) { c.stream(w, q.StreamOptions.IncludeUsage) }, nil
	}
	return c.whole, nil
}

// prompt is the last user message, and the number of tokens in all messages.
func (h *handler) prompt(messages []message) (last string, used int, err error) {
	if len(messages) == 0 {
		return "", 0, refuse(http.StatusBadRequest, "'messages' must not be empty")
	}
	found := false
	for i, m := range messages {
		content, ok := plainText(m.Content)
		if !ok {
			return "", 0, refuse(http.StatusBadRequest, "'messages[%d].content' must be text", i)
		}
		used += tokens(content)
		if m.Role == "user" {
			last, found = content, true
		}
	}
	if !found {
		return "", 0, refuse(http.StatusBadRequest, "'messages' must hold a message of the role user")
	}
	if used > h.ContextWindow {
		return "", 0, refuse(http.StatusBadRequest,
			"This model's maximum context length is %d tokens. However, your messages resulted in %d tokens.",
			h.ContextWindow, used)
	}
	return last, used, nil
}

// plainText is a message's content: a string, null, or an array of text parts.
func plainText(raw json.RawMessage) (string, bool) {
	var s string
	if len(raw) == 0 || json.Unmarshal(raw, &s) == nil {
		return s, true
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return "", false
	}
	for _, p := range parts {
		if p.Type != "text" {
			return "", false
		}
		s += p.Text
	}
	return s, true
}

// maxTokens is the limit on the answer, 0 for none.
func maxTokens(q *chatRequest) (int, error) {
	limit := q.MaxTokens
	if q.MaxCompletionTokens != nil {
		limit = q.MaxCompletionTokens
	}
	if limit == nil {
		return 0, nil
	}
	if *limit < 1 {
		return 0, refuse(http.StatusBadRequest, "'max_tokens' must be at least 1")
	}
	return *limit, nil
}

func stops(raw json.RawMessage) ([]string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return many, nil
	}
	var one string
	if json.Unmarshal(raw, &one) != nil {
		return nil, refuse(http.StatusBadRequest, "'stop' must be a string or an array of strings")
	}
	return []string{one}, nil
}

// cut ends the content before the first stop text and at the limit in tokens.
func cut(content string, limit int, stops []string) (kept, finish string) {
	for _, stop := range stops {
		if i := strings.Index(content, stop); stop != "" && i >= 0 {
			content = content[:i]
		}
	}
	if limit > 0 && tokens(content) > limit {
		return head(content, limit*bytesPerToken), "length"
	}
	return content, "stop"
}

// whole writes the completion as one object.
func (c *completion) whole(w http.ResponseWriter) {
	writeJSON(w, http.StatusOK, map[string]any{
		"id": c.id, "object": "chat.completion", "created": c.created, "model": c.model,
		"choices": []any{map[string]any{
			"index": 0, "message": map[string]string{"role": "assistant", "content": c.content}, "finish_reason": c.finish,
		}},
		"usage": c.usage,
	})
}

// stream writes the completion as server-sent events: the role, a delta for each word, the finish reason, the
// usage if it is wanted, and [DONE].
func (c *completion) stream(w http.ResponseWriter, withUsage bool) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	out := events{w, http.NewResponseController(w)}
	out.send(c.chunk(map[string]string{"role": "assistant", "content": ""}, nil))
	for word := range strings.SplitAfterSeq(c.content, " ") {
		if word != "" && !out.send(c.chunk(map[string]string{"content": word}, nil)) {
			return
		}
	}
	out.send(c.chunk(map[string]string{}, c.finish))
	if withUsage {
		last := c.chunk(nil, nil)
		last["choices"], last["usage"] = []any{}, c.usage
		out.send(last)
	}
	out.write("[DONE]")
}

// chunk is one event's object.
func (c *completion) chunk(delta map[string]string, finish any) map[string]any {
	return map[string]any{
		"id": c.id, "object": "chat.completion.chunk", "created": c.created, "model": c.model,
		"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}},
	}
}

// events writes server-sent events, each flushed by itself.
type events struct {
	w     http.ResponseWriter
	flush *http.ResponseController
}

func (e events) send(v any) bool { return e.write(string(marshal(v))) }

// write reports whether the caller is still there.
func (e events) write(data string) bool {
	if _, err := e.w.Write([]byte("data: " + data + "\n\n")); err != nil {
		return false
	}
	return e.flush.Flush() == nil
}
