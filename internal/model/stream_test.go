package model

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// events is an event stream of chunks with these contents, a finish, usage and [DONE].
func events(contents ...string) string {
	var b strings.Builder
	for _, c := range contents {
		fmt.Fprintf(&b, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", c)
	}
	b.WriteString("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")
	b.WriteString("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\n")
	b.WriteString("data: [DONE]\n\n")
	return b.String()
}

func streaming(t testing.TB, body string) *server {
	return serve(t, func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, body)
	})
}

// stream asks s, and returns the pieces too.
func stream(t testing.TB, c *Chat) (pieces []string, answer *Completion, err error) {
	answer, err = c.Stream(t.Context(), ask("x"), func(s string) error {
		pieces = append(pieces, s)
		return nil
	})
	return pieces, answer, err
}

func TestStreamReadsWhatServersSend(t *testing.T) {
	plain := events("Hel", "lo", " [1]")
	whole := Completion{Content: "Hello [1]", FinishReason: "stop", Usage: &Usage{1, 2, 3}}
	noUsage := whole
	noUsage.Usage = nil
	cases := []struct {
		name, body string
		want       Completion
	}{
		{"as OpenAI does", plain, whole},
		{"with CRLF", strings.ReplaceAll(plain, "\n", "\r\n"), whole},
		{"with CR", strings.ReplaceAll(plain, "\n", "\r"), whole},
		{"with a byte order mark", "\xEF\xBB\xBF" + plain, whole},
		{"with comments, retries and ids", ": ping\n\nretry: 10\nid: 7\n:\n\n" + strings.ReplaceAll(plain, "data:", ": {\n\nevent: message\nid\ndata:"), whole},
		{"without the space", strings.ReplaceAll(plain, "data: ", "data:"), whole},
		{"with JSON over two lines", strings.ReplaceAll(plain, `{"index"`, "\ndata: {\"index\""), whole},
		{"without [DONE]", strings.Replace(plain, "data: [DONE]\n\n", "", 1), whole},
		{"without the last blank line", strings.TrimSuffix(plain, "\n\n"), whole},
		{"with keep-alives that are events", strings.ReplaceAll(plain, "data: {", "event: ping\ndata: {\"type\":\"ping\"}\n\ndata: {}\n\ndata:\n\ndata: {"), whole},
		{"with a role first, nulls and reasoning", "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"hm\"},\"finish_reason\":null}],\"usage\":null,\"error\":null}\n\n" + plain, whole},
		{"with usage on the last choice", strings.Replace(events("Hello [1]"), "\"finish_reason\":\"stop\"}]", "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9}", 1), whole},
		{"with [DONE] but no finish_reason", "data: {\"choices\":[{\"delta\":{\"content\":\"Hello [1]\"}}]}\n\ndata: [DONE]\n\n", Completion{Content: "Hello [1]"}},
		{"with message for delta", "data: {\"choices\":[{\"message\":{\"content\":\"Hello [1]\"},\"finish_reason\":\"stop\"}]}\n\n", noUsage},
		{"with the whole answer again at the end", strings.Replace(plain, "\"delta\":{},", "\"message\":{\"content\":\"Hello [1]\"},", 1), whole},
		{"with another choice between", strings.Replace(plain, "data: ", "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"no\"},\"finish_reason\":\"stop\"}]}\n\ndata: ", 1), whole},
		{"with thoughts", events("<th", "ink>\nhm", "mm</thi", "nk>\n", "\nHello", " [1]"), whole},
		{"with what only looks like a tag", events("1 < 2 <thinks", "> <"), Completion{Content: "1 < 2 <thinks> <", FinishReason: "stop", Usage: &Usage{1, 2, 3}}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			pieces, got, err := stream(t, streaming(t, tc.body).chat())
			if err != nil {
				t.Fatal(err)
			}
			if tc.name == "without usage" {
				got.Usage = nil
			}
			if diff := cmp.Diff(tc.want, *got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if joined := strings.Join(pieces, ""); joined != got.Content || slices.Contains(pieces, "") {
				t.Errorf("the pieces are %q", pieces)
			}
		})
	}
}

func TestPiecesArriveAsTheyCome(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("Content-Type", "text/event-stream")
		first, rest, _ := strings.Cut(events("one", "two"), "\n\n")
		io.WriteString(w, first+"\n\n")
		http.NewResponseController(w).Flush()
		<-release
		io.WriteString(w, rest)
	})
	var pieces []string
	_, err := s.chat().Stream(t.Context(), ask("x"), func(p string) error {
		if len(pieces) == 0 {
			close(release) // the server sends the rest only now
		}
		pieces = append(pieces, p)
		return nil
	})
	if diff := cmp.Diff([]string{"one", "two"}, pieces); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

