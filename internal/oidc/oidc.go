// Package oidc admits callers by the tokens of an OpenID Connect issuer.
package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
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
	// callsAtOnce and callInterval bound the calls for keys: a token that no key fits makes one, and anybody can send
	// such tokens. They also bound those for the issuer's description, which has places of its own.
	callsAtOnce  = 5
	callInterval = 5 * time.Second
	// signInsAtOnce and signInInterval bound the calls for tokens, which anybody can cause, too.
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
	client  *http.Client
	asks    *rate.Limiter // bounds the calls for the issuer's description
	keys    *shares       // bounds those for its keys
	signIns *shares       // bounds those for tokens

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
	return &Verifier{
		config:  c,
		client:  &http.Client{Timeout: callTimeout, Transport: bounded{http.DefaultTransport.(*http.Transport).Clone()}},
		asks:    rate.NewLimiter(rate.Every(callInterval), callsAtOnce),
		keys:    newShares(callsAtOnce, callInterval),
		signIns: newShares(signInsAtOnce, signInInterval),
	}
}

// maxReply bounds the replies of the issuer, in bytes.
const maxReply = 1 << 20

// bounded bounds the replies of the issuer.
type bounded struct{ next *http.Transport }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxReply)
	}
	return response, err
}

// Caller returns who has the token: its subject, with the groups of the claim. The error is ErrRefused, or tells why
// the issuer cannot be asked. It never has the token. The address is the caller's: whether the issuer is asked for a
// token whose key is not known depends on how often it was for that address.
func (v *Verifier) Caller(ctx context.Context, address, token string) (*access.Caller, error) {
	issuer, err := v.discovered()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	verified, err := v.verify(ctx, issuer, address, token)
	if err != nil {
		return nil, err
	}
	return v.caller(verified)
}

// verify checks all of a token but its audience.
func (v *Verifier) verify(ctx context.Context, i *issuer, address, token string) (*oidc.IDToken, error) {
	asked := &attempt{from: address}
	verified, err := i.verifier.Verify(context.WithValue(ctx, attemptKey{}, asked), token)
	switch {
	case err == nil:
		return verified, nil
	case asked.unavailable != nil: // its key may be one that the issuer could not give
		return nil, fmt.Errorf("issuer %s: %w", v.config.Issuer, asked.unavailable)
	case ctx.Err() != nil:
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
	if !v.asks.Allow() {
		return nil, fmt.Errorf("issuer %s: it was asked too often; wait a moment", v.config.Issuer)
	}
	// Others wait for the call, so the context must not be that of a request.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), v.client), v.config.Issuer)
	if err == nil {
		v.issuer, err = v.newIssuer(provider)
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
