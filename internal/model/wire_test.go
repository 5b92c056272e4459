package model

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/golden"
)

func TestRequestsAreExactlyTheseBytes(t *testing.T) {
	temperature, topP, seed := 0.0, 0.9, int64(7)
	full := ChatRequest{
		Messages: []Message{
			{Role: "system", Content: "Answer from the passages."},
			{Role: "user", Content: "Where is \"it\"?\n\\ <b>&</b> \u2028 \x01 na\xefve é 漢"},
		},
		MaxTokens: 512, Temperature: &temperature, TopP: &topP, Seed: &seed,
		Stop: []string{"\n\n", "END"}, ResponseFormat: map[string]any{"type": "json_object"},
	}
	space := config.EmbeddingSpace{Dimensions: 2, QueryPrefix: "query: ", PassagePrefix: "passage: "}
	const (
		vector  = `{"data":[{"index":0,"embedding":[1,2]}]}`
		vectors = `{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[3,4]}]}`
		chat    = `{"choices":[{"message":{"content":"ok"},"finish_reason":"stop"}]}`
	)
	cases := []struct {
		name, answer string
		call         func(ctx context.Context, m config.Model, key Key) error
	}{
		{"embeddings-query-nim", vector, func(ctx context.Context, m config.Model, key Key) error {
			_, err := NewEmbedder(m, config.EmbeddingSpace{}, key, Transport{}).Query(ctx, "What is a \"NIM\"?")
			return err
		}},
		{"embeddings-passages-nim-dimensions", vectors, func(ctx context.Context, m config.Model, key Key) error {
			_, err := NewEmbedder(m, space, key, Transport{}).Passages(ctx, []string{"first", "second"})
			return err
		}},
		{"embeddings-query-openai", vector, func(ctx context.Context, m config.Model, key Key) error {
			m.Protocol = config.OpenAI
			_, err := NewEmbedder(m, space, key, Transport{}).Query(ctx, "first")
			return err
		}},
		{"embeddings-passages-openai", vectors, func(ctx context.Context, m config.Model, key Key) error {
			m.Protocol = config.OpenAI
			_, err := NewEmbedder(m, space, key, Transport{}).Passages(ctx, []string{"first", "second"})
			return err
		}},
		{"embeddings-passed-on", vectors, func(ctx context.Context, m config.Model, key Key) error {
			_, _, err := NewEmbedder(m, config.EmbeddingSpace{}, key, Transport{}).
				Embed(ctx, EmbedRequest{Texts: []string{"a", "b"}, InputType: "passage", Truncate: "START", Dimensions: 2})
			return err
		}},
		{"ranking-nim", `{"rankings":[{"index":0,"logit":1},{"index":1,"logit":2}]}`, func(ctx context.Context, m config.Model, key Key) error {
			_, err := NewRanker(m, key, Transport{}).Rank(ctx, "what?", []string{"one", "two"})
			return err
		}},
		{"ranking-openai", `{"results":[{"index":0,"relevance_score":1},{"index":1,"relevance_score":2}]}`, func(ctx context.Context, m config.Model, key Key) error {
			m.Protocol = config.OpenAI
			_, err := NewRanker(m, key, Transport{}).Rank(ctx, "what?", []string{"one", "two"})
			return err
		}},
		{"chat-minimal", chat, func(ctx context.Context, m config.Model, key Key) error {
			_, err := NewChat(config.LLM{Model: m}, key, Transport{}).Complete(ctx, ask("hello"))
			return err
		}},
		{"chat-full-with-extra-body", chat, func(ctx context.Context, m config.Model, key Key) error {
			extra := map[string]any{
				"chat_template_kwargs": map[string]any{"enable_thinking": false}, "top_k": 5,
				"model": "other", "temperature": 2, "stream": true, "stream_options": map[string]any{},
			}
			_, err := NewChat(config.LLM{Model: m, ExtraBody: extra}, key, Transport{}).Complete(ctx, full)
			return err
		}},
		{"chat-stream", chat, func(ctx context.Context, m config.Model, key Key) error {
			_, err := NewChat(config.LLM{Model: m}, key, Transport{}).Stream(ctx, ask("hello"), func(string) error { return nil })
			return err
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := answer(t, http.StatusOK, tc.answer)
			key := func() (string, error) { return "nvapi-secret\n", nil }
			if err := tc.call(t.Context(), s.model(), key); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, "testdata/requests/"+tc.name+".txt", requestText(s.requests[0], s.bodies[0]))
		})
	}
}

// requestText is a request as it went over the wire, less what differs between runs.
func requestText(r *http.Request, body string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL.Path)
	for _, h := range []string{"Accept", "Authorization", "Content-Type", "User-Agent", "Accept-Encoding", "Content-Encoding"} {
		if v := r.Header.Get(h); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", h, v)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", body)
	return b.String()
}

func TestRankingGoesToTheRightURL(t *testing.T) {
	cases := []struct {
		name string
		m    config.Model
		want string
	}{
		{"a NIM ranks at ranking", config.Model{URL: "http://nim:8000/v1"}, "http://nim:8000/v1/ranking"},
		{"a trailing slash does not matter", config.Model{URL: "http://nim:8000/v1/"}, "http://nim:8000/v1/ranking"},
		{"a url that names the route is used as it is", config.Model{URL: "https://h/v1/retrieval/x/reranking"}, "https://h/v1/retrieval/x/reranking"},
		{"so is one that ends in ranking", config.Model{URL: "https://h/a/ranking"}, "https://h/a/ranking"},
		{"and in rerank", config.Model{URL: "https://h/a/rerank"}, "https://h/a/rerank"},
		{"the hosted API has a url for each model, with dots as underscores",
			config.Model{URL: "https://integrate.api.nvidia.com/v1", Name: "nvidia/llama-3.2-nv-rerankqa-1b-v2"},
			"https://ai.api.nvidia.com/v1/retrieval/nvidia/llama-3_2-nv-rerankqa-1b-v2/reranking"},
		{"its other host too, and a name without owner",
			config.Model{URL: "https://AI.api.nvidia.com/v1", Name: "llama-nemotron-rerank-1b-v2"},
			"https://ai.api.nvidia.com/v1/retrieval/nvidia/llama-nemotron-rerank-1b-v2/reranking"},
		{"a host that only looks like it is another", config.Model{URL: "https://ai.api.nvidia.com.example.org/v1", Name: "m"},
			"https://ai.api.nvidia.com.example.org/v1/ranking"},
		{"OpenAI-compatible servers rank at rerank", config.Model{URL: "http://vllm/v1", Protocol: config.OpenAI}, "http://vllm/v1/rerank"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			if got := rankingURL(tc.m); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
