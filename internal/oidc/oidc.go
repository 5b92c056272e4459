// Package oidc admits callers by the tokens of an OpenID Connect issuer.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"

	"github.com/ragpipeline/ragpipeline/internal/access"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// callTimeout bounds a call of the issuer, and a token's wait for one.
	callTimeout = 10 * time.Second
	// callsAtOnce and callInterval bound the calls: a token that no key fits makes one, and anybody can send such tokens.
	callsAtOnce  = 5
	callInterval = 5 * time.Second
	// signInsAtOnce and signInInterval bound the calls for tokens, which anybody can cause, too. They do not take the
	// place of those for keys.
	signInsAtOnce  = 50
	signInInterval = 100 * time.Millisecond
	// maxGroups bounds the groups of a token, each of which is a condition of every search.
	maxGroups = 1000
)

// ErrRefused means that a token is not valid here.
var ErrRefused = errors.New("the token is not valid")

// Verifier tells callers by their tokens, and signs the page's users in. It asks the issuer for its keys when it first
// needs them, and again when a token has a key that it does not know.
type Verifier struct {
	config  config.OIDC
	client  *http.Client // asks for the issuer's description and its keys, through calls
	calls   *limited
	signing *http.Client // asks for tokens

	mu       sync.Mutex
	issuer   *issuer // is nil until the issuer has answered
	failure  error   // is why it had not at failedAt
	failedAt time.Time
}

// issuer is what the issuer's description tells.
type issuer struct {
	verifier   *oidc.IDTokenVerifier // checks all but the audience
	endpoint   oauth2.Endpoint
	scopes     []string // are those to ask for
	endSession string   // is empty where one cannot sign out
}

// New makes a Verifier that goes through the process's proxy, and trusts its certificates.
func New(c config.OIDC) *Verifier {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	calls := &limited{next: transport, rate: rate.NewLimiter(rate.Every(callInterval), callsAtOnce)}
	signIns := &limited{next: transport, rate: rate.NewLimiter(rate.Every(signInInterval), signInsAtOnce)}
	return &Verifier{
		config: c, calls: calls,
		client:  &http.Client{Timeout: callTimeout, Transport: calls},
		signing: &http.Client{Timeout: callTimeout, Transport: signIns},
	}
}

// limited bounds the calls of the issuer.
type limited struct {
	next   *http.Transport
	rate   *rate.Limiter
	failed atomic.Int64 // is the Unix time in nanoseconds at which the issuer last failed to answer
}

// RoundTrip implements http.RoundTripper.
func (l *limited) RoundTrip(r *http.Request) (*http.Response, error) {
	if !l.rate.Allow() {
		return nil, errors.New("the issuer was asked too often; wait a moment")
	}
	response, err := l.next.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusOK {
		l.failed.Store(time.Now().UnixNano())
	}
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, 1<<20)
	}
	return response, err
}

// Caller returns who has the token: its subject, with the groups of the claim. The error is ErrRefused, or tells why
// the issuer cannot be asked. It never has the token.
func (v *Verifier) Caller(ctx context.Context, token string) (*access.Caller, error) {
	issuer, err := v.discovered()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	verified, err := v.verify(ctx, issuer, token)
	if err != nil {
		return nil, err
	}
	return v.caller(verified)
}

// verify checks all of a token but its audience.
func (v *Verifier) verify(ctx context.Context, i *issuer, token string) (*oidc.IDToken, error) {
	begun := time.Now().UnixNano()
	verified, err := i.verifier.Verify(ctx, token)
	switch {
	case err == nil:
		return verified, nil
	case ctx.Err() != nil, v.calls.failed.Load() >= begun: // its key may be one that the issuer could not give
		return nil, fmt.Errorf("issuer %s: %w", v.config.Issuer, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrRefused, err)
}

// caller is who has a token that the issuer has signed.
func (v *Verifier) caller(token *oidc.IDToken) (*access.Caller, error) {
	meant := func(audience string) bool {
		return audience == v.config.Audience || audience == v.config.ClientID && audience != ""
	}
	if !slices.ContainsFunc(token.Audience, meant) {
		return nil, fmt.Errorf("%w: it is for %q", ErrRefused, token.Audience)
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	groups, err := groupsOf(claims[v.config.GroupsClaim])
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: the claim %s: %w", ErrRefused, v.config.GroupsClaim, err)
	case token.Subject == "":
		return nil, fmt.Errorf("%w: it has no subject", ErrRefused)
	}
	return &access.Caller{Name: token.Subject, Groups: groups}, nil
}

// discovered asks the issuer once what it is and where its keys are. Those who wait for a call share its failure, so
// that nobody waits for the calls of others in turn.
func (v *Verifier) discovered() (*issuer, error) {
	begun := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.issuer != nil {
		return v.issuer, nil
	}
	if v.failedAt.After(begun) {
		return nil, v.failure
	}
	// The provider keeps the context for later calls, so it must not be that of a request.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), v.client), v.config.Issuer)
	if err == nil {
		v.issuer, err = newIssuer(provider)
	}
	if err != nil {
		v.failure, v.failedAt = fmt.Errorf("issuer %s: %w", v.config.Issuer, err), time.Now()
		return nil, v.failure
	}
	return v.issuer, nil
}

// groupsOf reads the claim of groups: a list of texts, or one text. Without the claim there are none; another value is
// refused rather than ignored.
func groupsOf(claim any) ([]string, error) {
	switch claim := claim.(type) {
	case nil:
		return nil, nil
	case string:
		return checked([]string{claim})
	case []any:
		groups := make([]string, len(claim))
		for i, one := range claim {
			group, ok := one.(string)
			if !ok {
				return nil, errors.New("it must be a list of texts")
			}
			groups[i] = group
		}
		return checked(groups)
	}
	return nil, errors.New("it must be a list of texts")
}

func checked(groups []string) ([]string, error) {
	if len(groups) > maxGroups {
		return nil, fmt.Errorf("it has %d groups, at most %d are taken", len(groups), maxGroups)
	}
	for i := range groups {
		if err := config.CheckGroups(groups[i : i+1]); err != nil {
			return nil, err
		}
	}
	return groups, nil
}
