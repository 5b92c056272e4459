package dataplane

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// reply is an HTTP reply that has been read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

// client asks as a client does that has the key, if it is not empty.
type client struct {
	t   *testing.T
	url string
	key string
}

// serving starts `run` without --ask and waits until it can be asked.
func serving(t *testing.T, args []string, options ...with) (*process, client) {
	t.Helper()
	p := start(t, append([]string{"run", "--listen", "127.0.0.1:0"}, args...), options...)
	c := client{t: t, url: p.says(`serving on (http://[\w.:]+:\d+)`)[1]}
	c.until("/readyz", http.StatusOK)
	return p, c
}

func (c client) do(method, path, body string) reply {
	c.t.Helper()
	r, err := c.send(c.t.Context(), method, path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return reply{r.StatusCode, r.Header, string(b)}
}

func (c client) send(ctx context.Context, method, path, body string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	context.AfterFunc(c.t.Context(), cancel)
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream") // as agents must
	}
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	return http.DefaultClient.Do(r)
}

func (c client) get(path string) reply { c.t.Helper(); return c.do(http.MethodGet, path, "") }

func (c client) post(path, body string) reply { c.t.Helper(); return c.do(http.MethodPost, path, body) }

// ask asks a question and returns the reply.
func (c client) ask(question string) reply {
	c.t.Helper()
	return c.post("/v1/chat/completions", chat(question, false))
}

func chat(question string, stream bool) string {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	b, _ := json.Marshal(map[string]any{"messages": []message{{"user", question}}, "stream": stream}) // strings marshal
	return string(b)
}

// until asks for path until the status is the wanted one, or nobody answers when that is 0.
func (c client) until(path string, status int) reply {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		var last reply
		r, err := c.send(c.t.Context(), http.MethodGet, path, "")
		if err == nil {
			body, _ := io.ReadAll(r.Body) // the status is what counts
			r.Body.Close()
			last = reply{r.StatusCode, r.Header, string(body)}
		}
		switch {
		case last.status == status:
			return last
		case time.Now().After(deadline):
			c.t.Fatalf("%s does not answer with %d, but %d (%v): %s", path, status, last.status, err, last.body)
		}
		<-pause.C
	}
}

// want checks the status, and that the body holds each text.
func (r reply) want(t *testing.T, status int, texts ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d: %s", r.status, status, r.body)
	}
	contains(t, r.body, texts...)
}

// stream is a streamed answer on its way.
type stream struct {
	t     *testing.T
	body  io.Closer
	lines *bufio.Scanner
	leave context.CancelFunc
}

// stream asks a question, and returns once the reply has begun.
func (c client) stream(question string) *stream {
	c.t.Helper()
	ctx, leave := context.WithCancel(c.t.Context())
	r, err := c.send(ctx, http.MethodPost, "/v1/chat/completions", chat(question, true))
	if err != nil {
		leave()
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { leave(); r.Body.Close() })
	if r.StatusCode != http.StatusOK {
		c.t.Fatalf("status %d", r.StatusCode)
	}
	return &stream{t: c.t, body: r.Body, lines: bufio.NewScanner(r.Body), leave: leave}
}

// until reads to the event that holds text, and returns everything up to it.
func (s *stream) until(text string) string {
	s.t.Helper()
	var read strings.Builder
	for s.lines.Scan() {
		read.WriteString(s.lines.Text() + "\n")
		if strings.Contains(s.lines.Text(), text) {
			return read.String()
		}
	}
	s.t.Fatalf("the stream ended (%v) before %q:\n%s", s.lines.Err(), text, read.String())
	return ""
}

// rest reads to the end.
func (s *stream) rest() string {
	s.t.Helper()
	var read strings.Builder
	for s.lines.Scan() {
		read.WriteString(s.lines.Text() + "\n")
	}
	if err := s.lines.Err(); err != nil {
		s.t.Errorf("the stream broke: %v", err)
	}
	return read.String()
}
