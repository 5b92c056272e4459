package dataplane

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestABadRequestIsToldWhatIsWrongAndTheNextIsAnswered(t *testing.T) {
	t.Parallel()
	p, c := serving(t, []string{"-f", manifest(t, pipeline(volume, standIns)), "--documents", directory(t, map[string]string{"a.md": wind})})
	megabyte := strings.Repeat("wind ", 200_000)
	for _, b := range []struct {
		name               string
		method, path, body string
		status             int
		want               string
	}{
		{"a question of a megabyte", http.MethodPost, "/v1/chat/completions", chat(megabyte, false), 413, "messages: the question has 1000000 bytes; at most 32768 are taken"},
		{"a search of a megabyte", http.MethodPost, "/v1/search", `{"query":"` + megabyte + `"}`, 413, "query: the question has 1000000 bytes; at most 32768 are taken"},
		{"a streamed question of a megabyte", http.MethodPost, "/v1/chat/completions", chat(megabyte, true), 413, `"code":"TooLarge"`},
		{"malformed JSON", http.MethodPost, "/v1/chat/completions", `{"messages": [`, 400, "the body is not JSON: line 1, column 14: it ends too early"},
		{"no JSON at all", http.MethodPost, "/v1/search", "what is wind?", 400, "the body is not JSON"},
		{"an unknown route", http.MethodPost, "/v1/completions", "{}", 404, `"code":"UnknownRoute"`},
		{"a wrong method", http.MethodGet, "/v1/search", "", 405, "this route takes POST"},
		{"an endpoint of the caller's own", http.MethodPost, "/v1/search", `{"query":"wind","llm_endpoint":"http://127.0.0.1:1"}`, 400, "llm_endpoint"},
	} {
		t.Run(b.name, func(t *testing.T) {
			r := c.do(b.method, b.path, b.body)
			r.want(t, b.status, b.want, `"object":"error"`, `"request_id":"`+r.header.Get("X-Request-Id")+`"`)
		})
	}
	c.ask("What is wind measured in?").want(t, http.StatusOK, "Wind is measured in knots. [1]")
	p.stop().ends(0)
}

func TestACallerWhoLeavesEndsTheWorkForItAndNobodyElses(t *testing.T) {
	t.Parallel()
	llm := newPausing(t)
	_, c := serving(t, []string{"-f", manifest(t, pipeline(volume, llm.spec())), "--documents", directory(t, map[string]string{"a.md": wind})})

	llm.introduce(t, c)
	leaving, staying := c.stream("What is wind measured in?"), c.stream("Is wind measured in knots?")
	leaving.until("Hello")
	staying.until("Hello")
	leaving.leave()
	select {
	case err := <-llm.ended:
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("the answer ended with %v, though its caller has left", err)
		}
	case <-time.After(patience):
		t.Fatal("the LLM goes on, though the caller has left")
	}

	llm.goOn <- struct{}{}
	contains(t, staying.rest(), " world", "data: [DONE]")
	c.get("/healthz").want(t, http.StatusOK, "ok")
}

func TestAnAnswerInTheMiddleIsFinishedBeforeTheEnd(t *testing.T) {
	t.Parallel()
	llm := newPausing(t)
	p, c := serving(t, []string{"-f", manifest(t, pipeline(volume, llm.spec())), "--documents", directory(t, map[string]string{"a.md": wind})})
	llm.introduce(t, c)
	answer := c.stream("What is wind measured in?")
	answer.until("Hello")
	p.signal()
	c.until("/healthz", 0) // nobody new is let in
	llm.goOn <- struct{}{}
	contains(t, answer.rest(), " world", "data: [DONE]")
	p.wait().ends(0)
}