func TestAServerThatDoesNotStreamIsReadAllTheSame(t *testing.T) {
	s := answer(t, http.StatusOK, `{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}`)
	pieces, got, err := stream(t, s.chat())
	if err != nil || got.Content != "Hello" || !slices.Equal(pieces, []string{"Hello"}) {
		t.Errorf("got %q, %v, %v", pieces, got, err)
	}
}

func TestStreamsThatFail(t *testing.T) {
	begun := "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n"
	cases := []struct {
		name, body string
		failure    config.Failure
		message    string
	}{
		{"nothing", "", config.ModelBroken, ""},
		{"nothing but its end", "data: [DONE]\n\n", config.ModelBroken, ""},
		{"a choice that is null", "data: {\"choices\":[null]}\n\ndata: [DONE]\n\n", config.ModelBroken, ""},
		{"it ends before the answer", begun, config.ModelBroken, ""},
		{"it ends within an event", begun + `data: {"choices":[{"del`, config.ModelBroken, ""},
		{"no JSON", begun + "data: oops\n\n", config.ModelBroken, ""},
		{"an error object", begun + `data: {"error":{"object":"error","message":"engine died","type":"internal"}}` + "\n\n", config.ModelBroken, "engine died"},
		{"an error as text", begun + `data: {"error":"engine died"}` + "\n\n", config.ModelBroken, "engine died"},
		{"an error with a code", begun + `data: {"error":{"message":"slow down","code":429}}` + "\n\n", config.ModelOverloaded, "slow down"},
		{"vLLM's older error", begun + `data: {"object":"error","message":"engine died","type":"x","param":null,"code":500}` + "\n\n", config.ModelBroken, "engine died"},
		{"a detail, as an event of its own", begun + "event: error\ndata: {\"detail\":\"engine died\"}\n\n", config.ModelBroken, "engine died"},
		{"a problem with a status", begun + `data: {"status":503,"title":"Service Unavailable"}` + "\n\n", config.ModelNotReady, "Service Unavailable"},
		{"an error beside a choice", begun + `data: {"choices":[{"delta":{}}],"error":{"message":"engine died"}}` + "\n\n", config.ModelBroken, "engine died"},
		{"MiniMax's error", `data: {"id":"0","choices":null,"base_resp":{"status_code":1004,"status_msg":"login fail: Please carry the API secret key"}}` + "\n\n", config.ModelUnauthorized, "login fail: Please carry the API secret key"},
		{"MiniMax's error after a piece", begun + `data: {"choices":[],"base_resp":{"status_code":1002,"status_msg":"rate limit exceeded"}}` + "\n\n", config.ModelOverloaded, "rate limit exceeded"},
		{"an event named error, in plain words", begun + "event: error\ndata: engine died\n\n", config.ModelBroken, "engine died"},
		{"an event named error, with its message alone", "event: error\ndata: {\"message\":\"engine died\"}\n\n", config.ModelBroken, "engine died"},
		{"llama.cpp's older error", begun + "error: {\"code\":503,\"message\":\"engine died\"}\n\n", config.ModelNotReady, "engine died"},
		{"an error that is not streamed", `{"error":{"message":"engine died","code":502}}`, config.ModelBroken, "engine died"},
		{"an error that is not streamed, over several lines", "{\n  \"error\": {\n    \"message\": \"engine died\"\n  }\n}\n", config.ModelBroken, "engine died"},
		{"a proxy's words", "upstream connect error\n", config.ModelBroken, "upstream connect error"},
		{"a web page", "<html><title>Sign in</title></html>", config.ModelBroken, "Sign in"},
		{"Gemini's list", `data: [{"error":{"code":429,"message":"quota is exhausted","status":"RESOURCE_EXHAUSTED"}}]` + "\n\n", config.ModelOverloaded, "quota is exhausted"},
		{"OpenRouter's choice that failed", begun + `data: {"choices":[{"delta":{"content":""},"finish_reason":"error","error":{"code":429,"message":"Provider returned error"}}]}` + "\n\n", config.ModelOverloaded, "Provider returned error"},
		{"an end that is an error", begun + `data: {"choices":[{"delta":{},"finish_reason":"error"}]}` + "\n\ndata: [DONE]\n\n", config.ModelBroken, ""},
		{"Cloudflare's errors", `data: {"success":false,"errors":[{"code":7003,"message":"No route for that URI"}]}` + "\n\n", config.ModelBroken, "No route for that URI"},
		{"an error that quotes the question", begun + `data: {"error":"cannot answer: where is the A100 GPU used?"}` + "\n\n", config.ModelBroken, ""},
		{"a line without end", begun + "data: " + strings.Repeat("x", maxLine+1), config.ModelBroken, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s := streaming(t, tc.body)
			var got string
			_, err := s.chat().Stream(t.Context(), ask("Where is the A100 GPU used?"), func(p string) error { got += p; return nil })
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Failure != tc.failure || e.Message != tc.message || s.count() != 1 {
				t.Errorf("got %#v after %d requests", err, s.count())
			}
			if strings.HasPrefix(tc.body, begun) && got != "Hel" {
				t.Errorf("the pieces before it are %q", got)
			}
		})
	}
}

