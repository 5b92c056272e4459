package model

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/loopback"
)

func TestWhatAServersRefusalMeans(t *testing.T) {
	cases := []struct {
		name    string
		status  int
		body    string
		failure config.Failure
		message string
	}{
		{"a wrong key", 401, `{"status":401,"title":"Unauthorized","detail":"Authentication failed"}`, config.ModelUnauthorized, "Authentication failed"},
		{"a key that may not", 403, `{"detail":"Authorization failed"}`, config.ModelUnauthorized, "Authorization failed"},
		{"no credits", 402, ``, config.ModelUnpaid, ""},
		{"a wrong path", 404, "404 page not found\n", config.ModelNotFound, "404 page not found"},
		{"a model that the account lacks", 404, `{"status":404,"title":"Not Found","detail":"Function 'f': Not found for account 'a'"}`, config.ModelNotFound, "Function 'f': Not found for account 'a'"},
		{"a retired model", 410, `{"status":410,"title":"Gone","detail":"The model has reached its end of life"}`, config.ModelRetired, "The model has reached its end of life"},
		{"a missing field", 400, `{"error":"'input_type' parameter is required"}`, config.ModelRejected, "'input_type' parameter is required"},
		{"a failed validation", 422, `{"detail":[{"type":"missing","loc":["body","x"],"msg":"Field required","input":{"secret":"passage"}}]}`, config.ModelRejected, "Field required (x)"},
		{"another 4xx", 418, `{"object":"error","message":"teapot","type":"t","code":418}`, config.ModelRejected, "teapot"},
		{"a rate limit", 429, `{"status":429,"title":"Too Many Requests"}`, config.ModelOverloaded, "Too Many Requests"},
		{"a model that loads", 503, `{"error":"Model is loading"}`, config.ModelNotReady, "Model is loading"},
		{"a full queue", 503, `{"error":"Request queue is full"}`, config.ModelOverloaded, "Request queue is full"},
		{"a server's own failure", 500, `Internal Server Error`, config.ModelBroken, "Internal Server Error"},
		{"a proxy without its server", 502, `<html><body>Bad Gateway</body></html>`, config.ModelBroken, ""},
		{"a proxy's page", 502, "<!doctype html>\n<html><head><title>502 Bad &amp; Gone</title></head></html>", config.ModelBroken, "502 Bad & Gone"},
		{"an account without credit", 429, `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}`, config.ModelUnpaid, "You exceeded your current quota"},
		{"a proxy that waited too long", 504, ``, config.ModelTimedOut, ""},
		{"an answer for later", 202, `{}`, config.ModelBroken, ""},
		{"a redirect", 307, ``, config.ModelNotFound, "it redirects; " + onlyWithin},
		{"too long for a NIM", 400, `{"error":"Input length 548 exceeds maximum allowed token size 512"}`, config.InputTooLong, "Input length 548 exceeds maximum allowed token size 512"},
		{"too long for OpenAI", 400, `{"error":{"message":"This model's maximum context length is 8192 tokens","type":"invalid_request_error","param":null,"code":"context_length_exceeded"}}`, config.InputTooLong, "This model's maximum context length is 8192 tokens"},
		{"too long for vLLM", 400, `{"object":"error","message":"This model's maximum context length is 512 tokens. However, you requested 600 tokens","type":"BadRequestError","code":400}`, config.InputTooLong, "This model's maximum context length is 512 tokens. However, you requested 600 tokens"},
		{"too long for Ollama", 400, `{"error":"the input length exceeds the context length"}`, config.InputTooLong, "the input length exceeds the context length"},
		{"too long for llama.cpp", 500, `{"error":{"code":500,"message":"input is too large to process. increase the physical batch size","type":"server_error"}}`, config.InputTooLong, "input is too large to process. increase the physical batch size"},
		{"too long for text-embeddings-inference", 413, `{"error":"Input validation error: inputs must have less than 512 tokens. Given: 534","error_type":"Validation"}`, config.InputTooLong, "Input validation error: inputs must have less than 512 tokens. Given: 534"},
		{"too long in FastAPI's words", 422, `{"detail":"Input is too long"}`, config.InputTooLong, "Input is too long"},
		{"too long in plain text", 400, `prompt is too long`, config.InputTooLong, "prompt is too long"},
		{"too large a body", 413, ``, config.InputTooLong, ""},
		{"a shape that nobody knows", 400, `{"x":{"y":"secret"}}`, config.ModelRejected, ""},
		{"a name that occurs twice", 400, `{"error":5,"error":{"message":"second"}}`, config.ModelRejected, "second"},
		{"an array", 400, `[{"msg":"first"}]`, config.ModelRejected, "first"},
		{"a string", 400, `"just text"`, config.ModelRejected, "just text"},
		{"null", 400, `{"detail":null}`, config.ModelRejected, ""},
		{"a wrong key at Google", 400, `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]`, config.ModelUnauthorized, "API key not valid. Please pass a valid API key."},
		{"a wrong key at xAI", 400, `{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***ey."}`, config.ModelUnauthorized, "Incorrect API key provided: xa***ey."},
		{"no credit at Anthropic", 400, `{"error":{"message":"Your credit balance is too low to access the Anthropic API.","type":"invalid_request_error"}}`, config.ModelUnpaid, "Your credit balance is too low to access the Anthropic API."},
		{"a wrong name at DeepSeek", 400, `{"error":{"message":"Model Not Exist","type":"invalid_request_error"}}`, config.ModelNotFound, "Model Not Exist"},
		{"a wrong name at LiteLLM", 400, `{"error":{"message":"Invalid model name passed in model=m. Call /v1/models","code":"400"}}`, config.ModelNotFound, "Invalid model name passed in model=m. Call /v1/models"},
		{"a validation error that quotes such words", 400, `{"message":"[{'loc': ('body', 'x'), 'msg': 'Field required', 'input': 'invalid api key'}]"}`, config.ModelRejected, "[{'loc': ('body', 'x'), 'msg': 'Field required', 'input': 'invalid api key'}]"},
		{"too long for a new vLLM", 400, `{"error":{"message":"The decoder prompt (length 5000) is longer than the maximum model length of 4096.","code":400}}`, config.InputTooLong, "The decoder prompt (length 5000) is longer than the maximum model length of 4096."},
		{"too long for OpenVINO", 400, `{"error":"Number of prompt tokens: 5000 exceeds model max length: 4096"}`, config.InputTooLong, "Number of prompt tokens: 5000 exceeds model max length: 4096"},
		{"too long for xAI", 400, `{"error":"This model's maximum prompt length is 4096 but the request contains 5000 tokens."}`, config.InputTooLong, "This model's maximum prompt length is 4096 but the request contains 5000 tokens."},
		{"too long for Jina", 422, `{"detail":"Input text exceeds maximum length 8192"}`, config.InputTooLong, "Input text exceeds maximum length 8192"},
		{"too long for Bedrock", 400, `{"message":"Malformed input request: expected maxLength: 2048, actual: 3000, please reformat your input and try again."}`, config.InputTooLong, "Malformed input request: expected maxLength: 2048, actual: 3000, please reformat your input and try again."},
		{"too long for Zhipu", 400, `{"error":{"code":"1261","message":"Prompt 超长"}}`, config.InputTooLong, "Prompt 超长"},
		{"a temperature beyond its maximum", 400, `{"error":{"message":"temperature exceeds the maximum of 2"}}`, config.ModelRejected, "temperature exceeds the maximum of 2"},
		{"an error within an error", 400, `{"error":{"error":{"message":"deep"}}}`, config.ModelRejected, "deep"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := answer(t, tc.status, tc.body)
			err := s.chat().Probe(t.Context())
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Failure != tc.failure || e.Status != tc.status || e.Message != tc.message {
				t.Fatalf("got %#v", err)
			}
			if !strings.Contains(err.Error(), `llm model "acme/model-1.5"`) {
				t.Errorf("the text does not name role and model: %s", err)
			}
		})
	}
}

