package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

const (
	chatRoute   = "/v1/chat/completions"
	searchRoute = "/v1/search"
	embedRoute  = "/v1/embeddings"
	rankRoute   = "/v1/ranking"
	rerankRoute = "/v1/rerank"
)

func TestRequestsThatAreRefused(t *testing.T) {
	ask := func(extra string) string {
		return `{"messages": [{"role": "user", "content": "what?"}], ` + extra + `}`
	}
	parts := func(parts string) string { return `{"messages": [{"role": "user", "content": ` + parts + `}]}` }
	manyPassages := `{"query": {"text": "x"}, "passages": [` + strings.Repeat(`{"text": "x"},`, maxPassages) + `{"text": "x"}]}`
	const post = http.MethodPost
	paths := readOpenAPI(t).Paths
	for _, tc := range []struct {
		name, method, path, body string
		status                   int
		code, param              string
	}{
		{"an unknown route", "GET", "/v2/chat", "", 404, "UnknownRoute", ""},
		{"a route with a slash too many", "GET", "/v1/models/", "", 404, "UnknownRoute", ""},
		{"a wrong method", "GET", chatRoute, "", 405, "MethodNotAllowed", ""},
		{"a wrong method on a page", "DELETE", "/", "", 405, "MethodNotAllowed", ""},

		{"an empty body", post, chatRoute, "", 400, "InvalidRequest", ""},
		{"malformed JSON", post, chatRoute, "{\n  \"messages\": [}", 400, "InvalidRequest", ""},
		{"something behind the JSON", post, chatRoute, ask(`"n": 1`) + "x", 400, "InvalidRequest", ""},
		{"an array for a body", post, chatRoute, "[]", 400, "InvalidRequest", ""},
		{"a field of the wrong type", post, chatRoute, ask(`"max_tokens": "many"`),
			400, "InvalidRequest", "max_tokens"},
		{"a nested field of the wrong type", post, chatRoute, ask(`"stream_options": {"include_usage": 1}`),
			400, "InvalidRequest", "stream_options.include_usage"},
		{"a body over the bound", post, chatRoute, chatBody(strings.Repeat("x", maxQuestionBody)), 413, "TooLarge", ""},
		{"a question of 1 MB", post, chatRoute, chatBody(strings.Repeat("x", 1_000_000)), 413, "TooLarge", "messages"},
		{"a search of 1 MB", post, searchRoute, `{"query": "` + strings.Repeat("x", 1_000_000) + `"}`,
			413, "TooLarge", "query"},

		{"another model", post, chatRoute, ask(`"model": "gpt-4"`), 404, "UnknownModel", "model"},
		{"no message", post, chatRoute, `{"messages": []}`, 400, "InvalidRequest", "messages"},
		{"no question", post, chatRoute, `{"messages": [{"role": "system", "content": "be kind"}]}`,
			400, "InvalidRequest", "messages"},
		{"an unknown role", post, chatRoute, `{"messages": [{"role": "king", "content": "x"}]}`,
			400, "InvalidRequest", "messages[0].role"},
		{"an image", post, chatRoute, parts(`[{"type": "image_url", "image_url": {"url": "http://x"}}]`),
			422, "Unsupported", "messages[0].content[0]"},
		{"an image among text", post, chatRoute, parts(`[{"type": "text", "text": "x"}, {"type": "input_audio"}]`),
			422, "Unsupported", "messages[0].content[1]"},
		{"a text part without text", post, chatRoute, parts(`[{"type": "text"}]`),
			400, "InvalidRequest", "messages[0].content[0].text"},
		{"content that is no text", post, chatRoute, parts(`17`), 400, "InvalidRequest", "messages[0].content"},
		{"a tool's message", post, chatRoute, `{"messages": [{"role": "tool", "content": "x"}]}`,
			422, "Unsupported", "messages[0]"},
		{"a tool call", post, chatRoute, `{"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}]}`,
			422, "Unsupported", "messages[0]"},
		{"a demand for a tool", post, chatRoute, ask(`"tools": [{"type": "function"}], "tool_choice": "required"`),
			422, "Unsupported", "tool_choice"},
		{"a demand for one tool", post, chatRoute, ask(`"tool_choice": {"type": "function", "function": {"name": "f"}}`),
			422, "Unsupported", "tool_choice"},
		{"a demand for one of some tools", post, chatRoute,
			ask(`"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required"}}`),
			422, "Unsupported", "tool_choice"},
		{"a demand for a function", post, chatRoute, ask(`"functions": [{"name": "f"}], "function_call": {"name": "f"}`),
			422, "Unsupported", "function_call"},
		{"an unknown model", "GET", "/v1/models/gpt-4", "", 404, "UnknownModel", ""},
		{"several answers", post, chatRoute, ask(`"n": 2`), 422, "Unsupported", "n"},
		{"log probabilities", post, chatRoute, ask(`"logprobs": true`), 422, "Unsupported", "logprobs"},
		{"top log probabilities", post, chatRoute, ask(`"top_logprobs": 3`), 422, "Unsupported", "top_logprobs"},
		{"audio", post, chatRoute, ask(`"audio": {"voice": "x"}`), 422, "Unsupported", "audio"},
		{"an endpoint", post, chatRoute, ask(`"llm_endpoint": "http://evil"`), 400, "InvalidRequest", "llm_endpoint"},
		{"a URL", post, chatRoute, ask(`"callback_url": "http://evil"`), 400, "InvalidRequest", "callback_url"},
		{"an endpoint in a search", post, searchRoute, `{"query": "x", "vdb_endpoint": "http://evil"}`,
			400, "InvalidRequest", "vdb_endpoint"},
		{"no tokens", post, chatRoute, ask(`"max_tokens": 0`), 400, "InvalidRequest", "max_tokens"},
		{"negative tokens", post, chatRoute, ask(`"max_completion_tokens": -1`),
			400, "InvalidRequest", "max_completion_tokens"},
		{"a temperature beyond the scale", post, chatRoute, ask(`"temperature": 2.5`),
			400, "InvalidRequest", "temperature"},
		{"a top_p beyond the scale", post, chatRoute, ask(`"top_p": 0`), 400, "InvalidRequest", "top_p"},
		{"a stop of the wrong type", post, chatRoute, ask(`"stop": {"a": 1}`), 400, "InvalidRequest", "stop"},
		{"too many stops", post, chatRoute, ask(`"stop": ["` + strings.Repeat(`x","`, maxStops) + `x"]`),
			400, "InvalidRequest", "stop"},
		{"a filter of the wrong type", post, chatRoute, ask(`"filter": "team = core"`),
			400, "InvalidRequest", "filter"},
		{"a filter's value of the wrong type", post, searchRoute, `{"query": "x", "filter": {"year": [2022, null]}}`,
			400, "InvalidRequest", "filter.year"},

		{"a filter expression", post, searchRoute, `{"query": "x", "filter_expr": "a > 1"}`,
			400, "InvalidRequest", "filter_expr"},
		{"no query", post, searchRoute, `{}`, 400, "InvalidRequest", "query"},
		{"too many candidates", post, searchRoute, `{"query": "x", "vdb_top_k": 401}`,
			400, "InvalidRequest", "vdb_top_k"},
		{"too many passages", post, searchRoute, `{"query": "x", "reranker_top_k": 26}`,
			400, "InvalidRequest", "reranker_top_k"},
		{"a threshold beyond the scale", post, searchRoute, `{"query": "x", "confidence_threshold": 7}`,
			400, "InvalidRequest", "confidence_threshold"},

		{"no input", post, embedRoute, `{}`, 400, "InvalidRequest", "input"},
		{"an empty list of inputs", post, embedRoute, `{"input": []}`, 400, "InvalidRequest", "input"},
		{"an empty input", post, embedRoute, `{"input": ["a", ""]}`, 400, "InvalidRequest", "input"},
		{"an unknown token id", post, embedRoute, `{"input": [1, 200000]}`, 400, "InvalidRequest", "input"},
		{"a token id for the end of a text", post, embedRoute, `{"input": [[1], [100257]]}`, 400, "InvalidRequest", "input"},
		{"a negative token id", post, embedRoute, `{"input": [-1]}`, 400, "InvalidRequest", "input"},
		{"a list without token ids", post, embedRoute, `{"input": [[1], []]}`, 400, "InvalidRequest", "input"},
		{"too many token ids", post, embedRoute, `{"input": [` + strings.Repeat("1,", maxTokenIDs) + `1]}`,
			400, "InvalidRequest", "input"},
		{"a token id that is null", post, embedRoute, `{"input": [[null]]}`, 400, "InvalidRequest", "input"},
		{"a list of texts and token ids", post, embedRoute, `{"input": ["a", [1]]}`, 400, "InvalidRequest", "input"},
		{"an object for an input", post, embedRoute, `{"input": {"text": "x"}}`, 400, "InvalidRequest", "input"},
		{"an unknown input type", post, embedRoute, `{"input": "x", "input_type": "image"}`,
			400, "InvalidRequest", "input_type"},
		{"an unknown truncation", post, embedRoute, `{"input": "x", "truncate": "MIDDLE"}`,
			400, "InvalidRequest", "truncate"},
		{"an unknown encoding", post, embedRoute, `{"input": "x", "encoding_format": "hex"}`,
			400, "InvalidRequest", "encoding_format"},
		{"negative dimensions", post, embedRoute, `{"input": "x", "dimensions": -1}`,
			400, "InvalidRequest", "dimensions"},
		{"texts over the bound", post, embedRoute, `{"input": "` + strings.Repeat("x", maxTextsBody) + `"}`,
			413, "TooLarge", ""},

		{"no query to rank by", post, rankRoute, `{"passages": [{"text": "x"}]}`, 400, "InvalidRequest", "query.text"},
		{"no passages", post, rankRoute, `{"query": {"text": "x"}}`, 400, "InvalidRequest", "passages"},
		{"an empty passage", post, rankRoute, `{"query": {"text": "x"}, "passages": [{"text": ""}]}`,
			400, "InvalidRequest", "passages[0].text"},
		{"an image to rank", post, rankRoute, `{"query": {"text": "x"}, "passages": [{"image": "data:"}]}`,
			422, "Unsupported", "passages[0].image"},
		{"too many passages to rank", post, rankRoute, manyPassages, 400, "InvalidRequest", "passages"},

		{"no query to rerank by", post, rerankRoute, `{"documents": ["x"]}`, 400, "InvalidRequest", "query"},
		{"no documents to rerank", post, rerankRoute, `{"query": "x"}`, 400, "InvalidRequest", "documents"},
		{"too many documents to rerank", post, rerankRoute,
			`{"query": "x", "documents": [` + strings.Repeat(`"x",`, maxPassages) + `"x"]}`, 400, "InvalidRequest", "documents"},
		{"an empty document to rerank", post, rerankRoute, `{"query": "x", "documents": ["x", ""]}`,
			400, "InvalidRequest", "documents[1]"},
		{"a number to rerank", post, rerankRoute, `{"query": "x", "documents": [7]}`, 400, "InvalidRequest", "documents[0]"},
		{"an object without text to rerank", post, "/v2/rerank", `{"query": "x", "documents": [{"title": "x"}]}`,
			400, "InvalidRequest", "documents[0]"},
		{"no result of reranking", post, rerankRoute, `{"query": "x", "documents": ["x"], "top_n": 0}`,
			400, "InvalidRequest", "top_n"},

		{"a page size that is no number", "GET", "/v1/documents?limit=x", "", 400, "InvalidRequest", "limit"},
		{"a state that documents cannot have", "GET", "/v1/documents?state=Lost", "", 400, "InvalidRequest", "state"},
		{"neither with warnings nor without", "GET", "/v1/documents?warnings=maybe", "", 400, "InvalidRequest", "warnings"},
		{"a page size beyond the bound", "GET", "/v1/documents?limit=1001", "", 400, "InvalidRequest", "limit"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture()
			got := f.call(tc.method, tc.path, tc.body)
			if got.Code != tc.status {
				t.Fatalf("status %d, want %d: %s", got.Code, tc.status, got.Body)
			}
			told := failureIn(t, got.Body)
			if told.Code != tc.code || told.Param != tc.param {
				t.Errorf("code %q and param %q, want %q and %q: %s", told.Code, told.Param, tc.code, tc.param, told.Message)
			}
			if tc.param != "" && !strings.HasPrefix(told.Message, tc.param+": ") {
				t.Errorf("message %q does not name %s", told.Message, tc.param)
			}
			path, _, _ := strings.Cut(tc.path, "?")
			operation, ok := paths[path][strings.ToLower(tc.method)]
			if ok && operation.Responses[fmt.Sprint(tc.status)] == nil {
				t.Errorf("/openapi.json does not say that %s may answer %d", path, tc.status)
			}
			if told.ID != got.Header().Get("X-Request-Id") {
				t.Errorf("request_id %q is not the header's", told.ID)
			}
			if f.chat.got.Messages != nil {
				t.Error("the llm was asked")
			}
		})
	}
}

