package nimsim

import (
	"bytes"
	"crypto/subtle"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/standin"
)

// Options say what is simulated. The zero value serves all three roles at once, ready and without a key.
type Options struct {
	// Models are the stand-ins behind the faults: their names, dimensions and limits. A limit makes the errors
	// that a NIM answers with: a small MaxTokens gives "Input length 9 exceeds maximum allowed token size 8".
	Models standin.Options
	// Key is the bearer token that every request for a model needs; none when empty.
	Key string
	// StartUp is how long the simulator is not ready after it was made: 503 from /v1/health/ready and from the
	// models, while /v1/health/live is fine.
	StartUp time.Duration
	// Fast answers at once with fixed replies, at the least cost in CPU: for benchmarks of what stands before
	// the models. Nothing is recorded or checked then, but faults work.
	Fast *Fast
	// Capacity bounds what one model's server can do; nil means that it answers everything at once.
	Capacity *Capacity
	// Elsewhere is the URL of another host, which the fault "redirected" points to. Start sets it.
	Elsewhere string
}

// Sim is a simulated NIM, or three at one address.
type Sim struct {
	// URL is the base without /v1; only Start sets it.
	URL string

	options Options
	next    http.Handler
	readyAt time.Time
	closed  chan struct{}
	close   func()
	// capacity is nil without Options.Capacity.
	capacity *capacity

	mu       sync.Mutex
	ready    *bool // overrides readyAt
	faults   map[config.Stage]*active
	requests []Request
	away     []Request // what arrived elsewhere
}

// New is a simulator without a server. Close ends the requests that hang.
func New(o Options) *Sim {
	s := &Sim{options: o, readyAt: time.Now().Add(o.StartUp), closed: make(chan struct{}), faults: map[config.Stage]*active{}}
	s.close = sync.OnceFunc(func() { close(s.closed) })
	if o.Capacity != nil {
		s.capacity = newCapacity(*o.Capacity)
	}
	if o.Fast != nil {
		s.next = newFast(*o.Fast)
	} else {
		s.next = standin.NewHandler(o.Models)
	}
	return s
}

// Close ends every request that hangs. It may be called more than once.
func (s *Sim) Close() { s.close() }

// SetReady makes the simulator ready, or not ready, from now on.
func (s *Sim) SetReady(ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = &ready
}

// Ready says whether the models are served.
func (s *Sim) Ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready != nil {
		return *s.ready
	}
	return !time.Now().Before(s.readyAt)
}

// ServeHTTP answers as a NIM, or as the active fault wants.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	role, found := roleOf(r)
	if !found {
		s.serveInfo(w, r)
		return
	}
	x := &exchange{sim: s, w: w, r: r, next: s.next}
	if !x.read() {
		return
	}
	if s.options.Fast == nil {
		s.record(role, r, x.body)
	}
	switch fault := s.take(role, x); {
	case fault != nil:
		fault.serve(x)
	case !s.Ready():
		writeJSON(w, http.StatusServiceUnavailable, `{"detail":"Service is not ready: the model is being loaded"}`)
	case !s.allowed(r):
		writeJSON(w, http.StatusUnauthorized, `{"status":401,"title":"Unauthorized","detail":"Invalid or missing API key"}`)
	case s.capacity != nil && role == s.capacity.Of:
		s.capacity.serve(x)
	default:
		x.serve()
	}
}

// serveInfo answers what belongs to no role.
func (s *Sim) serveInfo(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1/health/ready" && !s.Ready() {
		writeJSON(w, http.StatusServiceUnavailable, `{"object":"health.response","message":"not ready","ready":false}`)
		return
	}
	s.next.ServeHTTP(w, r)
}

func (s *Sim) allowed(r *http.Request) bool {
	want := "Bearer " + s.options.Key
	return s.options.Key == "" || subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(want)) == 1
}

// roleOf says which model a request is for. NVIDIA's hosted API ranks under a path of its own, which ends in
// /reranking.
func roleOf(r *http.Request) (config.Stage, bool) {
	switch path := r.URL.Path; {
	case r.Method != http.MethodPost:
	case path == "/v1/embeddings":
		return config.StageEmbedding, true
	case path == "/v1/chat/completions":
		return config.StageLLM, true
	case path == "/v1/ranking", strings.HasPrefix(path, "/v1/retrieval/") && strings.HasSuffix(path, "/reranking"):
		r.URL.Path = "/v1/ranking"
		return config.StageReranking, true
	}
	return "", false
}

// exchange is one request for a model and its reply.
type exchange struct {
	sim  *Sim
	w    http.ResponseWriter
	r    *http.Request
	body []byte
	next http.Handler
}

// maxBody bounds what the simulator reads of a request.
const maxBody = 64 << 20

// read reads the body: only then does the server notice that a client has gone.
func (x *exchange) read() bool {
	var err error
	if x.body, err = io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, maxBody)); err != nil {
		writeJSON(x.w, http.StatusRequestEntityTooLarge, `{"error":"the body cannot be read, or is too large"}`)
		return false
	}
	return true
}

// serve answers as if there were no fault.
func (x *exchange) serve() { x.serveTo(x.w) }

func (x *exchange) serveTo(w http.ResponseWriter) {
	x.r.Body = io.NopCloser(bytes.NewReader(x.body))
	x.next.ServeHTTP(w, x.r)
}

// wait waits for d, or without end when d is 0. It reports false when the client or the simulator has gone.
func (x *exchange) wait(d time.Duration) bool {
	var after <-chan time.Time
	if d > 0 {
		after = time.After(d)
	}
	select {
	case <-after:
		return true
	case <-x.r.Context().Done():
	case <-x.sim.closed:
	}
	return false
}

func writeJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // the client has left; there is nobody to tell
}
