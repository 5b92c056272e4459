package compat

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/standin"
)

// llm is the stand-in LLM, but that it answers a slow question word by word until it is left.
type llm struct {
	standIn http.Handler
	mu      sync.Mutex
	left    map[string]chan struct{} // is closed once the answer to a client's slow question was left
}

func newLLM() *llm {
	return &llm{
		standIn: standin.NewHandler(standin.Options{Names: standin.Names{LLM: name}}),
		left:    map[string]chan struct{}{},
	}
}

var slowly = regexp.MustCompile(`slowly-([a-z0-9-]+)`)

// slowest is how long a slow answer takes if nobody leaves it, and how long waiting for that takes.
const slowest = 20 * time.Second

func (l *llm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/cancelled" {
		l.awaitLeft(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if asked := slowly.FindSubmatch(body); asked != nil {
		l.answerSlowly(w, r, string(asked[1]))
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	l.standIn.ServeHTTP(w, r)
}

func (l *llm) answerSlowly(w http.ResponseWriter, r *http.Request, client string) {
	w.Header().Set("Content-Type", "text/event-stream")
	ctx, cancel := context.WithTimeout(r.Context(), slowest)
	defer cancel()
	words := time.NewTicker(20 * time.Millisecond)
	defer words.Stop()
	for {
		_, _ = fmt.Fprint(w, `data: {"choices":[{"index":0,"delta":{"content":"word "}}]}`+"\n\n") // its context ends if this fails
		_ = http.NewResponseController(w).Flush()
		select {
		case <-words.C:
		case <-ctx.Done():
			if r.Context().Err() != nil {
				close(l.leaving(client))
			}
			return
		}
	}
}

// awaitLeft answers once a client's slow question was left.
func (l *llm) awaitLeft(w http.ResponseWriter, r *http.Request) {
	client := r.URL.Query().Get("client")
	select {
	case <-l.leaving(client):
	case <-time.After(slowest / 2):
		http.Error(w, "the LLM goes on with the answer to "+client, http.StatusConflict)
	case <-r.Context().Done():
	}
}

func (l *llm) leaving(client string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left[client] == nil {
		l.left[client] = make(chan struct{})
	}
	return l.left[client]
}

// refuseAsOverloaded is an LLM that always is.
func refuseAsOverloaded(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Retry-After", "20")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusTooManyRequests)
	_, _ = io.WriteString(w, `{"error":{"message":"too many requests","type":"rate_limit_error"}}`)
}
