package compat

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"
)

// goChecks are the checks of the OpenAI SDK for Go.
var goChecks = map[string]func(*testing.T, server){
	"chats":                       goChats,
	"streams":                     goStreams,
	"responds":                    goResponds,
	"embeds":                      goEmbeds,
	"lists_models":                goListsModels,
	"shows_sources":               goShowsSources,
	"is_told_errors":              goIsToldErrors,
	"is_told_errors_of_overload":  goIsToldErrorsOfOverload,
	"cancels":                     goCancels,
	"is_refused_with_a_wrong_key": goIsRefusedWithAWrongKey,
}

// ofGateway are the checks that a stand-in model would not pass.
var ofGateway = map[string]bool{
	"responds": true, "shows_sources": true, "cancels": true, "is_refused_with_a_wrong_key": true,
	"is_told_errors_of_overload": true,
}

func goClient(s server) openai.Client {
	return openai.NewClient(option.WithBaseURL(s.BaseURL), option.WithAPIKey(s.Key), option.WithMaxRetries(0),
		option.WithRequestTimeout(time.Minute))
}

// ask is the question as the server needs it: a model without documents gets a passage along with it.
func ask(s server) openai.ChatCompletionNewParams {
	prompt := s.Question
	if !s.Gateway {
		prompt = "[1] guide.md\nA pipeline switches once the new index is complete.\n\n" + prompt
	}
	return asked(s, prompt)
}

func asked(s server, question string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model: s.Chat, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(question)},
	}
}

func goChats(t *testing.T, s server) {
	c := goClient(s)
	done, err := c.Chat.Completions.New(t.Context(), ask(s))
	if err != nil {
		t.Fatal(err)
	}
	if choice := done.Choices[0]; !strings.Contains(choice.Message.Content, "[1]") || choice.FinishReason != "stop" {
		t.Errorf("no cited answer: %s", done.RawJSON())
	}
}

func goStreams(t *testing.T, s server) {
	c := goClient(s)
	params := ask(s)
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := c.Chat.Completions.NewStreaming(t.Context(), params)
	defer stream.Close()
	var whole openai.ChatCompletionAccumulator
	for stream.Next() {
		chunk := stream.Current()
		if !whole.AddChunk(chunk) {
			t.Errorf("not a chunk of the same completion: %s", chunk.RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if choice := whole.Choices[0]; !strings.Contains(choice.Message.Content, "[1]") || choice.FinishReason != "stop" {
		t.Errorf("no cited answer: %+v", whole)
	}
	if whole.Usage.TotalTokens == 0 {
		t.Error("the last chunk counts no tokens")
	}
}

func checkExtraCitations(t *testing.T, raw string) {
	t.Helper()
	var c *citations
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		t.Fatalf("citations %q: %v", raw, err)
	}
	c.check(t)
}

func goEmbeds(t *testing.T, s server) {
	c := goClient(s)
	params := openai.EmbeddingNewParams{
		Model: s.Embedding,
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"an index", "a gateway"}},
	}
	var options []option.RequestOption
	if !s.Gateway { // a NIM wants to know; the gateway takes it to be a query
		options = append(options, option.WithJSONSet("input_type", "query"))
	}
	list, err := c.Embeddings.New(t.Context(), params, options...)
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Data) != 2 || len(list.Data[0].Embedding) == 0 || len(list.Data[0].Embedding) != len(list.Data[1].Embedding) {
		t.Errorf("no two vectors of one length: %.300s", list.RawJSON())
	}
}

func goListsModels(t *testing.T, s server) {
	c := goClient(s)
	list, err := c.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Data) == 0 || list.Data[0].ID != s.Chat {
		t.Errorf("the first model is not %s: %s", s.Chat, list.RawJSON())
	}
}

func goIsToldErrors(t *testing.T, s server) {
	c := goClient(s)
	params := ask(s)
	params.Messages = nil
	_, err := c.Chat.Completions.New(t.Context(), params, option.WithJSONSet("messages", []any{}))
	wrong, ok := errors.AsType[*openai.Error](err)
	if !ok || wrong.StatusCode != http.StatusBadRequest || !strings.Contains(wrong.Message, "messages") {
		t.Errorf("got %v, want a 400 that names messages", err)
	}
}

func goIsToldErrorsOfOverload(t *testing.T, s server) {
	c := goClient(s)
	_, err := c.Chat.Completions.New(t.Context(), ask(s), option.WithBaseURL(s.Overloaded))
	wrong, ok := errors.AsType[*openai.Error](err)
	if !ok || wrong.StatusCode != http.StatusServiceUnavailable || wrong.Response.Header.Get("Retry-After") == "" {
		t.Errorf("got %v, want a 503 with Retry-After", err)
	}
}

func goResponds(t *testing.T, s server) {
	c := goClient(s)
	params := responses.ResponseNewParams{Model: s.Chat,
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(s.Question)}}
	whole, err := c.Responses.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	stream := c.Responses.NewStreaming(t.Context(), params)
	defer stream.Close()
	var text strings.Builder
	var last responses.Response
	for stream.Next() {
		event := stream.Current()
		if event.Type == "response.output_text.delta" {
			text.WriteString(event.Delta)
		}
		last = event.Response
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	answer := whole.OutputText()
	if !strings.Contains(answer, "[1]") || text.String() != answer || last.OutputText() != answer ||
		last.Status != responses.ResponseStatusCompleted {
		t.Errorf("answer %q, streamed %q, whole at the end %q", answer, text.String(), last.OutputText())
	}
}

func goShowsSources(t *testing.T, s server) {
	c := goClient(s)
	done, err := c.Chat.Completions.New(t.Context(), ask(s))
	if err != nil {
		t.Fatal(err)
	}
	checkExtraCitations(t, done.JSON.ExtraFields["citations"].Raw())
	annotations := done.Choices[0].Message.Annotations
	if len(annotations) == 0 || !strings.Contains(annotations[0].URLCitation.URL, "/v1/documents/") {
		t.Errorf("the message has no annotations: %s", done.RawJSON())
	}
	stream := c.Chat.Completions.NewStreaming(t.Context(), ask(s))
	defer stream.Close()
	if !stream.Next() {
		t.Fatal(stream.Err())
	}
	checkExtraCitations(t, stream.Current().JSON.ExtraFields["citations"].Raw())
}

func goCancels(t *testing.T, s server) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := goClient(s)
	stream := c.Chat.Completions.NewStreaming(ctx, asked(s, s.Question+" Say it slowly-"+s.Client+"."))
	defer stream.Close()
	if !stream.Next() {
		t.Fatal(stream.Err())
	}
	cancel()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Cancelled, nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		t.Errorf("the LLM goes on: %s", reply.Status)
	}
}

func goIsRefusedWithAWrongKey(t *testing.T, s server) {
	s.Key = "wrong"
	c := goClient(s)
	_, err := c.Models.List(t.Context())
	if wrong, ok := errors.AsType[*openai.Error](err); !ok || wrong.StatusCode != http.StatusUnauthorized {
		t.Errorf("got %v, want a 401", err)
	}
}
