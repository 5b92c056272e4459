package standin

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/lexical"
	"github.com/ragpipeline/ragpipeline/test/golden"
)

// The models' names as they stand in JSON.
const (
	embedding = `"model": "` + config.StandInEmbedding + `"`
	reranking = `"model": "` + config.StandInReranking + `"`
	llm       = `"model": "` + config.StandInLLM + `"`
)

// TestWire holds every shape that a client meets against a golden file: status, content type, body.
func TestWire(t *testing.T) {
	server := httptest.NewServer(NewHandler(Options{Dimensions: 32, MaxTokens: 8, MaxBatch: 4, ContextWindow: 64, MaxBody: 1 << 12}))
	defer server.Close()

	ask := `"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "[1] a.md\n` + "```" +
		`\nA chunk has a context and a text.\n` + "```" + `\n\nQuestion:\nWhat has a chunk?"}]`
	for name, c := range map[string]struct{ method, path, body string }{
		"embeddings as numbers":          {"POST", "/v1/embeddings", `{` + embedding + `, "input": ["a b"], "input_type": "passage", "encoding_format": "float", "truncate": "NONE"}`},
		"embeddings as base64":           {"POST", "/v1/embeddings", `{` + embedding + `, "input": ["a", "b"], "input_type": "query", "encoding_format": "base64"}`},
		"embeddings of one string":       {"POST", "/v1/embeddings", `{` + embedding + `, "input": "graph", "input_type": "query"}`},
		"embeddings by suffix":           {"POST", "/v1/embeddings", `{"model": "` + config.StandInEmbedding + `-query", "input": "graph"}`},
		"embeddings without input type":  {"POST", "/v1/embeddings", `{` + embedding + `, "input": "graph"}`},
		"embeddings of a wrong type":     {"POST", "/v1/embeddings", `{` + embedding + `, "input": "graph", "input_type": "document"}`},
		"embeddings of an empty string":  {"POST", "/v1/embeddings", `{` + embedding + `, "input": ["a", ""], "input_type": "query"}`},
		"embeddings of nothing":          {"POST", "/v1/embeddings", `{` + embedding + `, "input": [], "input_type": "query"}`},
		"embeddings without input":       {"POST", "/v1/embeddings", `{` + embedding + `, "input_type": "query"}`},
		"embeddings of token ids":        {"POST", "/v1/embeddings", `{` + embedding + `, "input": [1, 2], "input_type": "query"}`},
		"embeddings of too many texts":   {"POST", "/v1/embeddings", `{` + embedding + `, "input": ["a","b","c","d","e"], "input_type": "query"}`},
		"embeddings in no format":        {"POST", "/v1/embeddings", `{` + embedding + `, "input": "a", "input_type": "query", "encoding_format": null}`},
		"embeddings too long":            {"POST", "/v1/embeddings", `{` + embedding + `, "input": "a text of more than thirty-two bytes", "input_type": "query"}`},
		"embeddings cut at the end":      {"POST", "/v1/embeddings", `{` + embedding + `, "input": "a text of more than thirty-two bytes", "input_type": "query", "truncate": "END"}`},
		"embeddings truncated somehow":   {"POST", "/v1/embeddings", `{` + embedding + `, "input": "a", "input_type": "query", "truncate": "MIDDLE"}`},
		"embeddings in wrong dimensions": {"POST", "/v1/embeddings", `{` + embedding + `, "input": "a", "input_type": "query", "dimensions": 7}`},
		"embeddings of another model":    {"POST", "/v1/embeddings", `{"model": "nvidia/nv-embedqa-e5-v5", "input": "a", "input_type": "query"}`},
		"embeddings of no model":         {"POST", "/v1/embeddings", `{"input": "a", "input_type": "query"}`},
		"embeddings that are not JSON":   {"POST", "/v1/embeddings", `{"input": `},
		"embeddings with a wrong field":  {"POST", "/v1/embeddings", `{"model": 7}`},
		"embeddings in too large a body": {"POST", "/v1/embeddings", `{"input": "` + strings.Repeat("a", 1<<12) + `"}`},
		"embeddings by GET":              {"GET", "/v1/embeddings", ""},
		"ranking":                        {"POST", "/v1/ranking", `{` + reranking + `, "query": {"text": "red fox"}, "passages": [{"text": "a blue whale"}, {"text": "the red fox"}, {"text": "a fox"}]}`},
		"ranking cut at the end":         {"POST", "/v1/ranking", `{` + reranking + `, "query": {"text": "fox"}, "passages": [{"text": "a text of more than thirty-two bytes"}], "truncate": "END"}`},
		"ranking too long":               {"POST", "/v1/ranking", `{` + reranking + `, "query": {"text": "fox"}, "passages": [{"text": "a text of more than thirty-two bytes"}]}`},
		"ranking of nothing":             {"POST", "/v1/ranking", `{` + reranking + `, "query": {"text": "fox"}, "passages": []}`},
		"ranking of an empty passage":    {"POST", "/v1/ranking", `{` + reranking + `, "query": {"text": "fox"}, "passages": [{"text": ""}]}`},
		"ranking of an empty query":      {"POST", "/v1/ranking", `{` + reranking + `, "query": {"text": " "}, "passages": [{"text": "a"}]}`},
		"ranking from the start":         {"POST", "/v1/ranking", `{` + reranking + `, "query": {"text": "a"}, "passages": [{"text": "a"}], "truncate": "START"}`},
		"ranking by the embedding model": {"POST", "/v1/ranking", `{` + embedding + `, "query": {"text": "a"}, "passages": [{"text": "a"}]}`},
		"chat":                           {"POST", "/v1/chat/completions", `{` + llm + `, ` + ask + `}`},
		"chat in content parts":          {"POST", "/v1/chat/completions", `{` + llm + `, "messages": [{"role": "user", "content": [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]}]}`},
		"chat streamed":                  {"POST", "/v1/chat/completions", `{` + llm + `, "stream": true, ` + ask + `}`},
		"chat streamed with usage":       {"POST", "/v1/chat/completions", `{` + llm + `, "stream": true, "stream_options": {"include_usage": true}, ` + ask + `}`},
		"chat of few tokens":             {"POST", "/v1/chat/completions", `{` + llm + `, "max_tokens": 2, ` + ask + `}`},
		"chat of few completion tokens":  {"POST", "/v1/chat/completions", `{` + llm + `, "max_tokens": 100, "max_completion_tokens": 2, ` + ask + `}`},
		"chat stopped":                   {"POST", "/v1/chat/completions", `{` + llm + `, "stop": [" and"], ` + ask + `}`},
		"chat stopped by a string":       {"POST", "/v1/chat/completions", `{` + llm + `, "stop": " a ", ` + ask + `}`},
		"chat of no tokens":              {"POST", "/v1/chat/completions", `{` + llm + `, "max_tokens": 0, ` + ask + `}`},
		"chat without messages":          {"POST", "/v1/chat/completions", `{` + llm + `, "messages": []}`},
		"chat without a user":            {"POST", "/v1/chat/completions", `{` + llm + `, "messages": [{"role": "system", "content": "x"}]}`},
		"chat with an image":             {"POST", "/v1/chat/completions", `{` + llm + `, "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}`},
		"chat beyond the context window": {"POST", "/v1/chat/completions", `{` + llm + `, "messages": [{"role": "user", "content": "` + strings.Repeat("long ", 60) + `"}]}`},
		"chat by another model":          {"POST", "/v1/chat/completions", `{"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}`},
		"chat stopped by a number":       {"POST", "/v1/chat/completions", `{` + llm + `, "stop": 3, ` + ask + `}`},
		"models":                         {"GET", "/v1/models", ""},
		"health live":                    {"GET", "/v1/health/live", ""},
		"health ready":                   {"GET", "/v1/health/ready", ""},
		"metadata":                       {"GET", "/v1/metadata", ""},
		"version":                        {"GET", "/v1/version", ""},
		"an unknown route":               {"GET", "/v1/nothing", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := strings.ReplaceAll(name, " ", "-") + ".golden"
			golden.Check(t, filepath.Join("testdata", "wire", file), call(t, server.URL, c.method, c.path, c.body))
		})
	}
}

