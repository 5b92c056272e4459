package nimsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// answerFaults concern answers, whole and streamed.
var answerFaults = []Fault{
	{Name: "no-choices", Does: "an answer without choices", Roles: llm, serve: func(x *exchange) {
		x.answer(func(body map[string]any) { body["choices"] = []any{} }, func(events []string) []string { return events[len(events)-1:] })
	}},
	{Name: "null-choice", Does: "an answer whose choice is null", Roles: llm, serve: func(x *exchange) {
		x.answer(func(body map[string]any) { body["choices"] = []any{nil} },
			func([]string) []string { return []string{`{"object":"chat.completion.chunk","choices":[null]}`, done} })
	}},
	{Name: "reasoning-content", Does: "the model's reasoning beside the answer, in reasoning_content", Roles: llm, Harmless: true, serve: func(x *exchange) {
		x.answer(func(body map[string]any) { message(body)["reasoning_content"] = Reasoning }, func(events []string) []string {
			return before(events, map[string]any{"reasoning_content": Reasoning}, map[string]any{"content": nil, "reasoning_content": "\n"})
		})
	}},
	{Name: "think-block", Does: "the model's reasoning before the answer, in <think>, its tags cut in two by the stream", Roles: llm, Harmless: true, serve: func(x *exchange) {
		x.answer(func(body map[string]any) {
			m := message(body)
			m["content"] = "<think>\n" + Reasoning + "\n</think>\n\n" + m["content"].(string)
		}, func(events []string) []string {
			var deltas []map[string]any
			for _, piece := range []string{"<th", "ink>\n", Reasoning, "\n</thi", "nk>\n\n"} {
				deltas = append(deltas, map[string]any{"content": piece})
			}
			return before(events, deltas...)
		})
	}},
	{Name: "think-block-unopened", Does: "the model's reasoning before the answer, where the prompt's template has opened <think>", Roles: llm, Harmless: true, serve: func(x *exchange) {
		x.answer(func(body map[string]any) {
			m := message(body)
			m["content"] = Reasoning + "\n</think>\n\n" + m["content"].(string)
		}, func(events []string) []string {
			return before(events, map[string]any{"content": Reasoning}, map[string]any{"content": "\n</think>\n\n"})
		})
	}},
}

// Reasoning is what the faults "reasoning-content", "think-block" and "think-block-unopened" let the model think. It must reach nobody.
const Reasoning = "SECRET-REASONING: the passage [9] says so."

// streamFaults spoil streams alone.
var streamFaults = []Fault{
	stream("cut-stream", "the connection ends in the middle of the stream", false, func(x *exchange, s *sse) {
		s.send(s.half()...)
		panic(http.ErrAbortHandler)
	}),
	stream("stream-ends-early", "the stream ends cleanly in the middle of the answer, without [DONE]", false, func(x *exchange, s *sse) {
		s.send(s.half()...)
	}),
	stream("stream-ends-at-once", "the stream ends before its first event", false, func(*exchange, *sse) {}),
	stream("stream-stalls", "the stream stops in the middle and stays open", false, func(x *exchange, s *sse) {
		s.send(s.half()...)
		x.wait(0)
		panic(http.ErrAbortHandler)
	}),
	stream("stream-without-end", "the stream never stops talking", false, func(x *exchange, s *sse) {
		s.send(s.half()...)
		last := s.half()[len(s.half())-1]
		for s.send(last) && x.wait(time.Millisecond) {
		}
	}),
	stream("huge-event", "one event of the stream never ends", false, func(x *exchange, s *sse) {
		s.raw("data: {\"id\":\"")
		for block := strings.Repeat("huge ", 13_000); s.raw(block) && x.r.Context().Err() == nil; {
		}
	}),
	inBand("error-in-stream", "an error as NVIDIA's clients read it", `data: {"error":{"object":"error","type":"internal_error","message":"engine died"}}`),
	inBand("openai-error-in-stream", "an error as OpenAI and vLLM shape it", `data: {"error":{"message":"engine died","type":"InternalServerError","param":null,"code":500}}`),
	inBand("error-text-in-stream", "an error that is only a text", `data: {"error":"engine died"}`),
	inBand("error-object-in-stream", "an error at the top level", `data: {"object":"error","message":"engine died","type":"InternalServerError","code":500}`),
	inBand("error-event-in-stream", "an error as an event of its own name", "event: error\n"+`data: {"error":{"message":"engine died","code":500}}`),
	inBand("problem-in-stream", "an error in the shape of RFC 9457", `data: {"status":500,"title":"Internal Server Error","detail":"engine died"}`),
	inBand("garbage-in-stream", "an event that is not JSON", `data: {"choices":[{"del`),
	stream("stream-without-done", "the answer is whole, but no [DONE] follows", true, func(x *exchange, s *sse) {
		s.send(s.events[:len(s.events)-1]...)
	}),
	stream("keep-alives", "comments and empty lines between the events", true, func(x *exchange, s *sse) {
		for _, e := range s.events {
			if !s.raw(": keep-alive\n\n") || !s.send(e) || !s.raw("\n\n:\n\n") {
				return
			}
		}
	}),
	stream("crlf", "lines end in CR LF", true, func(x *exchange, s *sse) {
		for _, e := range s.events {
			s.raw("data: " + e + "\r\n\r\n")
		}
	}),
	stream("no-space", "no space after the colon, and other fields beside data", true, func(x *exchange, s *sse) {
		for _, e := range s.events {
			s.raw("id: 1\nretry: 10\ndata:" + e + "\n\n")
		}
	}),
	stream("bytewise", "the stream arrives in pieces of three bytes", true, func(x *exchange, s *sse) {
		for _, e := range s.events {
			for piece := range slices.Chunk([]byte("data: "+e+"\n\n"), 3) {
				s.raw(string(piece))
			}
		}
	}),
	stream("talk-after-done", "more comes after [DONE]", true, func(x *exchange, s *sse) {
		s.send(s.events...)
		s.send(s.half()...)
	}),
}