func TestMalformedJSONIsTellingWhereWithoutRepeatingIt(t *testing.T) {
	for _, tc := range []struct{ name, body, want string }{
		{"a stray brace on line 2", "{\n  \"messages\": [}",
			"line 2, column 16: unexpected character looking for beginning of value"},
		{"a body that ends", `{"messages": [`, "line 1, column 14: it ends too early"},
		{"a secret where a comma should be", `{"a": 1 "hunter2"}`,
			"line 1, column 9: unexpected character after object key:value pair"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := failureIn(t, newFixture().call("POST", chatRoute, tc.body).Body)
			if want := "the body is not JSON: " + tc.want; got.Message != want {
				t.Errorf("got  %q\nwant %q", got.Message, want)
			}
		})
	}
}

func TestAWrongMethodIsToldTheRightOnes(t *testing.T) {
	for path, want := range map[string]string{chatRoute: "POST", "/v1/models": "GET, HEAD"} {
		if got := newFixture().call("PATCH", path, "").Header().Get("Allow"); got != want {
			t.Errorf("%s: Allow %q, want %q", path, got, want)
		}
	}
}

func TestWhatNamesNoEndpointIsIgnored(t *testing.T) {
	for _, extra := range []string{
		`"vdb_endpoint": null`, `"llm_endpoint": ""`, `"unknown": {"deep": [1, 2]}`, `"user": "me"`, `"tools": []`,
		`"logprobs": false`, `"n": 1`, `"stop": null`, `"response_format": null`, `"metadata": {"image_url": "x"}`,
		`"filter": {}`,
	} {
		got := newFixture().call("POST", chatRoute, `{"messages": [{"role": "user", "content": "what?"}], `+extra+`}`)
		if got.Code != 200 {
			t.Errorf("%s: status %d: %s", extra, got.Code, got.Body)
		}
	}
}

