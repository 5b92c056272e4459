package compat

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

func TestOpenAIForGo(t *testing.T) {
	eachServer(t, func(t *testing.T, s server) {
		client := openai.NewClient(option.WithBaseURL(s.BaseURL), option.WithAPIKey("any"), option.WithMaxRetries(0),
			option.WithRequestTimeout(time.Minute))
		t.Run("chats", func(t *testing.T) { goChats(t, client, s) })
		t.Run("chats streamed", func(t *testing.T) { goChatsStreamed(t, client, s) })
		t.Run("embeds", func(t *testing.T) { goEmbeds(t, client, s) })
		t.Run("lists models", func(t *testing.T) { goListsModels(t, client, s) })
		t.Run("is told what is wrong", func(t *testing.T) { goIsToldWhatIsWrong(t, client, s) })
	})
}

// ask is the question as the server needs it: a model without documents gets a passage along with it.
func ask(s server) openai.ChatCompletionNewParams {
	prompt := s.Question
	if !s.Gateway {
		prompt = "[1] guide.md\nA pipeline switches once the new index is complete.\n\n" + prompt
	}
	return openai.ChatCompletionNewParams{Model: s.Chat, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(prompt)}}
}

func goChats(t *testing.T, client openai.Client, s server) {
	done, err := client.Chat.Completions.New(t.Context(), ask(s))
	if err != nil {
		t.Fatal(err)
	}
	if choice := done.Choices[0]; !strings.Contains(choice.Message.Content, "[1]") || choice.FinishReason != "stop" {
		t.Errorf("no cited answer: %s", done.RawJSON())
	}
	if s.Gateway {
		checkExtraCitations(t, done.JSON.ExtraFields["citations"].Raw())
	}
}

func goChatsStreamed(t *testing.T, client openai.Client, s server) {
	params := ask(s)
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	defer stream.Close()
	var whole openai.ChatCompletionAccumulator
	for first := true; stream.Next(); first = false {
		chunk := stream.Current()
		if first && s.Gateway {
			checkExtraCitations(t, chunk.JSON.ExtraFields["citations"].Raw())
		}
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

func goEmbeds(t *testing.T, client openai.Client, s server) {
	params := openai.EmbeddingNewParams{
		Model: s.Embedding,
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"an index", "a gateway"}},
	}
	var options []option.RequestOption
	if !s.Gateway { // a NIM wants to know; the gateway takes it to be a query
		options = append(options, option.WithJSONSet("input_type", "query"))
	}
	list, err := client.Embeddings.New(t.Context(), params, options...)
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Data) != 2 || len(list.Data[0].Embedding) == 0 || len(list.Data[0].Embedding) != len(list.Data[1].Embedding) {
		t.Errorf("no two vectors of one length: %.300s", list.RawJSON())
	}
}

func goListsModels(t *testing.T, client openai.Client, s server) {
	list, err := client.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Data) == 0 || list.Data[0].ID != s.Chat {
		t.Errorf("the first model is not %s: %s", s.Chat, list.RawJSON())
	}
}

func goIsToldWhatIsWrong(t *testing.T, client openai.Client, s server) {
	params := ask(s)
	params.Messages = nil
	_, err := client.Chat.Completions.New(t.Context(), params, option.WithJSONSet("messages", []any{}))
	wrong, ok := errors.AsType[*openai.Error](err)
	if !ok || wrong.StatusCode != http.StatusBadRequest || !strings.Contains(wrong.Message, "messages") {
		t.Errorf("got %v, want a 400 that names messages", err)
	}
}