func TestAStreamWhoseConnectionBreaksIsNotAskedForAgain(t *testing.T) {
	requests := 0
	url := raw(t, func(c net.Conn) {
		requests++
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 1000\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n")
	})
	pieces, _, err := stream(t, plainly(NewChat(config.LLM{Model: config.Model{URL: url, Name: "m"}}, nil, Transport{})))
	if FailureOf(err) != config.ModelBroken || requests != 1 || !slices.Equal(pieces, []string{"Hel"}) {
		t.Errorf("got %q, %v after %d requests", pieces, err, requests)
	}
}

func TestAStreamIsTriedAgainBeforeItBegins(t *testing.T) {
	n := 0
	s := serve(t, func(w http.ResponseWriter, _ []byte) {
		if n++; n == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, events("Hello"))
	})
	if _, got, err := stream(t, s.chat()); err != nil || got.Content != "Hello" || s.count() != 2 {
		t.Errorf("got %v, %v after %d requests", got, err, s.count())
	}
}

func TestADeltasErrorEndsTheStreamAndIsReturnedAsItIs(t *testing.T) {
	gone := errors.New("the client is gone")
	s := streaming(t, events("a", "b", "c"))
	observed := 0
	c := plainly(NewChat(config.LLM{Model: s.model()}, nil, Transport{Observe: func(config.Stage, time.Duration, error) { observed++ }}))
	n := 0
	_, err := c.Stream(t.Context(), ask("x"), func(string) error { n++; return gone })
	if err != gone || n != 1 || observed != 0 {
		t.Errorf("got %v after %d pieces, observed %d", err, n, observed)
	}
}

// trickle is a stream that pauses between its parts, in the time of its bubble.
type trickle struct {
	parts []string
	pause time.Duration
	ctx   interface{ Done() <-chan struct{} }
}

func (r *trickle) Read(p []byte) (int, error) {
	if len(r.parts) == 0 {
		<-r.ctx.Done()
		return 0, errors.New("the request was cancelled")
	}
	select {
	case <-time.After(r.pause):
	case <-r.ctx.Done():
		return 0, errors.New("the request was cancelled")
	}
	n := copy(p, r.parts[0])
	r.parts = r.parts[1:]
	return n, nil
}

func (*trickle) Close() error { return nil }

type trickles struct {
	parts []string
	pause time.Duration
}

func (s trickles) RoundTrip(req *http.Request) (*http.Response, error) {
	h := http.Header{"Content-Type": {"text/event-stream"}}
	return &http.Response{StatusCode: http.StatusOK, Header: h, Body: &trickle{slices.Clone(s.parts), s.pause, req.Context()}}, nil
}

func TestAStreamMayPauseButNotForEver(t *testing.T) {
	chat := func(s trickles) *Chat {
		return plainly(NewChat(config.LLM{Model: config.Model{URL: "http://h/v1", Name: "m"}}, nil, Transport{HTTP: s}))
	}
	parts := strings.SplitAfter(events("a", "b", "c", "d"), "\n\n")
	synctest.Test(t, func(t *testing.T) {
		if _, got, err := stream(t, chat(trickles{parts[:4], 50 * time.Second})); FailureOf(err) != config.ModelTimedOut || got != nil {
			t.Errorf("silence after four pieces gives %v, %v", got, err)
		}
		if _, _, err := stream(t, chat(trickles{parts, idleTimeout + time.Second})); FailureOf(err) != config.ModelTimedOut {
			t.Errorf("too long a pause gives %v", err)
		}
		begun := time.Now()
		// The last part read is the finish; usage and [DONE] never come.
		if _, got, err := stream(t, chat(trickles{parts[:5], 50 * time.Second})); err != nil || got.Content != "abcd" || time.Since(begun) > 5*50*time.Second+usageTimeout {
			t.Errorf("a stream that stays open after its end gives %v, %v after %s", got, err, time.Since(begun))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		// A reader slower than the idle timeout is not the model's silence.
		c := chat(trickles{parts, time.Second})
		_, err := c.Stream(t.Context(), ask("x"), func(string) error { time.Sleep(2 * idleTimeout); return nil })
		if err != nil {
			t.Errorf("a slow reader gives %v", err)
		}
	})
}

func TestAStreamsConnectionIsUsedAgain(t *testing.T) {
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, events("Hello"))
		http.NewResponseController(w).Flush() // [DONE] goes out before the end of the body
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c := (&server{Server: s}).chat()
	const streams = 20
	for range streams {
		if _, _, err := stream(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if n := connections.Load(); n > streams/2 { // on a busy machine an end may come too late
		t.Errorf("%d streams took %d connections", streams, n)
	}
}
