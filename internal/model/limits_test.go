package model

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Servers refuse too many texts in many words, some of which name the limit. Runs, callers and rerankers go on with fewer.
func TestTooManyTextsAreSentInParts(t *testing.T) {
	for name, refusal := range map[string]struct {
		status int
		body   string
	}{
		"DashScope":     {400, `{"error":{"code":"InvalidParameter","message":"<400> InternalError.Algo.InvalidParameter: Value error, batch size is invalid, it should not be larger than 10.: input.contents"}}`},
		"Azure":         {400, `{"error":{"message":"Too many inputs. The max number of inputs is 10.  We hope to increase it.","type":"invalid_request_error"}}`},
		"Gemini":        {400, `[{"error":{"code":400,"message":"* BatchEmbedContentsRequest.requests: at most 10 requests can be in one batch","status":"INVALID_ARGUMENT"}}]`},
		"Bedrock":       {400, `{"detail":"ValidationException: Malformed input request: #/texts: expected maximum item count: 10, found: 32, please reformat your input and try again."}`},
		"TEI":           {422, `{"error":"batch size 32 > maximum allowed batch size 10","error_type":"Validation"}`},
		"OpenAI":        {400, `{"error":{"message":"Invalid 'input': array too long. Expected an array with maximum length 10, but got an array with length 32 instead.","code":"array_above_max_length"}}`},
		"Zhipu":         {400, `{"error":{"code":"1214","message":"input数组最大不得超过10条"}}`},
		"pydantic":      {422, `{"detail":[{"type":"too_long","loc":["body","input"],"msg":"List should have at most 10 items after validation, not 32"}]}`},
		"a bare 413":    {413, ``},
		"Cohere":        {400, `{"message":"invalid request: list of documents must not contain more than 10 items"}`},
		"a reranker":    {400, `{"error":"this model supports up to 10 documents per call"}`},
		"no number":     {400, `{"message":"Too many inputs in request, split into more batches."}`},
		"a large limit": {400, `{"message":"number of documents must not exceed 10, of 2,000,000 a day"}`},
	} {
		t.Run(name, func(t *testing.T) {
			largest := 0
			s := serve(t, func(w http.ResponseWriter, body []byte) {
				var in struct{ Input, Documents []string }
				if err := json.Unmarshal(body, &in); err != nil {
					t.Error(err)
				}
				n := len(in.Input) + len(in.Documents)
				if n > 10 {
					w.WriteHeader(refusal.status)
					io.WriteString(w, refusal.body)
					return
				}
				largest = max(largest, n)
				if in.Documents == nil {
					io.WriteString(w, vectorsOf(n))
					return
				}
				var results []string
				for i := range n {
					results = append(results, fmt.Sprintf(`{"index":%d,"relevance_score":0.%d}`, i, i+1))
				}
				fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(results, ","))
			})
			texts := make([]string, 32)
			for i := range texts {
				texts[i] = fmt.Sprint("text ", i)
			}
			if got, err := NewEmbedder(s.openAI(), config.EmbeddingSpace{}, nil, Transport{}).Passages(t.Context(), texts); err != nil || len(got) != len(texts) {
				t.Errorf("a run embeds %d of %d texts, %v", len(got), len(texts), err)
			}
			e := NewEmbedder(s.openAI(), config.EmbeddingSpace{}, nil, Transport{})
			if got, _, err := e.Embed(t.Context(), EmbedRequest{Texts: texts, InputType: inputPassage}); err != nil || len(got) != len(texts) {
				t.Errorf("a caller gets %d of %d vectors, %v", len(got), len(texts), err)
			}
			if got, err := NewRanker(s.openAI(), nil, Transport{}).Rank(t.Context(), "q", texts); err != nil || len(got) != len(texts) {
				t.Errorf("of %d passages %d are ranked, %v", len(texts), len(got), err)
			}
			if largest == 0 {
				t.Error("no request was taken")
			}
		})
	}
}

// A run learns the number once; its next batches are not refused.
func TestARunRemembersHowManyTextsTheServerTakes(t *testing.T) {
	refused := 0
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		var in struct{ Input []string }
		json.Unmarshal(body, &in)
		if len(in.Input) > 10 {
			refused++
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":{"message":"Too many inputs. The max number of inputs is 10."}}`)
			return
		}
		io.WriteString(w, vectorsOf(len(in.Input)))
	})
	var facts []string
	e := NewEmbedder(s.openAI(), config.EmbeddingSpace{}, nil, Transport{Learned: func(_ config.Stage, fact string) { facts = append(facts, fact) }})
	texts := strings.Fields(strings.Repeat("text ", 96))
	if _, err := e.Passages(t.Context(), texts); err != nil || refused != 1 || !slices.Equal(facts, []string{"embeds at most 10 texts a request"}) {
		t.Errorf("%v after %d refusals, learned %q", err, refused, facts)
	}
}

