package model

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestCompleteReadsTheAnswersOfManyServers(t *testing.T) {
	cases := []struct {
		name, answer string
		want         Completion
	}{
		{"a NIM", `{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Yes [1]."},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":1}}}`,
			Completion{Content: "Yes [1].", FinishReason: "stop", Usage: &Usage{3, 2, 5}}},
		{"one that reasons in a field of its own", `{"choices":[{"message":{"content":"Yes","reasoning_content":"hmm","reasoning":"hm"},"finish_reason":"stop"}]}`,
			Completion{Content: "Yes", FinishReason: "stop"}},
		{"one that reasons in the text", `{"choices":[{"message":{"content":"<think>\nhm\n</think>\n\nYes"},"finish_reason":"stop"}]}`,
			Completion{Content: "Yes", FinishReason: "stop"}},
		{"one whose template opens the reasoning", `{"choices":[{"message":{"content":"hm\n</think>\n\nYes"},"finish_reason":"stop"}]}`,
			Completion{Content: "Yes", FinishReason: "stop"}},
		{"one that ran out of tokens while reasoning", `{"choices":[{"message":{"content":"<think>\nhm"},"finish_reason":"length"}]}`,
			Completion{FinishReason: "length", OnlyReasoning: true}},
		{"one that marks a part as a thought", `{"choices":[{"message":{"content":[{"type":"text","text":"hm","thought":true},{"type":"text","text":"Yes","thought":false}]},"finish_reason":"stop"}]}`,
			Completion{Content: "Yes", FinishReason: "stop"}},
		{"one that reasons in a part", `{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"Y"},"e",{"text":"s"},7]},"finish_reason":"stop"}]}`,
			Completion{Content: "Yes", FinishReason: "stop"}},
		{"one that refuses", `{"choices":[{"message":{"content":null,"refusal":"I cannot."},"finish_reason":"stop"}]}`,
			Completion{Content: "I cannot.", FinishReason: "stop", Refused: true}},
		{"one that has completions only", `{"choices":[{"text":"Yes","finish_reason":"eos_token"}],"usage":{"prompt_tokens":"3","completion_tokens":2.0}}`,
			Completion{Content: "Yes", FinishReason: "stop", Usage: &Usage{PromptTokens: 3, CompletionTokens: 2}}},
		{"one that says why it ended in its own words", `{"choices":[{"message":{"content":"Ye"},"finish_reason":"MAX_TOKENS"}]}`,
			Completion{Content: "Ye", FinishReason: "length"}},
		{"one that reasoned only", `{"choices":[{"message":{"content":null,"reasoning":"hm"},"finish_reason":"length"}]}`,
			Completion{FinishReason: "length", OnlyReasoning: true}},
		{"one without content", `{"choices":[{"message":{"role":"assistant","content":null},"finish_reason":"length"}],"usage":null}`,
			Completion{FinishReason: "length"}},
		{"one with several choices", `{"choices":[{"index":1,"message":{"content":"b"}},{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]}`,
			Completion{Content: "a", FinishReason: "stop"}},
		{"one with escapes", `{"choices":[{"message":{"content":"\"\u00e9\ud83d\ude00\n\""},"finish_reason":"stop"}]}`,
			Completion{Content: "\"é😀\n\"", FinishReason: "stop"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := answer(t, http.StatusOK, tc.answer).chat().Complete(t.Context(), ask("x"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, *got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompleteRefusesWhatIsNoAnswer(t *testing.T) {
	cases := []struct {
		name, answer string
		failure      config.Failure
	}{
		{"nothing", ``, config.ModelBroken},
		{"no JSON", `<html>`, config.ModelBroken},
		{"no choices", `{"id":"x"}`, config.ModelBroken},
		{"an empty list of choices", `{"choices":[],"usage":{}}`, config.ModelBroken},
		{"a choice that is null", `{"choices":[null]}`, config.ModelBroken},
		{"an error in a 200", `{"error":{"message":"engine died"}}`, config.ModelBroken},
		{"an error with its own code", `{"error":{"message":"slow down","code":429}}`, config.ModelOverloaded},
		{"an error as text", `{"error":"engine died"}`, config.ModelBroken},
		{"an error that says too long", `{"object":"error","message":"maximum context length is 10","code":400}`, config.InputTooLong},
		{"a detail", `{"detail":"nope"}`, config.ModelBroken},
		{"MiniMax's balance", `{"choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}`, config.ModelUnpaid},
		{"MiniMax's context", `{"base_resp":{"status_code":2013,"status_msg":"invalid params, context window exceeds limit"}}`, config.InputTooLong},
		{"MiniMax's error beside a choice", `{"choices":[{"message":{"content":""}}],"base_resp":{"status_code":1002,"status_msg":"rate limit"}}`, config.ModelOverloaded},
		{"Gemini's list", `[{"error":{"code":429,"message":"Resource has been exhausted"}}]`, config.ModelOverloaded},
		{"OpenRouter's choice", `{"choices":[{"message":{"content":""},"finish_reason":"error","error":{"code":502,"message":"bad gateway"}}]}`, config.ModelBroken},
		{"an end that is an error", `{"choices":[{"message":{"content":"It"},"finish_reason":"error"}]}`, config.ModelBroken},
		{"Baidu's", `{"error_code":110,"error_msg":"Access token invalid or no longer valid"}`, config.ModelBroken},
		{"Tencent's", `{"Response":{"Error":{"Code":"AuthFailure","Message":"the signature is wrong"},"RequestId":"x"}}`, config.ModelBroken},
		{"a key that is wrong, without a code", `{"error":"invalid api key"}`, config.ModelUnauthorized},
		{"too much, without a code", `{"error":{"message":"Too many requests, slow down"}}`, config.ModelOverloaded},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := answer(t, http.StatusOK, tc.answer).chat().Complete(t.Context(), ask("x"))
			if FailureOf(err) != tc.failure || got != nil {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestExtraBodyFillsInWhatARequestLeavesOut(t *testing.T) {
	s := answer(t, http.StatusOK, `{"choices":[{"message":{"content":"ok"},"finish_reason":"stop"}]}`)
	c := plainly(NewChat(config.LLM{Model: s.model(), ExtraBody: map[string]any{"temperature": 2, "stop": "END", "z": "<&>"}},
		nil, Transport{}))
	cold := ask("x")
	cold.Temperature = new(0.5)
	for _, r := range []ChatRequest{cold, ask("x")} {
		if _, err := c.Complete(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	const begins = `{"model":"acme/model-1.5","messages":[{"role":"user","content":"x"}],`
	want := []string{
		begins + `"temperature":0.5,"stream":false,"stop":"END","z":"<&>"}`,
		begins + `"stream":false,"stop":"END","temperature":2,"z":"<&>"}`,
	}
	if diff := cmp.Diff(want, s.bodies); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnExtraBodyThatIsNotJSONIsRejectedWithoutARequest(t *testing.T) {
	s := answer(t, http.StatusOK, "")
	c := NewChat(config.LLM{Model: s.model(), ExtraBody: map[string]any{"x": func() {}}}, nil, Transport{})
	_, whole := c.Complete(t.Context(), ask("x"))
	_, streamed := c.Stream(t.Context(), ask("x"), func(string) error { return nil })
	for _, err := range []error{whole, streamed} {
		if FailureOf(err) != config.ModelRejected || !strings.Contains(err.Error(), "extraBody") || s.count() != 0 {
			t.Errorf("got %v after %d requests", err, s.count())
		}
	}
}
