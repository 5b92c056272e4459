package model

import (
	"context"
	"net/http"
)

// chatReply is a chat.completion, a chat.completion.chunk, or an error in the place of one.
type chatReply struct {
	content  string // of the first choice: its message's or its delta's
	finish   string
	hasFirst bool // there is a first choice
	usage    *Usage
	problem  []byte // the JSON that holds an error; nil when it is none
}

// parseChat reads one JSON answer or one event of a stream. It looks at the first choice only. Errors have
// several shapes: {"error": ...}, {"object": "error", "message": ...}, {"detail": ...}, {"title": ...}; an
// object that is neither choice nor error is nothing, as a keep-alive is.
func parseChat(data []byte) (chatReply, error) {
	var c chatReply
	var failed, vague bool
	r := &reader{data: data}
	r.object(func(key []byte) {
		switch string(key) {
		case "choices":
			r.choices(&c)
		case "usage":
			c.usage = r.usage()
		case "error":
			failed = !r.null()
			if failed {
				r.skip()
			}
		case "detail", "message", "title":
			vague = true
			r.skip()
		default:
			r.skip()
		}
	})
	if failed || vague && !c.hasFirst {
		c.problem = data
	}
	return c, r.end()
}

func (r *reader) choices(c *chatReply) {
	r.array(func() {
		if r.null() {
			return
		}
		var content, finish string
		index := 0
		r.object(func(key []byte) {
			switch string(key) {
			case "index":
				index = r.integer()
			case "delta", "message":
				if s := r.content(); s != "" {
					content = s
				}
			case "finish_reason":
				finish = r.text()
			default:
				r.skip()
			}
		})
		if index == 0 {
			c.content, c.finish, c.hasFirst = content, finish, true
		}
	})
}

// content reads a message or delta. Its reasoning_content is left where it is.
func (r *reader) content() (s string) {
	if r.peek() != '{' {
		r.skip()
		return ""
	}
	r.object(func(key []byte) {
		if string(key) == "content" {
			s = r.text()
		} else {
			r.skip()
		}
	})
	return s
}

// readWhole reads an answer that is not streamed.
func (c *Chat) readWhole(ctx context.Context, resp *reply, r ChatRequest) (answer *Completion, err error) {
	err = c.client.whole(func(data []byte) error {
		parsed, err := parseChat(data)
		switch {
		case err != nil:
			return err
		case parsed.problem != nil:
			return c.inBand(parsed.problem)
		case !parsed.hasFirst:
			return errNoChoices
		}
		answer = &Completion{Content: c.withoutThinking(parsed.content, r.stopped(parsed.finish)),
			FinishReason: parsed.finish, Usage: parsed.usage}
		describe(ctx, parsed.finish, parsed.usage)
		return nil
	})(ctx, resp)
	return answer, err
}

// inBand is an error that came as or within a 200. Its own code says what kind it is, where it has one.
func (c *Chat) inBand(problem []byte) *Error {
	code := 0
	r := &reader{data: problem}
	r.object(func(key []byte) { code = max(code, r.code(key)) })
	if code < 400 || code > 599 {
		code = http.StatusInternalServerError
	}
	return c.client.refused(code, string(problem))
}

// code looks for a status in an error object: {"error": {"code": 429}}, {"code": 429}, {"status": 429}.
func (r *reader) code(key []byte) (code int) {
	switch b := r.peek(); {
	case string(key) == "error" && b == '{':
		r.object(func(key []byte) { code = max(code, r.code(key)) })
	case (string(key) == "code" || string(key) == "status") && b >= '0' && b <= '9':
		code = r.integer()
	default:
		r.skip()
	}
	return code
}