// What a server lets through is remembered, too, where it refuses the prompt for its length: each smaller prompt would
// be refused for its form again.
func TestAFormIsRememberedWhenThePromptIsTooLong(t *testing.T) {
	forms := 0
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		r := decode[llmRequest](t, body)
		switch {
		case r.has("max_tokens"):
			forms++
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, dialects[0].body)
		case len(body) > 1000:
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":{"message":"This model's maximum context length is 512 tokens."}}`)
		default:
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}`)
		}
	})
	c := plainly(NewChat(config.LLM{Model: s.model()}, nil, Transport{}))
	for _, size := range []int{4000, 2000, 10} {
		r := ask(strings.Repeat("x", size))
		r.MaxTokens = 64
		if _, err := c.Complete(t.Context(), r); (err != nil) != (size > 1000) {
			t.Errorf("%d letters: %v", size, err)
		}
	}
	if forms != 1 {
		t.Errorf("the form was refused %d times", forms)
	}
}

// A router's own message says only that there was an error.
func TestWhatARouterRepeatsIsTold(t *testing.T) {
	for raw, want := range map[string]string{
		`{\"error\":{\"message\":\"the region is not enabled\"}}`: "the region is not enabled",
		"upstream said no": "upstream said no",
		"":                 "Provider returned error",
	} {
		s := answer(t, http.StatusBadRequest, `{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"`+raw+`","provider_name":"x"}}}`)
		if err := s.chat().Probe(t.Context()); messageOf(err) != want {
			t.Errorf("%s: got %v", raw, err)
		}
	}
}

func TestAnswersOverALimitAreAskedForShorter(t *testing.T) {
	for name, refusal := range map[string]string{
		"Cohere":    `{"message":"too many tokens: max tokens must be less than or equal to 4096 - received 8000."}`,
		"Groq":      "{\"error\":{\"message\":\"`max_tokens` must be less than or equal to `4096`, the maximum value for `max_tokens` is less than the `context_window` for this model\"}}",
		"DeepSeek":  `{"error":{"message":"Invalid max_tokens value, the valid range of max_tokens is [1, 4096]","type":"invalid_request_error"}}`,
		"Anthropic": `{"error":{"message":"max_tokens: 8000 > 4096, which is the maximum allowed number of output tokens for claude-3-haiku-20240307"}}`,
		"DashScope": `{"error":{"message":"<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 4096]"}}`,
	} {
		s := serve(t, func(w http.ResponseWriter, body []byte) {
			if n, _ := decode[llmRequest](t, body)["max_tokens"].(float64); n > 4096 {
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, refusal)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}`)
		})
		r := ask("x")
		r.MaxTokens = 8000
		if _, err := plainly(NewChat(config.LLM{Model: s.model()}, nil, Transport{})).Complete(t.Context(), r); err != nil || !strings.Contains(s.bodies[s.count()-1], `"max_tokens":4096`) {
			t.Errorf("%s: %v after %s", name, err, s.bodies[s.count()-1])
		}
	}
}

func TestAPartMayStandWithoutAList(t *testing.T) {
	s := answer(t, http.StatusOK, `{"choices":[{"message":{"content":{"type":"text","text":"Yes"}},"finish_reason":"stop"}]}`)
	if got, err := s.chat().Complete(t.Context(), ask("x")); err != nil || got.Content != "Yes" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReasoningIsTakenOutOfEarlierAnswers(t *testing.T) {
	for answer, want := range map[string]string{
		"<think>hm</think>\n\nIt is so [1].":        "It is so [1].",
		"hm\n</think>\nIt is so.":                   "It is so.",
		"[THINK]hm[/THINK]It is so.":                "It is so.",
		"Use the tag `<think>` in the text.":        "Use the tag `<think>` in the text.",
		"| a | b |\n|---|---|\n| 1 | <br>two [1] |": "| a | b |\n|---|---|\n| 1 | <br>two [1] |",
	} {
		if got := WithoutReasoning(answer); got != want {
			t.Errorf("%q: got %q, want %q", answer, got, want)
		}
	}
}

// What one caller sends may be refused in the words of a limit of texts; the requests of the others stay as they were.
func TestARefusedTextCutsNoRequestsOfOthers(t *testing.T) {
	requests := 0
	s := serve(t, func(w http.ResponseWriter, body []byte) {
		requests++
		if strings.Contains(string(body), "too long by far") {
			w.WriteHeader(http.StatusUnprocessableEntity)
			io.WriteString(w, `{"detail":[{"msg":"String should have at most 10 characters"}]}`)
			return
		}
		var in struct{ Input, Documents []string }
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		if in.Documents == nil {
			io.WriteString(w, vectorsOf(len(in.Input)))
			return
		}
		var scores []string
		for i := range in.Documents {
			scores = append(scores, fmt.Sprintf(`{"index":%d,"relevance_score":0.5}`, i))
		}
		fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(scores, ","))
	})
	texts := make([]string, 32)
	for i := range texts {
		texts[i] = "a"
	}
	e, r := NewEmbedder(s.openAI(), config.EmbeddingSpace{}, nil, Transport{}), NewRanker(s.openAI(), nil, Transport{})
	for name, send := range map[string]func(text string) error{
		"embedding": func(text string) error {
			_, _, err := e.Embed(t.Context(), EmbedRequest{Texts: append(texts[:31:31], text), InputType: inputPassage})
			return err
		},
		"ingestion": func(text string) error { _, err := e.Passages(t.Context(), append(texts[:31:31], text)); return err },
		"reranking": func(text string) error { _, err := r.Rank(t.Context(), text, texts); return err },
	} {
		if send("too long by far") == nil {
			t.Errorf("%s: the refusal is not told", name)
		}
		requests = 0
		if err := send("b"); err != nil || requests != 1 {
			t.Errorf("%s: another caller's request became %d: %v", name, requests, err)
		}
	}
}