func TestARedirectIsNotFollowedWithTheKey(t *testing.T) {
	elsewhere := answer(t, http.StatusOK, vectorsOf(1))
	s := serve(t, func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(http.StatusPermanentRedirect)
	})
	_, err := NewEmbedder(s.model(), config.EmbeddingSpace{}, func() (string, error) { return "k", nil }, Transport{}).Query(t.Context(), "x")
	if FailureOf(err) != config.ModelNotFound || elsewhere.count() != 0 {
		t.Errorf("got %v, and the other host %d requests", err, elsewhere.count())
	}
}

func TestARedirectIsFollowedOnceAndOnlyWithTheMethod(t *testing.T) {
	for status, requests := range map[int]int{301: 1, 302: 1, 303: 1, 307: 2, 308: 2} {
		s := serve(t, func(w http.ResponseWriter, _ []byte) {
			w.Header().Set("Location", "/v1/elsewhere")
			w.WriteHeader(status)
		})
		_, err := NewEmbedder(s.model(), config.EmbeddingSpace{}, nil, Transport{}).Query(t.Context(), "x")
		if e, ok := errors.AsType[*Error](err); !ok || e.Failure != config.ModelNotFound || e.Status != status || s.count() != requests {
			t.Errorf("%d: got %v after %d requests, want %d", status, err, s.count(), requests)
		}
	}
}