// Every kind of failure of every model, called through chat and directly.
func TestFailuresOfModels(t *testing.T) {
	const secret = "nvapi-secret"
	for _, tc := range []struct {
		kind           config.Failure
		status         int // through chat and search
		direct         int // through /v1/embeddings and /v1/ranking
		retryAfter     string
		operatorsToAct bool
	}{
		{config.ModelUnreachable, 502, 502, "", false},
		{config.ModelNotReady, 503, 503, "5", false},
		{config.ModelOverloaded, 503, 503, "5", false},
		{config.ModelUnauthorized, 424, 424, "", true},
		{config.ModelUnpaid, 424, 424, "", true},
		{config.ModelNotFound, 424, 424, "", true},
		{config.ModelRetired, 424, 424, "", true},
		{config.InputTooLong, 413, 413, "", false},
		{config.ModelRejected, 424, 422, "", true},
		{config.ModelBroken, 502, 502, "", false},
		{config.ModelTimedOut, 504, 504, "", false},
		{config.ModelCircuitOpen, 503, 503, "5", false},
	} {
		for _, role := range []config.Stage{config.StageEmbedding, config.StageReranking, config.StageLLM} {
			t.Run(fmt.Sprintf("%s of %s", tc.kind, role), func(t *testing.T) {
				failure := &model.Error{
					Stage: role, Failure: tc.kind, Model: "some/model", Status: 403, Message: "unknown to account 42",
					Err: errors.New("dial tcp 10.1.2.3:80: " + secret),
				}
				f := newFixture()
				direct := ""
				switch role {
				case config.StageEmbedding:
					f.embedder.err, direct = failure, embedRoute
				case config.StageReranking:
					f.ranker.err, direct = failure, rankRoute
				case config.StageLLM:
					f.chat.words, f.chat.err = nil, failure
				}
				question := "what?"
				if tc.kind == config.InputTooLong { // which is the caller's to shorten only if it is long
					question = strings.Repeat("what about this? ", 100)
				}
				bodies := map[string]string{chatRoute: chatBody(question), chatRoute + "?streamed": streamBody(question)}
				if role != config.StageLLM {
					bodies[searchRoute] = `{"query": "what?"}`
				}
				bodies[embedRoute], bodies[rankRoute] = `{"input": "x"}`, `{"query": {"text": "x"}, "passages": [{"text": "y"}]}`
				for path, body := range bodies {
					want := tc.status
					if path == embedRoute || path == rankRoute {
						if path != direct {
							continue
						}
						want = tc.direct
					}
					got := f.call("POST", path, body)
					if got.Code != want {
						t.Errorf("%s: status %d, want %d", path, got.Code, want)
					}
					told := failureIn(t, got.Body)
					if told.Code != string(tc.kind) || !strings.Contains(told.Message, `"some/model"`) {
						t.Errorf("%s: told %+v", path, told)
					}
					acts := strings.Contains(told.Message, "contact the pipeline's operator")
					if acts != tc.operatorsToAct && path != direct {
						t.Errorf("%s: %q", path, told.Message)
					}
					if got.Header().Get("Retry-After") != tc.retryAfter {
						t.Errorf("%s: Retry-After %q, want %q", path, got.Header().Get("Retry-After"), tc.retryAfter)
					}
					for _, private := range []string{secret, "10.1.2.3", "401", "403"} {
						if strings.Contains(told.Message, private) {
							t.Errorf("%s: %q holds %q", path, told.Message, private)
						}
					}
				}
			})
		}
	}
}

