package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

func TestRequestIDs(t *testing.T) {
	for _, tc := range []struct {
		name, sent string
		kept       bool
	}{
		{"a plain one is kept", "abc-DEF_1.2", true},
		{"none is made up", "", false},
		{"one with a space is replaced", "a b", false},
		{"one with a line break is replaced", "a\r\nX-Evil: 1", false},
		{"one beyond the bound is replaced", strings.Repeat("a", 65), false},
		{"one beyond ASCII is replaced", "é", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := newFixture().call("GET", "/healthz", "", "X-Request-Id", tc.sent).Header().Get("X-Request-Id")
			if (got == tc.sent) != tc.kept || got == "" {
				t.Errorf("sent %q, got %q", tc.sent, got)
			}
		})
	}
}

func TestAPanicIsA500WithItsRequestID(t *testing.T) {
	f := newFixture()
	f.options.Log = slog.New(slog.NewTextHandler(&f.log, nil))
	f.index.keyword = func(context.Context, string) { panic("poison") }
	g := f.gateway()
	got := call(g, "POST", chatRoute, chatBody("what?"), "X-Request-Id", "find-me")
	told := failureIn(t, got.Body)
	if got.Code != 500 || told.ID != "find-me" || strings.Contains(told.Message, "poison") {
		t.Errorf("status %d, %+v", got.Code, told)
	}
	log := f.log.String()
	if !strings.Contains(log, "request_id=find-me") || !strings.Contains(log, "panic=string") || !strings.Contains(log, "hybrid") {
		t.Errorf("the log does not help:\n%s", log)
	}
	if strings.Contains(log, "poison") {
		t.Errorf("the log has the panic's words, which may be those of a request:\n%s", log)
	}
	if running(g) != 0 {
		t.Error("its slot was not freed")
	}
}

func TestAPanicInAStreamCutsTheConnection(t *testing.T) {
	f := newFixture()
	f.chat.between = func(context.Context) error { panic("poison") }
	server := f.serve(t)
	response, err := http.Post(server.URL+chatRoute, "application/json", strings.NewReader(streamBody("what?")))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil || strings.Contains(string(body), "[DONE]") {
		t.Errorf("the caller takes half an answer for a whole one: %q, %v", body, err)
	}
}

func TestTheLogHoldsNothingOfARequestOrAReply(t *testing.T) {
	const secret = "xyzzy"
	f := newFixture()
	f.options.Log = slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.chat.words = []string{secret}
	g := f.gateway()
	for _, body := range []string{
		chatBody(secret), streamBody(secret), `{"` + secret + `": `, `{"messages": "` + secret + `"}`,
		`{"model": "` + secret + `"}`, `{"messages": [{"role": "` + secret + `", "content": "x"}]}`,
	} {
		call(g, "POST", chatRoute, body)
	}
	f.chat.words = nil
	f.chat.err = &model.Error{
		Stage: config.StageLLM, Failure: config.ModelRejected, Model: "chat", Status: 400, Message: "cannot read this",
	}
	call(g, "POST", chatRoute, chatBody("what?"))
	f.embedder.err = &model.Error{
		Stage: config.StageEmbedding, Failure: config.InputTooLong, Model: "embed", Status: 413, Message: "the input is too long",
	}
	call(g, "POST", embedRoute, `{"input": "`+secret+`"}`)
	f.embedder.err = &model.Error{
		Stage: config.StageEmbedding, Failure: config.ModelUnreachable, Model: "embed", Err: errors.New("connection refused"),
	}
	call(g, "POST", embedRoute, `{"input": "`+secret+`"}`)
	call(g, "POST", "/"+secret, "")
	call(g, secret, chatRoute, "")
	call(g, "GET", "/v1/documents?after="+secret, "")
	call(g, "GET", "/v1/models", "", "User-Agent", secret, "X-Request-Id", secret+" ")
	if strings.Contains(f.log.String(), secret) {
		t.Errorf("the log holds what was asked or answered:\n%s", f.log.String())
	}
	for _, want := range []string{
		"method=POST route=/v1/chat/completions status=200",
		"route=unknown status=404",
		"method=OTHER route=/v1/chat/completions status=405",
		`code=ModelRejected stage=llm model=chat upstream_status=400 cause="cannot read this"`,
		"code=InputTooLong model=embed upstream_status=413",
		`code=ModelUnreachable model=embed cause="connection refused"`,
	} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, f.log.String())
		}
	}
}