var created = regexp.MustCompile(`"created":\d+`)

func call(t *testing.T, url, method, path, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s\n%s\n\n%s\n", response.Status, response.Header.Get("Content-Type"), created.ReplaceAll(got, []byte(`"created":0`)))
}

func TestBase64HoldsTheSameVectorAsNumbers(t *testing.T) {
	v := lexical.Embed("a pipeline has an index", 64)
	var numbers []float32
	if err := json.Unmarshal(appendVector(nil, v, false), &numbers); err != nil {
		t.Fatal(err)
	}
	var encoded string
	if err := json.Unmarshal(appendVector(nil, v, true), &encoded); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var decoded []float32
	for i := 0; i < len(raw); i += 4 {
		decoded = append(decoded, math.Float32frombits(binary.LittleEndian.Uint32(raw[i:])))
	}
	if diff := cmp.Diff(v, numbers); diff != "" {
		t.Errorf("as numbers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(v, decoded); diff != "" {
		t.Errorf("as base64 (-want +got):\n%s", diff)
	}
}

func TestOneModelServedLeavesTheOtherRoutesOut(t *testing.T) {
	server := httptest.NewServer(NewHandler(Options{Names: Names{Reranking: "mine"}}))
	defer server.Close()
	if got := call(t, server.URL, "POST", "/v1/embeddings", `{}`); !strings.Contains(got, "404 page not found") {
		t.Errorf("got %s", got)
	}
	got := call(t, server.URL, "POST", "/v1/ranking", `{"model": "mine", "query": {"text": "a"}, "passages": [{"text": "a"}]}`)
	if !strings.HasPrefix(got, "200 OK") {
		t.Errorf("got %s", got)
	}
	if got := call(t, server.URL, "GET", "/v1/models", ""); strings.Count(got, `"id"`) != 1 || !strings.Contains(got, `"id":"mine"`) {
		t.Errorf("got %s", got)
	}
}

// BenchmarkReply measures what a request for 32 passages costs beyond HTTP.
func BenchmarkReply(b *testing.B) {
	texts := make([]string, 32)
	for i := range texts {
		texts[i] = fmt.Sprintf("Document %d says that each gateway version is pinned to one generation of the index.", i)
	}
	for _, asBase64 := range []bool{false, true} {
		b.Run(fmt.Sprintf("base64=%t", asBase64), func(b *testing.B) {
			for b.Loop() {
				embeddingReply("m", texts, 1024, asBase64, 1)
			}
			b.ReportMetric(32*float64(b.N)/b.Elapsed().Seconds(), "passages/s")
		})
	}
}
