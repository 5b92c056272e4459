package apiserver

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"k8s.io/client-go/rest"
)

// Requests collects the requests that would change something, of clients whose config it is put around.
type Requests struct {
	mu       sync.Mutex
	mutating []string
}

// Watch counts the requests of clients that are made with the config from now on.
func (r *Requests) Watch(config *rest.Config) {
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			if mutating(request) {
				r.mu.Lock()
				r.mutating = append(r.mutating, request.Method+" "+request.URL.Path)
				r.mu.Unlock()
			}
			return next.RoundTrip(request)
		})
	})
}

// Take returns the requests since the last call, as METHOD and path. Those for Leases are left out.
func (r *Requests) Take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := slices.Clone(r.mutating)
	r.mutating = nil
	return taken
}

func mutating(request *http.Request) bool {
	return request.Method != http.MethodGet && request.Method != http.MethodHead &&
		!strings.Contains(request.URL.Path, "/coordination.k8s.io/")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
