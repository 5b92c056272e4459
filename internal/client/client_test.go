package client

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

const (
	first = `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],` +
		`"citations":{"total_results":1,"results":[{"document_id":"docs/a.md","score":0.5}]}}` + "\n\n"
	word = `data: {"choices":[{"index":0,"delta":{"content":"In knots. [1]"},"finish_reason":null}]}` + "\n\n"
	last = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"cited":[1],"metrics":{"total_time_ms":2.5},` +
		`"warnings":[{"stage":"llm","code":"Cut","message":"too long"}]}` + "\n\n"
	done   = "data: [DONE]\n\n"
	failed = `data: {"error":{"object":"error","code":"ModelUnreachable","message":"the LLM is down"}}` + "\n\n"
)

// serve is a gateway that gives every request the same reply.
func serve(t *testing.T, status int, header http.Header, body string) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("the request has no key: %v", r.Header)
		}
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	c, err := New(server.URL+"/v1/", "secret")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStreamedAnswers(t *testing.T) {
	for _, c := range []struct{ name, body, text, err string }{
		{"a whole answer", first + ": keep-alive\n\n" + word + last + done, "In knots. [1]", ""},
		{"a connection that ends in the middle", first + word, "In knots. [1]", "in the middle of the answer"},
		{"an LLM that fails in the middle", first + word + failed, "In knots. [1]", "the LLM is down (ModelUnreachable)"},
		{"another server", "data: <html>\n\n", "", "check that the URL is a gateway's"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var text strings.Builder
			question := Question{Messages: []model.Message{{Role: "user", Content: "What is wind measured in?"}}}
			answer, err := serve(t, http.StatusOK, nil, c.body).Stream(t.Context(), question, func(piece string) error {
				text.WriteString(piece)
				return nil
			})
			if text.String() != c.text || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("got %q, %v", text.String(), err)
			}
			if c.err == "" && (len(answer.Citations) != 1 || !cmp.Equal(answer.Cited, []int{1}) || len(answer.Warnings) != 1 ||
				answer.Metrics.Total != 2.5 || answer.Text != c.text) {
				t.Errorf("the answer is %+v", answer)
			}
		})
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		body   string
		want   string
	}{
		{"a key that is refused", 401, nil, `{"error":{"code":"Unauthorized","message":"authentication required"}}`, "--key-file"},
		{"a busy gateway", 429, http.Header{"Retry-After": {"5"}}, `{"error":{"code":"TooManyRequests","message":"busy"}}`, "try again in 5s"},
		{"another server", 404, http.Header{"Content-Type": {"text/html"}}, "<html>secret page", "Not Found text/html; check the URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := serve(t, c.status, c.header, c.body).Index(t.Context())
			refused, ok := errors.AsType[*Error](err)
			if !ok || refused.Status != c.status || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDocumentsAreReadPageByPage(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("state") != "Failed" || q.Get("warnings") != "" {
			t.Errorf("asked for %v", q)
		}
		if r.URL.Query().Get("after") == "" {
			io.WriteString(w, `{"documents":[{"document_id":"a"},{"document_id":"b"}],"next":"b"}`)
			return
		}
		io.WriteString(w, `{"documents":[{"document_id":"c"}]}`)
	}))
	defer server.Close()
	c, err := New(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	var names string
	err = c.Documents(t.Context(), Selection{State: "Failed"}, func(d gateway.Document) error {
		names += d.DocumentID
		return nil
	})
	if names != "abc" || err != nil {
		t.Errorf("got %q, %v", names, err)
	}
}

func TestURLsOfNoGateway(t *testing.T) {
	for _, url := range []string{"", "gateway:8080", "ftp://gateway", "http://", "http://user:password@gateway", "http://gateway?x=1"} {
		if _, err := New(url, ""); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
	if c, err := New("https://ask.example.com/rag/v1", ""); err != nil || c.URL() != "https://ask.example.com/rag" {
		t.Errorf("got %v, %v", c, err)
	}
}