func TestTheKeyIsAskedBeforeEveryRequest(t *testing.T) {
	s := answer(t, http.StatusOK, vectorsOf(1))
	keys := []string{"first", "second\n", ""}
	e := NewEmbedder(s.model(), config.EmbeddingSpace{}, func() (string, error) {
		k := keys[0]
		keys = keys[1:]
		return k, nil
	}, Transport{})
	for _, want := range []string{"Bearer first", "Bearer second", ""} {
		if _, err := e.Query(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
		if got := s.requests[s.count()-1].Header.Get("Authorization"); got != want {
			t.Errorf("sent %q, want %q", got, want)
		}
	}
}

func TestAMissingKeyIsUnauthorizedWithItsCauseAndObserved(t *testing.T) {
	s := answer(t, http.StatusOK, vectorsOf(1))
	cause := errors.New("open /secrets/nvidia/key: no such file")
	var observed error
	e := NewEmbedder(s.model(), config.EmbeddingSpace{}, func() (string, error) { return "", cause },
		Transport{Observe: func(_ config.Stage, _ time.Duration, err error) { observed = err }})
	_, err := e.Query(t.Context(), "x")
	if FailureOf(err) != config.ModelUnauthorized || !errors.Is(err, cause) || s.count() != 0 || observed != err {
		t.Errorf("got %v after %d requests, observed %v", err, s.count(), observed)
	}
	broken := NewEmbedder(s.model(), config.EmbeddingSpace{}, func() (string, error) { return "hunter\ntwo", nil }, Transport{})
	if _, err := broken.Query(t.Context(), "x"); FailureOf(err) != config.ModelUnauthorized || strings.Contains(err.Error(), "hunter") || s.count() != 0 {
		t.Errorf("a key of two lines gives %v", err)
	}
}

func TestErrorsHoldNoKeyNoPromptAndNoPassage(t *testing.T) {
	const key = "nvapi-Zx81kQ"
	passage := "The projector initialisation took four hours on sixteen nodes,\nand \"pre-training\" thirty."
	long := strings.Repeat("harmless words ", 40)
	cases := []struct{ name, said, want string }{
		{"the key is cut out", "key " + key + " is unknown", "key [key] is unknown"},
		{"so is one in its header", "got Authorization: Bearer " + key, "got Authorization: Bearer [key]"},
		{"a message that quotes the passage is dropped", "cannot embed: " + passage, ""},
		{"a part of it suffices", "bad token in 'initialisation took four'", ""},
		{"however it is escaped", `cannot embed "four hours on sixteen nodes,\n and \"pre-tr`, ""},
		{"or shouted", "FOUR HOURS ON SIXTEEN", ""},
		{"a quotation beyond the cut does not leave its beginning", long[:190] + passage, ""},
		{"a short question is found whole", "what do you mean by 'who?'", ""},
		{"common words may stay", "took too many tokens", "took too many tokens"},
		{"control characters and line breaks go", "one\r\n\ttwo \x1b[31mred\x00", "one two [31mred"},
		{"it is bounded", long, strings.TrimSuffix(long[:200], " ")},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got := clean(tc.said, []string{key}, []string{"who?", passage})
			if strings.TrimSpace(got) != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	t.Run("end to end, for every role", func(t *testing.T) {
		s := serve(t, func(w http.ResponseWriter, body []byte) {
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, "cannot do "+string(body)+" for "+key)
		})
		k := func() (string, error) { return key, nil }
		_, embed := NewEmbedder(s.model(), config.EmbeddingSpace{}, k, Transport{}).Passages(t.Context(), []string{passage})
		_, rank := NewRanker(s.model(), k, Transport{}).Rank(t.Context(), "who asks so many questions", []string{passage})
		_, chat := NewChat(config.LLM{Model: s.model()}, k, Transport{}).Complete(t.Context(), ask(passage))
		for _, err := range []error{embed, rank, chat} {
			if err == nil || strings.Contains(err.Error(), "initialisation") || strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "who asks") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestAURLIsNotQuotedInErrors(t *testing.T) {
	for _, url := range []string{"http://user:hunter2@127.0.0.1:1/v1", "http://user:hunter2@[/v1", "ftp://user:hunter2@h/v1"} {
		m := config.Model{URL: url, Name: "m"}
		err := NewChat(config.LLM{Model: m}, nil, Transport{}).Probe(t.Context())
		if FailureOf(err) != config.ModelUnreachable || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", url, err)
		}
	}
}

func TestConnectionsThatFail(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	hangsUp := raw(t, func(c net.Conn) {})
	garbage := raw(t, func(c net.Conn) { io.WriteString(c, "\x16\x03\x01 what?\r\n\r\n") })
	short := raw(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choices\":")
	})
	cases := []struct{ name, url, want string }{
		{"nobody listens", closed.URL, "connection refused"},
		{"no such host", "http://no-such-host.invalid", "no such host"},
		{"TLS to a plain server", strings.Replace(plain.URL, "http:", "https:", 1), "does not speak TLS, so write http:// in its url"},
		{"it hangs up", hangsUp, "closed the connection without a reply; see its log, and check whether its url needs https"},
		{"it speaks no HTTP", garbage, "malformed HTTP"},
		{"it breaks off", short, "broke off its reply; see its log: unexpected EOF"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			err := NewChat(config.LLM{Model: config.Model{URL: tc.url, Name: "m"}}, nil, Transport{}).Probe(t.Context())
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Failure != config.ModelUnreachable || e.Status != 0 {
				t.Fatalf("got %#v", err)
			}
			if tc.name != "no such host" && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
	t.Run("a certificate that nobody signed", func(t *testing.T) {
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.TLS = &tls.Config{}
		s.StartTLS()
		t.Cleanup(s.Close)
		err := NewChat(config.LLM{Model: config.Model{URL: s.URL, Name: "m"}}, nil, Transport{}).Probe(t.Context())
		if FailureOf(err) != config.ModelUnreachable || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("got %v", err)
		}
	})
}

// raw serves each connection by hand, once the request is there, and closes it.
func raw(t *testing.T, serve func(net.Conn)) (url string) {
	t.Helper()
	return "http://" + loopback.Reply(t, serve)
}

func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"choices":[{"message":{"content":"`)
		block := strings.Repeat("x", 1<<20)
		for {
			if _, err := io.WriteString(w, block); err != nil {
				return
			}
		}
	})
	if _, err := s.chat().Complete(t.Context(), ask("x")); FailureOf(err) != config.ModelBroken || !strings.Contains(err.Error(), "too large") {
		t.Errorf("got %v", err)
	}
}

func TestACallerThatLeavesIsNoFailureOfTheModel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
		close(gone)
	}))
	t.Cleanup(s.Close)
	observed := false
	c := NewChat(config.LLM{Model: config.Model{URL: s.URL, Name: "m"}}, nil, Transport{Observe: func(config.Stage, time.Duration, error) { observed = true }})
	_, err := c.Complete(ctx, ask("x"))
	if !errors.Is(err, context.Canceled) || FailureOf(err) != "" || observed {
		t.Errorf("got %v, observed: %v", err, observed)
	}
	<-gone // the upstream's work is cancelled, or the test hangs
}

