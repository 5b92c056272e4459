package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
	"github.com/ragpipeline/ragpipeline/test/golden"
)

// Whole replies, as clients see them; times and the moment of creation are replaced.
func TestRepliesGolden(t *testing.T) {
	const id = "golden"
	for _, tc := range []struct {
		name, method, path, body string
		prepare                  func(f *fixture)
	}{
		{"chat", "POST", chatRoute, chatBody("What was the revenue?"), nil},
		{"chat streamed", "POST", chatRoute, streamBody("What was the revenue?"), nil},
		{"chat without the llm", "POST", chatRoute, chatBody("What was the revenue?"), func(f *fixture) {
			f.options.Config.FailurePolicy.LLM = config.Degrade
			f.chat.words, f.chat.err = nil, &model.Error{Stage: config.StageLLM, Failure: config.ModelUnreachable, Model: "chat"}
		}},
		{"chat streamed without reranker and llm", "POST", chatRoute, streamBody("What was the revenue?"), func(f *fixture) {
			f.options.Config.FailurePolicy = config.FailurePolicy{Reranking: config.Degrade, LLM: config.Degrade}
			f.ranker.err = &model.Error{Stage: config.StageReranking, Failure: config.ModelOverloaded, Model: "rank"}
			f.chat.words, f.chat.err = nil, &model.Error{Stage: config.StageLLM, Failure: config.ModelRetired, Model: "chat"}
		}},
		{"chat streamed that breaks", "POST", chatRoute, streamBody("What was the revenue?"), func(f *fixture) {
			f.chat.err = &model.Error{Stage: config.StageLLM, Failure: config.ModelUnreachable, Model: "chat"}
		}},
		{"search", "POST", searchRoute, `{"query": "revenue", "filter": {"team": "core"}}`, nil},
		{"search without reranking", "POST", searchRoute,
			`{"query": "revenue", "enable_reranker": false, "reranker_top_k": 1}`, nil},
		{"search that finds nothing", "POST", searchRoute, `{"query": "revenue", "confidence_threshold": 1}`, nil},
		{"models", "GET", "/v1/models", "", nil},
		{"embeddings", "POST", embedRoute, `{"input": ["a", "bc"]}`, nil},
		{"ranking", "POST", rankRoute, `{"query": {"text": "q"}, "passages": [{"text": "x"}, {"text": "y"}]}`, nil},
		{"index", "GET", "/v1/index", "", nil},
		{"documents", "GET", "/v1/documents?limit=2", "", nil},
		{"documents second page", "GET", "/v1/documents?limit=2&after=docs/b.pdf", "", nil},
		{"documents with warnings", "GET", "/v1/documents?warnings=true", "", nil},
		{"failed documents", "GET", "/v1/documents?state=Failed&limit=1", "", nil},
		{"a wrong field", "POST", chatRoute, `{"max_tokens": "x"}`, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture()
			if tc.prepare != nil {
				tc.prepare(f)
			}
			reply := f.call(tc.method, tc.path, tc.body, "X-Request-Id", id)
			got := reply.Header().Get("Content-Type") + "\n\n" + steady(indent(reply.Body.String()))
			golden.Check(t, filepath.Join("testdata", strings.ReplaceAll(tc.name, " ", "-")+".golden"), got)
		})
	}
}

// indent makes a JSON body readable; a stream stays as it is.
func indent(body string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(body), "", "  ") != nil {
		return body
	}
	return b.String()
}

var (
	created = regexp.MustCompile(`("created": ?)\d+`)
	metrics = regexp.MustCompile(`("metrics": ?){[^}]*}`)
)

func steady(body string) string {
	return metrics.ReplaceAllString(created.ReplaceAllString(body, "${1}0"), "${1}{}")
}