const done = "[DONE]"

// sse is a stream under way.
type sse struct {
	w      http.ResponseWriter
	events []string // the data of each, as they would be without the fault; the last is [DONE]
}

// half are the events up to the middle of the answer.
func (s *sse) half() []string { return s.events[:max(2, len(s.events)/2)] }

func (s *sse) send(events ...string) bool {
	for _, e := range events {
		if !s.raw("data: " + e + "\n\n") {
			return false
		}
	}
	return true
}

// raw writes and flushes; it reports false when the client has gone.
func (s *sse) raw(text string) bool {
	if _, err := s.w.Write([]byte(text)); err != nil {
		return false
	}
	return http.NewResponseController(s.w).Flush() == nil
}

// open begins the stream that there would be without the fault. A reply that is an error is sent as it is,
// and nil returned.
func (x *exchange) open() *sse {
	reply := x.reply()
	reply.writeHead(x.w)
	if reply.status != http.StatusOK {
		_, _ = x.w.Write(reply.body.Bytes())
		return nil
	}
	s := &sse{w: x.w}
	for event := range strings.SplitSeq(strings.TrimSpace(reply.body.String()), "\n\n") {
		s.events = append(s.events, strings.TrimPrefix(event, "data: "))
	}
	return s
}

func stream(name, does string, harmless bool, serve func(*exchange, *sse)) Fault {
	return Fault{Name: name, Does: does, Roles: llm, Streamed: true, Harmless: harmless, serve: func(x *exchange) {
		if s := x.open(); s != nil {
			serve(x, s)
		}
	}}
}

// inBand lets an error come in the middle of the stream, and then its end.
func inBand(name, does, event string) Fault {
	return stream(name, does, false, func(_ *exchange, s *sse) {
		s.send(s.half()...)
		s.raw(event + "\n\n")
	})
}

// answer changes a whole answer's JSON, or a stream's events.
func (x *exchange) answer(whole func(body map[string]any), streamed func(events []string) []string) {
	if !x.streamed() {
		x.rewrite(whole)
		return
	}
	if s := x.open(); s != nil {
		s.send(streamed(s.events)...)
	}
}

func message(body map[string]any) map[string]any {
	return body["choices"].([]any)[0].(map[string]any)["message"].(map[string]any)
}

// before puts deltas behind the first event, which gives the role.
func before(events []string, deltas ...map[string]any) []string {
	out := []string{events[0]}
	for _, delta := range deltas {
		var chunk map[string]any
		if json.Unmarshal([]byte(events[0]), &chunk) != nil {
			return events // Fast with an answer of its own shape
		}
		chunk["choices"].([]any)[0].(map[string]any)["delta"] = delta
		raw, _ := json.Marshal(chunk) // it came from JSON
		out = append(out, string(raw))
	}
	return append(out, events[1:]...)
}
