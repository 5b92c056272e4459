package model

import (
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Only what let a request through is remembered, not what was tried before it in vain.
func TestOnlyWhatHelpedIsRemembered(t *testing.T) {
	system := func(r llmRequest) bool { return slices.Contains(r.roles(), "system") }
	for _, tc := range []struct {
		name    string
		refuses func(r llmRequest) bool
		body    string
		facts   []string
		most    int // bounds the refused requests
	}{
		{"a list of what it knows", func(r llmRequest) bool { return r.has("seed") },
			`{"error":{"message":"Unsupported parameter: seed. Supported are: messages, max_tokens, max_completion_tokens, temperature, top_p"}}`, nil, 5},
		{"a list of serde", func(r llmRequest) bool { return r.has("stop") },
			"unknown field `stop`, expected one of `model`, `messages`, `max_tokens`, `max_completion_tokens`, `temperature`, `stream`", nil, 1},
		{"Mistral and a temperature of 0", func(r llmRequest) bool { return r.has("top_p") },
			`{"object":"error","message":"top_p must be 1 when using greedy sampling.","type":"invalid_request_error"}`, nil, 1},
		{"Claude and two ways to sample", func(r llmRequest) bool { return r.has("top_p") && r.has("temperature") },
			"{\"error\":{\"message\":\"`temperature` and `top_p` cannot both be specified for this model. Please use only one.\"}}", nil, 1},
		{"Gemini's endpoint", func(r llmRequest) bool { return r.has("seed") },
			`[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"seed\": Cannot find field.","status":"INVALID_ARGUMENT"}}]`, nil, 1},
		{"Groq", func(r llmRequest) bool { return r.has("stop") },
			`{"error":{"message":"property 'stop' is unsupported, did you mean 'top_p'?","type":"invalid_request_error"}}`, nil, 2},
		{"LiteLLM before Bedrock", func(r llmRequest) bool { return r.has("seed") },
			`{"error":{"message":"litellm.UnsupportedParamsError: bedrock does not support parameters: ['seed'], for model=anthropic.claude. To drop these, set litellm.drop_params=True","code":"400"}}`, nil, 1},
		{"Perplexity", func(r llmRequest) bool { return !alternates(withoutSystem(r.roles())) },
			`{"error":{"message":"After the (optional) system message(s), user or tool message(s) should alternate with assistant message(s).","code":400}}`, []string{"wants roles to alternate"}, 1},
		{"words that fit another field first", func(r llmRequest) bool { return r.has("temperature") },
			`{"error":{"message":"temperature (as max_tokens and max_completion_tokens) is not supported for reasoning"}}`, []string{"takes its own temperature only"}, 2},
		{"roles that alternate", func(r llmRequest) bool { return !alternates(withoutSystem(r.roles())) },
			`{"message":"Conversation roles must alternate user/assistant/user/assistant/..."}`, []string{"wants roles to alternate"}, 1},
		{"the system message as a turn", system,
			`{"message":"Conversation roles must alternate user/assistant/user/assistant/..."}`, []string{"takes no system role"}, 2},
		{"no limit of either name", func(r llmRequest) bool { return r.has("max_tokens") || r.has("max_completion_tokens") },
			`{"message":"max_tokens and max_completion_tokens are not supported"}`, []string{"takes no limit on tokens"}, 2},
		{"no field of two, whichever comes", func(r llmRequest) bool { return r.has("temperature") || r.has("top_p") },
			`{"message":"temperature and top_p are not supported by this model"}`, []string{"takes its own temperature only"}, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			refused := 0
			s := serve(t, func(w http.ResponseWriter, body []byte) {
				if tc.refuses(decode[llmRequest](t, body)) {
					refused++
					w.WriteHeader(http.StatusBadRequest)
					io.WriteString(w, tc.body)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}`)
			})
			var facts []string
			c := plainly(NewChat(config.LLM{Model: s.model()}, nil,
				Transport{Learned: func(_ config.Stage, fact string) { facts = append(facts, fact) }}))
			messages := conversations["with history"]
			if tc.name == "roles that alternate" || tc.name == "Perplexity" {
				messages = conversations["greeting first"]
			}
			r := ChatRequest{Messages: messages, MaxTokens: 64, Temperature: new(0.5), TopP: new(0.5), Seed: new(int64(1)), Stop: []string{"END"}}
			if _, err := c.Complete(t.Context(), r); err != nil || refused > tc.most {
				t.Fatalf("%v after %d refusals", err, refused)
			}
			if diff := cmp.Diff(tc.facts, facts); diff != "" {
				t.Errorf("it learned (-want +got):\n%s", diff)
			}
			refused = 0
			r.TopP, r.Seed, r.Stop = nil, nil, nil
			if _, err := c.Complete(t.Context(), r); err != nil || refused > 0 {
				t.Errorf("the next request: %v after %d refusals", err, refused)
			}
		})
	}
}