func TestMetricsAreTheStagesTimes(t *testing.T) {
	const ms = time.Millisecond
	got := newMetrics(&query.Times{
		Embedding: 3 * ms, Retrieval: 5 * ms, Reranking: 7 * ms, FirstToken: 11 * ms, LLM: 20 * ms, Total: 33*ms + 1500,
	})
	want := Metrics{
		RAGFirstToken: 24.001, LLMFirstToken: 11, Embedding: 3, Retrieval: 5, Reranking: 7, Generation: 20, Total: 33.001,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	b, err := json.Marshal(newMetrics(&query.Times{Total: ms}))
	if err != nil || string(b) != `{"total_time_ms":1}` {
		t.Errorf("stages that did not run are in %s (%v)", b, err)
	}
}

func TestChatReachesTheLLMAsTheCallerSaid(t *testing.T) {
	f := newFixture()
	got := f.call("POST", chatRoute, `{"messages": [{"role": "system", "content": "Be brief."},
		{"role": "user", "content": [{"type": "text", "text": "What was "}, {"type": "text", "text": "the revenue?"}]}],
		"max_completion_tokens": 10, "max_tokens": 20, "temperature": 0.5, "top_p": 0.9, "seed": 4, "stop": "END",
		"response_format": {"type": "json_object"}, "filter": {"source": "docs"}}`)
	if got.Code != 200 {
		t.Fatalf("status %d: %s", got.Code, got.Body)
	}
	r := f.chat.got
	if r.MaxTokens != 10 || *r.Temperature != .5 || *r.TopP != .9 || *r.Seed != 4 || r.Stop[0] != "END" {
		t.Errorf("settings were lost: %+v", r)
	}
	if format, err := json.Marshal(r.ResponseFormat); err != nil || string(format) != `{"type":"json_object"}` {
		t.Errorf("response_format %s (%v)", format, err)
	}
	if last := r.Messages[len(r.Messages)-1].Content; !strings.HasSuffix(last, "What was the revenue?") {
		t.Errorf("the question is not verbatim at the end of %q", last)
	}
	want := index.All(index.Audience{}.Filter(), index.All(index.AnyOf("source", "docs")))
	if diff := cmp.Diff([]*index.Filter{want}, f.index.filters); diff != "" {
		t.Errorf("filter (-want +got):\n%s", diff)
	}
}

func TestEmbeddingsAskAsTheCallerSaid(t *testing.T) {
	for body, want := range map[string]model.EmbedRequest{
		`{"input": "a"}`: {Texts: []string{"a"}, InputType: "query", Truncate: "NONE"},
		`{"input": ["a", "b"], "input_type": "passage", "truncate": "END", "dimensions": 64, "encoding_format": null}`: {
			Texts: []string{"a", "b"}, InputType: "passage", Truncate: "END", Dimensions: 64},
	} {
		f := newFixture()
		if got := f.call("POST", embedRoute, body); got.Code != 200 {
			t.Fatalf("status %d: %s", got.Code, got.Body)
		}
		if diff := cmp.Diff(want, f.embedder.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

func TestBase64EmbeddingsAreLittleEndianFloats(t *testing.T) {
	var reply struct{ Data []struct{ Embedding string } }
	got := newFixture().call("POST", embedRoute, `{"input": "abc", "encoding_format": "base64"}`)
	if err := json.Unmarshal(got.Body.Bytes(), &reply); err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(reply.Data[0].Embedding)
	if err != nil || len(raw) != 8 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	first := math.Float32frombits(binary.LittleEndian.Uint32(raw))
	second := math.Float32frombits(binary.LittleEndian.Uint32(raw[4:]))
	if first != 3 || second != .5 {
		t.Errorf("got %v and %v, want 3 and 0.5", first, second)
	}
}

func TestNewCompletionWithoutPassagesHasAnEmptyList(t *testing.T) {
	b, err := json.Marshal(NewCompletion("x", &config.Gateway{}, &query.Result{Answer: "None.", FinishReason: "stop"}))
	if err != nil {
		t.Fatal(err)
	}
	const none = `"citations":{"total_results":0,"results":[]}`
	if !strings.Contains(string(b), none) || strings.Contains(string(b), "usage") {
		t.Errorf("got %s", b)
	}
}

// The gateway answers the recorded requests of other people's clients.
func TestRecordedClients(t *testing.T) {
	data, err := os.ReadFile("../../test/compat/testdata/clients.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Cases []struct {
			Case     string
			Requests []struct {
				Method, Path, Body string
				Headers            map[string]string
			}
		}
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	if len(recorded.Cases) < 10 {
		t.Fatalf("only %d cases", len(recorded.Cases))
	}
	for _, c := range recorded.Cases {
		t.Run(c.Case, func(t *testing.T) {
			for _, r := range c.Requests {
				var headers []string
				for name, value := range r.Headers {
					headers = append(headers, name, value)
				}
				got := newFixture().call(r.Method, r.Path, r.Body, headers...)
				if got.Code != 200 {
					t.Fatalf("%s %s: status %d: %s", r.Method, r.Path, got.Code, got.Body)
				}
				if streamed := strings.Contains(r.Body, `"stream": true`) || strings.Contains(r.Body, `"stream":true`); streamed !=
					strings.HasSuffix(got.Body.String(), "data: [DONE]\n\n") {
					t.Errorf("streamed %v, but the reply is %s", streamed, got.Body)
				}
			}
		})
	}
}
