package gateway

import (
	"errors"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/query"
)

// The gateway accepts a body, or refuses it with a 4xx that has a message.
func FuzzChatRequest(f *testing.F) {
	for _, seed := range []string{
		chatBody("what?"), streamBody("what?"), `{}`, `[]`, `null`,
		`{"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}`,
		`{"messages": [{"role": "assistant", "content": null, "tool_calls": []}], "stop": ["a", "b"], "n": 1}`,
		`{"llm_endpoint": "x"}`, `{"a_url": null, "messages": []}`,
		`{"filter": {"a": ["b"]}, "response_format": {"type": "text"}}`,
		"{\"messages\": [{\"role\": \"user\", \"content\": \"\xff\xfe\"}]}",
		`{"seed": 1e30}`, `{"temperature": 1e999}`, `{"max_tokens": 1.5}`,
	} {
		f.Add([]byte(seed))
	}
	g := newFixture().gateway()
	f.Fuzz(func(t *testing.T, body []byte) {
		var b ChatRequest
		err := parse(body, &b)
		if err == nil {
			var r *query.Request
			if r, err = g.question("messages", &b); err == nil {
				if len(r.Messages) > len(b.Messages) || r.MaxTokens < 0 {
					t.Fatalf("%q became %+v", body, r)
				}
				return
			}
		}
		told := failureOf(err)
		if told.status < 400 || told.status > 499 || told.Message == "" {
			t.Fatalf("%q: %v is a %d", body, err, told.status)
		}
		if _, ok := errors.AsType[*Failure](err); !ok {
			if _, ok := errors.AsType[*query.Invalid](err); !ok {
				t.Fatalf("%q: an error without a type: %v", body, err)
			}
		}
	})
}

func FuzzInputs(f *testing.F) {
	for _, seed := range []string{`"a"`, `["a", "b"]`, `[1, 2]`, `[[1], [2]]`, `[]`, `null`, `{}`, `[""]`, `["a", null]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		texts, err := inputs(raw)
		if err != nil {
			if told := failureOf(err); told.status != 400 && told.status != 422 {
				t.Fatalf("%q: %v is a %d", raw, err, told.status)
			}
			return
		}
		if len(texts) == 0 || len(texts) > maxInputs {
			t.Fatalf("%q became %d texts", raw, len(texts))
		}
	})
}
