package compat

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// recorded is a request as a client sent it; testdata/clients.json holds those of each client, recorded with the
// versions that it names.
type recorded struct {
	Method, Path string
	Headers      map[string]string
	Body         *string
}

func TestRecordedRequestsAreAnswered(t *testing.T) {
	data, err := os.ReadFile("testdata/clients.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Case     string
			Requests []recorded
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	eachServer(t, func(t *testing.T, s server) {
		for _, c := range file.Cases {
			t.Run(c.Case, func(t *testing.T) {
				for _, r := range c.Requests {
					replay(t, s, r)
				}
			})
		}
	})
}

// replay sends a recorded request and checks the answer's status and shape.
func replay(t *testing.T, s server, r recorded) {
	t.Helper()
	var sent request
	if r.Body != nil {
		if err := json.Unmarshal([]byte(*r.Body), &sent); err != nil {
			t.Fatal(err)
		}
	}
	status, body := send(t, s, r)
	if want := wantStatus(s, r.Path, sent); status != want {
		t.Fatalf("%s %s: status %d, want %d: %s", r.Method, r.Path, status, want, body)
	}
	if status != http.StatusOK {
		return
	}
	switch r.Path {
	case "/v1/models":
		checkModels(t, body)
	case "/v1/embeddings":
		checkEmbeddings(t, sent, body)
	case "/v1/ranking":
		checkRanking(t, sent, body)
	case "/v1/search":
		checkSearch(t, body)
	case "/v1/chat/completions":
		if sent.Stream {
			checkStream(t, s, sent, body)
		} else {
			checkCompletion(t, s, body)
		}
	default:
		t.Fatalf("no check for %s", r.Path)
	}
}

// request is what of a recorded body decides the answer's shape.
type request struct {
	Input          []string
	InputType      string `json:"input_type"`
	EncodingFormat string `json:"encoding_format"`
	Passages       []struct{ Text string }
	Stream         bool
	StreamOptions  struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// wantStatus is 200 but for what a NIM refuses: embeddings without their type, and a route that is the gateway's.
func wantStatus(s server, path string, sent request) int {
	switch {
	case s.Gateway:
		return http.StatusOK
	case path == "/v1/search":
		return http.StatusNotFound
	case path == "/v1/embeddings" && sent.InputType == "":
		return http.StatusBadRequest
	}
	return http.StatusOK
}

func send(t *testing.T, s server, r recorded) (status int, body []byte) {
	t.Helper()
	var payload io.Reader
	if r.Body != nil {
		payload = strings.NewReader(*r.Body)
	}
	request, err := http.NewRequestWithContext(t.Context(), r.Method, strings.TrimSuffix(s.BaseURL, "/v1")+r.Path, payload)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Authorization", "Bearer "+s.Key) // the recorded one is masked
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}

func decode(t *testing.T, body []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
}

func checkModels(t *testing.T, body []byte) {
	t.Helper()
	var list struct {
		Object string
		Data   []struct{ ID, Object string }
	}
	decode(t, body, &list)
	if list.Object != "list" || len(list.Data) == 0 || list.Data[0].ID != name || list.Data[0].Object != "model" {
		t.Errorf("no list of models that begins with %s: %s", name, body)
	}
}

func checkEmbeddings(t *testing.T, sent request, body []byte) {
	t.Helper()
	var list struct {
		Object string
		Data   []struct {
			Object    string
			Index     int
			Embedding json.RawMessage
		}
		Usage map[string]int
	}
	decode(t, body, &list)
	if list.Object != "list" || len(list.Data) != len(sent.Input) || list.Usage["total_tokens"] == 0 {
		t.Fatalf("no list of %d embeddings with their usage: %.300s", len(sent.Input), body)
	}
	for i, e := range list.Data {
		if e.Object != "embedding" || e.Index != i || dimensions(t, sent.EncodingFormat, e.Embedding) == 0 {
			t.Errorf("embedding %d has no vector in %s: %.300s", i, sent.EncodingFormat, body)
		}
	}
}

// dimensions is the length of a vector in the format that was asked for.
func dimensions(t *testing.T, format string, raw json.RawMessage) int {
	t.Helper()
	if format != "base64" {
		var vector []float32
		decode(t, raw, &vector)
		return len(vector)
	}
	var encoded string
	decode(t, raw, &encoded)
	vector, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(vector)%4 != 0 {
		t.Errorf("%d bytes are no base64 of 32-bit numbers: %v", len(vector), err)
	}
	return len(vector) / 4
}

func checkRanking(t *testing.T, sent request, body []byte) {
	t.Helper()
	var ranking struct {
		Rankings []struct {
			Index int
			Logit *float64
		}
	}
	decode(t, body, &ranking)
	seen := map[int]bool{}
	for i, r := range ranking.Rankings {
		if r.Logit == nil || r.Index < 0 || r.Index >= len(sent.Passages) || seen[r.Index] {
			t.Fatalf("rank %d is not that of a passage: %s", i, body)
		}
		if i > 0 && *r.Logit > *ranking.Rankings[i-1].Logit {
			t.Errorf("rank %d is better than the one before: %s", i, body)
		}
		seen[r.Index] = true
	}
	if len(seen) != len(sent.Passages) {
		t.Errorf("%d of %d passages are ranked", len(seen), len(sent.Passages))
	}
}

func checkSearch(t *testing.T, body []byte) {
	t.Helper()
	var c citations
	decode(t, body, &c)
	c.check(t)
}

// completion is a chat completion or a chunk of one.
type completion struct {
	ID, Object, Model string
	Choices           []struct {
		Message, Delta struct{ Role, Content string }
		FinishReason   string `json:"finish_reason"`
	}
	Citations *citations
	Usage     *struct {
		TotalTokens int `json:"total_tokens"`
	}
}

// citations are the passages behind an answer, in the shape of NVIDIA's RAG blueprint.
type citations struct {
	TotalResults int `json:"total_results"`
	Results      []struct {
		DocumentID   string `json:"document_id"`
		DocumentName string `json:"document_name"`
		Content      string
		Score        float64
		Metadata     map[string]any
	}
}

func (c *citations) check(t *testing.T) {
	t.Helper()
	if c == nil || c.TotalResults != len(c.Results) || len(c.Results) == 0 {
		t.Fatalf("no citations: %+v", c)
	}
	for i, r := range c.Results {
		if r.DocumentID == "" || r.DocumentName == "" || r.Content == "" || r.Score < 0 || r.Score > 1 || r.Metadata == nil {
			t.Errorf("citation %d is not complete: %+v", i+1, r)
		}
	}
}

func checkCompletion(t *testing.T, s server, body []byte) {
	t.Helper()
	var c completion
	decode(t, body, &c)
	if c.ID == "" || c.Object != "chat.completion" || c.Model != name || len(c.Choices) != 1 {
		t.Fatalf("no completion: %s", body)
	}
	if choice := c.Choices[0]; choice.Message.Role != "assistant" || choice.Message.Content == "" || choice.FinishReason != "stop" {
		t.Errorf("no answer: %s", body)
	}
	if s.Gateway {
		c.Citations.check(t)
	}
}

func checkStream(t *testing.T, s server, sent request, body []byte) {
	t.Helper()
	chunks := readStream(t, body)
	var content, finish string
	for _, c := range chunks {
		if c.Object != "chat.completion.chunk" || c.ID == "" || c.ID != chunks[0].ID {
			t.Fatalf("no chunk of the same completion: %+v", c)
		}
		for _, choice := range c.Choices {
			content += choice.Delta.Content
			finish += choice.FinishReason
		}
	}
	if content == "" || finish != "stop" {
		t.Errorf("no answer that ends once: content %q, finish reason %q", content, finish)
	}
	last := chunks[len(chunks)-1]
	if withUsage := last.Usage != nil && len(last.Choices) == 0 && last.Usage.TotalTokens > 0; withUsage != sent.StreamOptions.IncludeUsage {
		t.Errorf("the last chunk counts tokens: %t, want %t", withUsage, sent.StreamOptions.IncludeUsage)
	}
	if s.Gateway {
		chunks[0].Citations.check(t)
	}
}

// readStream returns the chunks of server-sent events that end in [DONE].
func readStream(t *testing.T, body []byte) []completion {
	t.Helper()
	var chunks []completion
	done := false
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, len(body)+1)
	for lines.Scan() {
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case !found:
			if lines.Text() != "" && !strings.HasPrefix(lines.Text(), ":") {
				t.Fatalf("neither data nor comment: %q", lines.Text())
			}
		case done:
			t.Fatalf("data after [DONE]: %q", data)
		case data == "[DONE]":
			done = true
		default:
			var c completion
			decode(t, []byte(data), &c)
			chunks = append(chunks, c)
		}
	}
	if !done || len(chunks) == 0 {
		t.Fatalf("no stream that ends in [DONE]: %s", body)
	}
	return chunks
}
