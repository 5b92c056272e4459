package gateway

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/access"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/oidc"
)

// keysAge is how long the gateway uses client keys before it reads them again.
const keysAge = time.Second

// unauthenticated refuses a request whose sender is not known. It does not say why.
func unauthenticated() *Failure {
	return failure(http.StatusUnauthorized, "Unauthenticated",
		"authentication required: send an Authorization header of the Bearer scheme")
}

// unknowable refuses a request whose sender cannot be found out at the moment. The log has the cause.
func unknowable(cause error) *Failure {
	f := failure(http.StatusServiceUnavailable, "AuthenticationUnavailable",
		"requests cannot be authenticated at the moment; contact the pipeline's operator")
	f.cause, f.retryAfter = cause, unknowableFor
	return f
}

// unknowableFor is when a request may be tried again whose sender cannot be found out.
const unknowableFor = 5 * time.Second

// authenticator identifies clients by their bearer tokens, of which it keeps only hashes.
type authenticator struct {
	keys func() (keys.Clients, error)
	log  *slog.Logger

	mu      sync.Mutex
	readAt  time.Time
	clients []client
	faulty  map[string]string // holds why clients are refused, as it was logged
}

type client struct {
	name   string
	entry  keys.Client // has no token
	digest [sha256.Size]byte
}

// identify identifies the sender of a request. Where no key is asked for, it has neither a name nor groups.
func (g *Gateway) identify(x *exchange, r *http.Request) (err error) {
	switch {
	case g.tokens != nil:
		x.caller, err = g.tokens(r.Context(), x.address, bearer(r))
		switch {
		case errors.Is(err, oidc.ErrRefused):
			g.log.Info("Token was refused", "request_id", x.id, "error", err)
			return unauthenticated()
		case err != nil:
			return unknowable(err)
		}
		x.limits = g.tokenLimits
		return nil
	case g.auth == nil:
		x.caller = &access.Caller{}
		return nil
	}
	found, err := g.auth.client(r)
	if err != nil {
		return err
	}
	x.limits = &found.entry
	x.caller = &access.Caller{Name: found.name, Groups: found.entry.Groups}
	return nil
}

func newAuthenticator(keys func() (keys.Clients, error), log *slog.Logger) *authenticator {
	return &authenticator{keys: keys, log: log}
}

// client finds the sender of r. It compares every key, by hashes of equal length, so that the
// time it takes reveals nothing.
func (a *authenticator) client(r *http.Request) (*client, error) {
	clients, err := a.current()
	if err != nil {
		return nil, unknowable(err)
	}
	var found *client
	digest := sha256.Sum256([]byte(bearer(r)))
	for i := range clients {
		c := &clients[i]
		if subtle.ConstantTimeCompare(digest[:], c.digest[:]) == 1 {
			found = c
		}
	}
	if found == nil {
		return nil, unauthenticated()
	}
	return found, nil
}

// current returns the clients as they were at most keysAge ago.
func (a *authenticator) current() ([]client, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.readAt.IsZero() && time.Since(a.readAt) < keysAge {
		return a.clients, nil
	}
	clients, err := a.keys()
	if err != nil {
		return nil, err
	}
	a.clients = a.clients[:0:0] // other requests may still compare with the old slice
	faulty := map[string]string{}
	for name, entry := range clients {
		switch {
		case entry.Err != nil:
			faulty[name] = entry.Err.Error()
		case entry.Token != "": // an empty entry must not admit requests without a token
			digest := sha256.Sum256([]byte(entry.Token))
			entry.Token = ""
			a.clients = append(a.clients, client{name, entry, digest})
		}
	}
	a.readAt = time.Now()
	a.tell(faulty)
	return a.clients, nil
}

// tell logs why clients are refused, once for each change.
func (a *authenticator) tell(faulty map[string]string) {
	for name, why := range faulty {
		if a.faulty[name] != why {
			a.log.Warn("Client is refused, because its entry is not valid", "client", name, "error", why)
		}
	}
	a.faulty = faulty
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// guard refuses requests that a foreign web page makes a browser send, unless its origin is declared.
// Browsers name the origin of a request and the host it is for; guard does not affect other clients.
func (g *Gateway) guard(x *exchange, r *http.Request) (admitted bool, err error) {
	if g.loopback && !isLoopback(r.Host) && !g.isDeclared(r.Host) {
		return false, failure(http.StatusForbidden, "ForeignHost",
			"this gateway serves its own machine only; address it as localhost, or start it with --host and this name")
	}
	if g.cors.admits(x.Header(), r.Header.Get("Origin")) {
		return true, nil
	}
	if g.origins.Check(r) != nil {
		return false, failure(http.StatusForbidden, "ForeignOrigin",
			"requests from pages of other sites are refused, except those of gateway.cors.origins")
	}
	return false, nil
}

// isDeclared reports whether the host is one of Options.Hosts, with any port.
func (g *Gateway) isDeclared(hostport string) bool {
	return slices.ContainsFunc(g.hosts, func(h string) bool { return strings.EqualFold(h, hostOf(hostport)) })
}

// hostOf is a Host header without its port.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

func isLoopback(hostport string) bool {
	host := hostOf(hostport)
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