func TestRetryAfterIsTheModelsOwn(t *testing.T) {
	for asked, want := range map[time.Duration]string{
		1500 * time.Millisecond: "2", time.Minute: "60", 24 * time.Hour: "300",
	} {
		f := newFixture()
		f.chat.words = nil
		f.chat.err = &model.Error{Stage: config.StageLLM, Failure: config.ModelOverloaded, Model: "m", RetryAfter: asked}
		got := f.call("POST", chatRoute, chatBody("what?")).Header()
		if got.Get("Retry-After") != want {
			t.Errorf("the model said %s: Retry-After %q, want %q", asked, got.Get("Retry-After"), want)
		}
		if repeats := got.Get("X-Should-Retry") == ""; repeats != (asked <= time.Minute) {
			t.Errorf("the model said %s: a client's SDK repeats: %t", asked, repeats)
		}
	}
}

func TestFailuresOfTheIndex(t *testing.T) {
	for _, tc := range []struct {
		name   string
		err    error
		status int
		code   string
	}{
		{"it cannot be searched", errors.New("disk I/O error"), 503, "IndexUnavailable"},
		{"its vectors have another length", index.ErrDimensions, 424, "DimensionMismatch"},
		{"it is not built", fmt.Errorf("disk: %w", index.ErrNotBuilt), 503, string(config.IndexNotBuilt)},
		{"it refuses the key", fmt.Errorf("disk: %w", index.ErrUnauthorized), 424, "IndexUnauthorized"},
		{"it is away", fmt.Errorf("disk: %w", index.ErrUnreachable), 503, "IndexUnreachable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture()
			f.options.Config.Retrieval.Mode = config.Vector
			f.index.err = tc.err
			got := f.call("POST", chatRoute, chatBody("what?"))
			told := failureIn(t, got.Body)
			if got.Code != tc.status || told.Code != tc.code || strings.Contains(told.Message, "disk") {
				t.Errorf("status %d, %+v", got.Code, told)
			}
		})
	}
	f := newFixture()
	f.index.err = errors.New("disk I/O error")
	for _, path := range []string{"/v1/index", "/v1/documents"} {
		got := f.call("GET", path, "")
		told := failureIn(t, got.Body)
		if got.Code != 503 || told.Code != "IndexUnavailable" || strings.Contains(told.Message, "disk") {
			t.Errorf("%s: status %d, %+v", path, got.Code, told)
		}
	}
}

func TestWithoutARerankerThereIsNoRanking(t *testing.T) {
	f := newFixture()
	f.options.Ranker, f.options.Config.Models.Reranking = nil, nil
	for path, body := range map[string]string{
		rankRoute: `{"query": {"text": "x"}, "passages": [{"text": "y"}]}`, rerankRoute: `{"query": "x", "documents": ["y"]}`,
	} {
		got := f.call("POST", path, body)
		if told := failureIn(t, got.Body); got.Code != 404 || told.Code != "NoModel" {
			t.Errorf("%s: status %d, %+v", path, got.Code, told)
		}
	}
}

func TestAnUngroundedQuestionNeedsPermission(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		f := newFixture()
		f.options.Config.Answer.AllowUngrounded = allowed
		reply := f.call("POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"Hello!"}],"retrieval":false}`)
		status, body := reply.Code, reply.Body.String()
		if want := map[bool]int{false: 403, true: 200}[allowed]; status != want || allowed != strings.Contains(body, `"ungrounded":"AsRequested"`) {
			t.Errorf("allowed %v: %d %s, want %d", allowed, status, body, want)
		}
	}
}
