package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/keys"
)

// keysAge is how long client keys are used before they are read again.
const keysAge = time.Second

// authenticator knows the clients by their bearer tokens, of which it keeps hashes only.
type authenticator struct {
	keys func() (keys.Clients, error)

	mu      sync.Mutex
	readAt  time.Time
	clients []client
}

type client struct {
	name   string
	digest [sha256.Size]byte
}

func newAuthenticator(keys func() (keys.Clients, error)) *authenticator {
	return &authenticator{keys: keys}
}

// client names the sender of r. Every key is compared, and by hashes of one length, so that the time it takes tells
// nothing.
func (a *authenticator) client(r *http.Request) (string, error) {
	clients, err := a.current()
	if err != nil {
		return "", failure(http.StatusServiceUnavailable, "AuthenticationUnavailable",
			"requests cannot be authenticated at the moment; contact the pipeline's operator")
	}
	name, known := "", 0
	digest := sha256.Sum256([]byte(bearer(r)))
	for _, c := range clients {
		if equal := subtle.ConstantTimeCompare(digest[:], c.digest[:]); equal == 1 {
			name, known = c.name, 1
		}
	}
	if known == 0 {
		return "", failure(http.StatusUnauthorized, "Unauthenticated", "this gateway asks for authentication")
	}
	return name, nil
}

// current is the clients as they are now, give or take keysAge.
func (a *authenticator) current() ([]client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.readAt.IsZero() && time.Since(a.readAt) < keysAge {
		return a.clients, nil
	}
	keys, err := a.keys()
	if err != nil {
		return nil, err
	}
	a.clients = a.clients[:0:0] // others may still compare with the old ones
	for name, token := range keys {
		if token != "" { // an empty entry must not let in who sends nothing
			a.clients = append(a.clients, client{name, sha256.Sum256([]byte(token))})
		}
	}
	a.readAt = time.Now()
	return a.clients, nil
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// guard refuses what a web page of somebody else's makes a browser send: browsers say where a request comes from, and
// which host it is for. Other clients are not concerned.
func (g *Gateway) guard(r *http.Request) error {
	if g.loopback && !isLoopback(r.Host) {
		return failure(http.StatusForbidden, "ForeignHost",
			"this gateway serves its own machine only: ask it as localhost or 127.0.0.1")
	}
	if g.origins.Check(r) != nil {
		return failure(http.StatusForbidden, "ForeignOrigin", "requests from pages of other sites are refused")
	}
	return nil
}

func isLoopback(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}