// The parallel requests of a run are cancelled by the error of the first that failed, which is their context's cause,
// and so what the transport returns.
func TestACallCancelledByAnothersErrorHasNoneOfItsOwn(t *testing.T) {
	another := &Error{Stage: config.StageLLM, Failure: config.ModelRejected, Model: "m"}
	ctx, cancel := context.WithCancelCause(t.Context())
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		cancel(another)
		<-r.Context().Done()
	}))
	t.Cleanup(s.Close)
	_, err := NewChat(config.LLM{Model: config.Model{URL: s.URL, Name: "m"}}, nil, Transport{}).Complete(ctx, ask("x"))
	if !errors.Is(err, context.Canceled) || FailureOf(err) != "" {
		t.Errorf("got %v", err)
	}
}

func TestSummariesAreTheSameEachTime(t *testing.T) {
	dial := func(port string) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused on " + port)}
	}
	a := (&Error{Stage: config.StageLLM, Failure: config.ModelUnreachable, Model: "m", Err: &net.OpError{Op: "read", Err: io.ErrUnexpectedEOF, Source: &net.TCPAddr{Port: 1}}}).Summary()
	b := (&Error{Stage: config.StageLLM, Failure: config.ModelUnreachable, Model: "m", Err: &net.OpError{Op: "read", Err: io.ErrUnexpectedEOF, Source: &net.TCPAddr{Port: 2}}}).Summary()
	if a != b || !strings.Contains(a, "unexpected EOF") {
		t.Errorf("%q and %q", a, b)
	}
	if got := (&Error{Failure: config.ModelRejected, Message: "request 17 failed", Err: dial("x")}).Summary(); strings.Contains(got, "17") {
		t.Errorf("a figure is in %q", got)
	}
	if got := (&Error{Failure: config.ModelRejected, Message: "no such model", Status: 404}).Summary(); !strings.Contains(got, "no such model") || !strings.Contains(got, "404") {
		t.Errorf("words and status are missing in %q", got)
	}
}
