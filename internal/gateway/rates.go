package gateway

import (
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/keys"
)

// maxRated is how many clients are remembered before those are forgotten that have all of their minute left: an issuer
// may have any number of callers.
const maxRated = 10_000

// rates bounds what clients ask for in a minute, each by itself.
type rates struct {
	mu      sync.Mutex
	clients map[string]*allowances
	now     func() time.Time
}

// allowances are what is left to a client.
type allowances struct{ requests, tokens allowance }

func newRates() *rates { return &rates{clients: map[string]*allowances{}, now: time.Now} }

// of are the allowances of a client as its entry now says, with mu held.
func (r *rates) of(name string, c *keys.Client) *allowances {
	now := r.now()
	a := r.clients[name]
	if a == nil {
		if len(r.clients) >= maxRated {
			maps.DeleteFunc(r.clients, func(_ string, a *allowances) bool { return a.requests.full(now) && a.tokens.full(now) })
		}
		a = &allowances{}
		r.clients[name] = a
	}
	a.requests.refill(c.RequestsPerMinute, now)
	a.tokens.refill(c.TokensPerMinute, now)
	return a
}

// take counts a request of the client, or refuses it. A request is refused while the tokens of earlier ones are more
// than allowed: how many it takes itself is known at its end.
func (r *rates) take(name string, c *keys.Client) error {
	if c.RequestsPerMinute == 0 && c.TokensPerMinute == 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.of(name, c)
	if wait := max(a.requests.wait(1), a.tokens.wait(0)); wait > 0 {
		f := failure(http.StatusTooManyRequests, "RateLimited",
			"this caller has used up what it may ask for in a minute; try again after the time of Retry-After")
		f.retryAfter = wait
		return f
	}
	a.requests.left--
	return nil
}

// spend counts the tokens that a request of the client took.
func (r *rates) spend(name string, c *keys.Client, tokens int) {
	if c.TokensPerMinute == 0 || tokens == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.of(name, c).tokens.left -= float64(tokens)
}

// allowance is a bucket that fills up within a minute. It may be overdrawn.
type allowance struct {
	size, left float64 // a size of 0 does not bound anything
	at         time.Time
}

// full reports whether the bucket will have filled up, so that a new one is as good.
func (a *allowance) full(now time.Time) bool {
	return a.size == 0 || a.left+now.Sub(a.at).Minutes()*a.size >= a.size
}

// refill adds what has come since the last time. A bucket of another size begins full.
func (a *allowance) refill(perMinute int, now time.Time) {
	if size := float64(perMinute); a.size != size {
		a.size, a.left = size, size
	} else {
		a.left = min(a.size, a.left+now.Sub(a.at).Minutes()*a.size)
	}
	a.at = now
}

// wait is how long it takes until n are left; more than none must be, if n is 0.
func (a *allowance) wait(n float64) time.Duration {
	if a.size == 0 || a.left >= n && a.left > 0 {
		return 0
	}
	return max(time.Millisecond, time.Duration((max(n, 1)-a.left)/a.size*float64(time.Minute)))
}