// A handler of another package passes the same checks as the gateway's own, and its writes have
// deadlines, too.
func TestAMountedHandlerIsARouteLikeOthers(t *testing.T) {
	f := newFixture()
	f.options.Keys = func() (keys.Clients, error) { return keys.Clients{"alice": {Token: "token-a"}}, nil }
	f.options.Log = slog.New(slog.NewTextHandler(&f.log, nil))
	g := f.gateway()
	other := mounted(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("rest") == "poison" {
			panic("poison")
		}
		io.WriteString(w, r.PathValue("rest"))
	}))
	g.add("/other/{rest...}", func(x *exchange, r *http.Request) error {
		return g.serve(x, r, route{handle: other, places: g.texts})
	})
	if got := call(g, "POST", "/other/a", ""); got.Code != 401 {
		t.Errorf("status %d without a key", got.Code)
	}
	bounded := &bounded{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodPost, "/other/a/b", nil)
	r.Header.Set("Authorization", "Bearer token-a")
	g.ServeHTTP(bounded, r)
	if bounded.Code != 200 || bounded.Body.String() != "a/b" || bounded.unbounded || !bounded.deadline.IsZero() {
		t.Errorf("status %d, %q; a write had no deadline: %v; the deadline stayed: %v",
			bounded.Code, bounded.Body, bounded.unbounded, bounded.deadline)
	}
	got := call(g, "GET", "/other/poison", "", "Authorization", "Bearer token-a")
	if told := failureIn(t, got.Body); got.Code != 500 || told.Code != "Internal" {
		t.Errorf("status %d, %+v", got.Code, told)
	}
	if !strings.Contains(f.log.String(), "method=POST route=/other/{rest...} status=200") ||
		!strings.Contains(f.log.String(), "client=alice") {
		t.Errorf("the log lacks the route or the client:\n%s", f.log.String())
	}
	if running(g) != 0 {
		t.Error("a slot was not freed")
	}
}

// bounded is a connection that records whether something was sent without a deadline.
type bounded struct {
	*httptest.ResponseRecorder
	deadline  time.Time
	unbounded bool
}

func (b *bounded) SetWriteDeadline(t time.Time) error {
	b.deadline = t
	return nil
}

func (b *bounded) Write(p []byte) (int, error) {
	b.unbounded = b.unbounded || b.deadline.IsZero()
	return b.ResponseRecorder.Write(p)
}

func (b *bounded) Flush() {
	b.unbounded = b.unbounded || b.deadline.IsZero()
	b.ResponseRecorder.Flush()
}

func TestHeadIsAnsweredLikeGet(t *testing.T) {
	server := newFixture().serve(t)
	response, err := http.Head(server.URL + "/v1/models")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK || response.ContentLength <= 0 {
		t.Errorf("status %d, length %d", response.StatusCode, response.ContentLength)
	}
}

// A deadline of one reply must not cut the next one on the same connection.
func TestAConnectionServesManyRequests(t *testing.T) {
	server := newFixture().serve(t)
	for range 3 {
		for _, body := range []string{chatBody("what?"), streamBody("what?"), "{"} {
			response, err := http.Post(server.URL+chatRoute, "application/json", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(response.Body); err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
		}
	}
}

func TestReadyAfterTheFirstRetrieval(t *testing.T) {
	f := newFixture()
	f.index.err = errors.New("still opening")
	f.options.Config.Retrieval.Mode = config.Keyword
	g := f.gateway()
	g.retry = time.Millisecond
	tried := make(chan struct{}, 1)
	attempts := 0
	f.index.keyword = func(context.Context, string) {
		if attempts++; attempts == 3 {
			f.index.err = nil
			tried <- struct{}{}
		}
	}
	if got := call(g, "GET", "/readyz", ""); got.Code != 503 {
		t.Errorf("ready before anything was tried: %d", got.Code)
	}
	ctx, shutDown := context.WithCancel(t.Context())
	g.Warm(ctx)
	<-tried
	if got := call(g, "GET", "/readyz", ""); got.Code != 200 || !g.Ready() {
		t.Errorf("not ready after a retrieval: %d", got.Code)
	}
	f.index.err = errors.New("gone again")
	if got := call(g, "GET", "/readyz", ""); got.Code != 200 {
		t.Errorf("a later failure ended readiness: %d", got.Code)
	}
	shutDown()
	await(t, "the end of ctx to be noticed", func() bool { return !g.Ready() })
	if got := call(g, "GET", "/healthz", ""); got.Code != 200 {
		t.Errorf("health: %d", got.Code)
	}
}

// await waits for a condition that another goroutine brings about.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-poll.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestWarmEndsWithItsContext(t *testing.T) {
	f := newFixture()
	f.index.err = errors.New("never")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	g := f.gateway()
	g.Warm(ctx)
	if g.Ready() {
		t.Error("ready without a retrieval")
	}
}

func TestAStalledReaderFreesItsSlot(t *testing.T) {
	w := &failing{ResponseRecorder: httptest.NewRecorder()}
	f := newFixture()
	f.options.Log = textLog(&f.log)
	g := f.gateway()
	g.ServeHTTP(w, httptest.NewRequest(http.MethodPost, chatRoute, strings.NewReader(streamBody("what?"))))
	if running(g) != 0 {
		t.Error("its slot was not freed")
	}
	if len(w.Body.String()) != 0 {
		t.Errorf("wrote %q", w.Body)
	}
	if !strings.Contains(f.log.String(), "level=INFO") || !strings.Contains(f.log.String(), "code=ClientGone") {
		t.Errorf("the log takes it for a mistake of the gateway:\n%s", f.log.String())
	}
}

// failing is a connection whose reader has stalled.
type failing struct{ *httptest.ResponseRecorder }

func (failing) Write([]byte) (int, error) { return 0, context.DeadlineExceeded }
