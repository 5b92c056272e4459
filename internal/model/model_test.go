package model

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// server answers with what its handler makes of the decoded body, and keeps the requests.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

// serve starts a server that closes with the test.
func serve(t testing.TB, handle func(w http.ResponseWriter, body []byte)) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.requests = append(s.requests, r)
		s.bodies = append(s.bodies, string(body))
		s.mu.Unlock()
		handle(w, body)
	}))
	t.Cleanup(s.Close)
	return s
}

// answer starts a server that always gives the same reply.
func answer(t testing.TB, status int, body string) *server {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ []byte) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		io.WriteString(w, body)
	})
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bodies)
}

func (s *server) model() config.Model {
	return config.Model{URL: s.URL + "/v1", Name: "acme/model-1.5"}
}

func (s *server) openAI() config.Model {
	m := s.model()
	m.Protocol = config.OpenAI
	return m
}

func (s *server) embedder() *Embedder {
	return NewEmbedder(s.model(), config.EmbeddingSpace{}, nil, Transport{})
}
func (s *server) ranker() *Ranker { return NewRanker(s.model(), nil, Transport{}) }
func (s *server) chat() *Chat {
	return plainly(NewChat(config.LLM{Model: s.model()}, nil, Transport{}))
}

// plainly is a chat that knows already that its model's answers begin as text.
func plainly(c *Chat) *Chat {
	c.thinkStyle.Store(int32(styleExplicit))
	return c
}

// unprobed is a chat that knows nothing of its model.
func (s *server) unprobed() *Chat { return newUnprobed(s.model()) }

func newUnprobed(m config.Model) *Chat { return NewChat(config.LLM{Model: m}, nil, Transport{}) }

// base64Of encodes a vector as servers do.
func base64Of(v ...float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// ask is a question of one user turn.
func ask(text string) ChatRequest {
	return ChatRequest{Messages: []Message{{Role: "user", Content: text}}}
}

// decode reads a request's body, or fails the test.
func decode[T any](t testing.TB, body []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("the request is not JSON: %v\n%s", err, body)
	}
	return v
}
