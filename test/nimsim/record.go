package nimsim

import (
	"net/http"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Request is a request for a model, as it came.
type Request struct {
	Role   config.Stage `json:"role"`
	Method string       `json:"method"`
	Path   string       `json:"path"`
	Header http.Header  `json:"header"`
	Body   []byte       `json:"body"`
}

// maxRequests bounds what is remembered; the oldest go first.
const maxRequests = 10_000

func (s *Sim) record(role config.Stage, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = remember(s.requests, Request{Role: role, Method: r.Method, Path: r.RequestURI, Header: r.Header.Clone(), Body: body})
}

func remember(requests []Request, r Request) []Request {
	if len(requests) == maxRequests {
		requests = slices.Delete(requests, 0, maxRequests/10)
	}
	return append(requests, r)
}

// Requests are the requests for the given roles so far, in order; those for every role when none is given.
// Requests that met a fault, no readiness or a missing key count too.
func (s *Sim) Requests(roles ...config.Stage) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Request
	for _, r := range s.requests {
		if len(roles) == 0 || slices.Contains(roles, r.Role) {
			out = append(out, r)
		}
	}
	return out
}

// Forget drops all requests recorded so far.
func (s *Sim) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.away = nil, nil
}

// Away are the requests that followed the fault "redirected" to another host. None should: a client that
// follows takes its key there.
func (s *Sim) Away() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.away)
}
