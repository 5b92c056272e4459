package model

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestACallersOwnFieldIsLeftOutOfItsOwnRequestOnly(t *testing.T) {
	const unsupported = `{"error":{"message":"Unsupported parameter: '%[1]s' is not supported with this model.","param":"%[1]s"}}`
	for _, tc := range []struct {
		field, refusal string
		set            func(r *ChatRequest)
	}{
		{"top_p", unsupported, func(r *ChatRequest) { r.TopP = new(0.5) }},
		{"seed", unsupported, func(r *ChatRequest) { r.Seed = new(int64(7)) }},
		{"stop", unsupported, func(r *ChatRequest) { r.Stop = []string{"x"} }},
		{"temperature", unsupported, func(r *ChatRequest) { r.Temperature = new(1.5) }},
		{"top_p", "{\"error\":{\"message\":\"`temperature` and `%s` cannot both be specified for this model. Please use only one.\"}}",
			func(r *ChatRequest) { r.Temperature, r.TopP = new(0.0), new(0.5) }},
	} {
		field, set := tc.field, tc.set
		t.Run(field, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, body []byte) {
				if decode[llmRequest](t, body).has(field) {
					w.WriteHeader(http.StatusBadRequest)
					io.WriteString(w, strings.ReplaceAll(strings.ReplaceAll(tc.refusal, "%[1]s", field), "%s", field))
					return
				}
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}`)
			})
			c := s.chat()
			r := ask("x")
			set(&r)
			for n := 2; n <= 4; n += 2 {
				got, err := c.Complete(t.Context(), r)
				if err != nil || !slices.Equal(got.Omitted, []string{field}) || s.count() != n {
					t.Fatalf("got %+v, %v after %d requests", got, err, s.count())
				}
			}
			if c.dialect.Load() != 0 {
				t.Error("other callers' requests are changed")
			}
		})
	}
}

func TestTheServersBoundOnAnswersIsKept(t *testing.T) {
	for name, refusal := range map[string]string{
		"OpenAI":    `{"error":{"message":"max_tokens is too large: 64000. This model supports at most 4096 completion tokens, whereas you provided 64000.","param":"max_tokens","code":"invalid_value"}}`,
		"Anthropic": `{"error":{"message":"max_tokens: 64000 > 4096, which is the maximum allowed number of output tokens for claude-3-opus-20240229"}}`,
		"Groq":      "{\"error\":{\"message\":\"`max_tokens` must be less than or equal to `4096`, the maximum value for `max_tokens` is less than the `context_window` for this model\"}}",
		"Gemini":    `[{"error":{"code":400,"message":"Unable to submit request because it has a maxOutputTokens value of 64000 but the supported range is from 1 (inclusive) to 4097 (exclusive).","status":"INVALID_ARGUMENT"}}]`,
		"DeepSeek":  `{"error":{"message":"Invalid max_tokens value, the valid range of max_tokens is [1, 4096]"}}`,
		"Bedrock":   `{"message":"The maximum tokens you requested exceeds the model limit of 4,096. Try again with a maximum tokens value that is lower than 4,096."}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, body []byte) {
				if n, _ := decode[llmRequest](t, body)["max_tokens"].(float64); n > 4096 {
					w.WriteHeader(http.StatusBadRequest)
					io.WriteString(w, refusal)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}`)
			})
			c := s.chat()
			for _, asked := range []struct{ tokens, requests int }{{64000, 2}, {64000, 3}, {10, 4}} {
				r := ask("x")
				r.MaxTokens = asked.tokens
				got, err := c.Complete(t.Context(), r)
				if err != nil || len(got.Omitted) > 0 || s.count() != asked.requests {
					t.Fatalf("%d: got %+v, %v after %d requests", asked.tokens, got, err, s.count())
				}
				if sent := decode[llmRequest](t, []byte(s.bodies[s.count()-1]))["max_tokens"]; sent != float64(min(asked.tokens, 4096)) {
					t.Errorf("%d: it sent %v", asked.tokens, sent)
				}
			}
		})
	}
}

func TestARequestThatBeganBeforeABoundWasLearnedLeavesIt(t *testing.T) {
	s := answer(t, http.StatusOK, "{}")
	c := s.chat()
	r := ask("x")
	for _, learned := range []int{4096, 0, 8192} {
		c.learn(form{longest: learned}, &r)
	}
	if got := c.longest.Load(); got != 4096 {
		t.Errorf("the bound is %d", got)
	}
}

func TestAPromptThatAFilterRefusesIsNoFailureOfTheModel(t *testing.T) {
	for _, body := range []string{
		`{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","param":"prompt","code":"content_filter","status":400}}`,
		`{"error":{"message":"litellm.ContentPolicyViolationError: it was rejected","code":"400"}}`,
		`{"error":{"message":"Content Exists Risk","type":"invalid_request_error"}}`,
		`{"base_resp":{"status_code":1026,"status_msg":"input new_sensitive"}}`,
	} {
		s := answer(t, http.StatusBadRequest, body)
		observed := 0
		c := plainly(NewChat(config.LLM{Model: s.model()}, nil,
			Transport{Observe: func(config.Stage, time.Duration, error) { observed++ }}))
		whole, err := c.Complete(t.Context(), ask("x"))
		if err != nil || whole.FinishReason != "content_filter" || whole.Content != "" {
			t.Errorf("%s: got %+v, %v", body, whole, err)
		}
		streamed, err := c.Stream(t.Context(), ask("x"), func(string) error { return nil })
		if err != nil || streamed.FinishReason != "content_filter" || observed != 0 {
			t.Errorf("%s: streamed %+v, %v, observed %d", body, streamed, err, observed)
		}
	}
}

func TestNullInExtraBodyRemovesAField(t *testing.T) {
	full := ChatRequest{Messages: []Message{{"user", "x"}}, MaxTokens: 5, Temperature: new(0.5), TopP: new(0.5), Seed: new(int64(1)),
		Stop: []string{"x"}, ResponseFormat: map[string]any{"type": "json_object"}}
	all := []string{"max_tokens", "messages", "model", "response_format", "seed", "stop", "stream", "stream_options", "temperature", "top_p"}
	for _, tc := range []struct {
		extra string
		gone  []string
		added string
	}{
		{`{"temperature":null}`, []string{"temperature"}, ""},
		{`{"stream_options":null,"seed":null,"stop":null,"top_p":null,"response_format":null}`, []string{"stream_options", "seed", "stop", "top_p", "response_format"}, ""},
		{`{"max_tokens":null,"max_completion_tokens":9}`, []string{"max_tokens"}, "max_completion_tokens"},
		{`{"model":null,"messages":null,"stream":null,"unknown":null}`, []string{"model"}, ""},
	} {
		s := streaming(t, events("ok"))
		var extra map[string]any
		if err := json.Unmarshal([]byte(tc.extra), &extra); err != nil {
			t.Fatal(err)
		}
		c := plainly(NewChat(config.LLM{Model: s.model(), ExtraBody: extra}, nil, Transport{}))
		if _, err := c.Stream(t.Context(), full, func(string) error { return nil }); err != nil {
			t.Fatal(err)
		}
		sent := decode[llmRequest](t, []byte(s.bodies[0]))
		for _, field := range append(slices.Clone(all), "unknown") {
			want := field != "unknown" && !slices.Contains(tc.gone, field)
			if sent.has(field) != want {
				t.Errorf("%s: %s is sent: %t", tc.extra, field, sent.has(field))
			}
		}
		if tc.added != "" && !sent.has(tc.added) {
			t.Errorf("%s: %s is not sent", tc.extra, tc.added)
		}
	}
}
