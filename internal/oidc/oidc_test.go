package oidc

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// played is an OpenID Connect issuer with one key.
type played struct {
	*httptest.Server
	t    *testing.T
	kid  string
	key  *rsa.PrivateKey
	down atomic.Bool
	mute atomic.Bool    // reports whether it gives no keys
	asks atomic.Int64   // counts requests for keys
	more map[string]any // is what its description has besides the usual

	unknown []any // are keys that it gives besides its own
	keyless bool  // reports whether it leaves out its own

	reply   int // is the status of the reply to a code; 0 for idToken
	idToken string
	asked   url.Values // is what it was last asked with a code
}

func play(t *testing.T) *played {
	i := &played{t: t}
	i.rotate("first")
	i.Server = httptest.NewServer(i)
	t.Cleanup(i.Close)
	return i
}

func (i *played) rotate(kid string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		i.t.Fatal(err)
	}
	i.kid, i.key = kid, key
}

func (i *played) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case i.down.Load(), i.mute.Load() && r.URL.Path == "/keys":
		http.Error(w, "down", http.StatusServiceUnavailable)
	case r.URL.Path == "/keys":
		i.asks.Add(1)
		keys := slices.Clone(i.unknown)
		if !i.keyless {
			keys = append(keys, jose.JSONWebKey{Key: i.key.Public(), KeyID: i.kid, Algorithm: "RS256", Use: "sig"})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": keys})
	case r.URL.Path == "/token":
		_ = r.ParseForm()
		i.asked = r.PostForm
		w.Header().Set("Content-Type", "application/json")
		if i.reply != 0 {
			w.WriteHeader(i.reply)
			_ = json.NewEncoder(w).Encode(map[string]any{"error": "invalid_grant", "error_description": "of " + r.PostForm.Get("code")})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": i.idToken})
	default:
		description := map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys",
			"authorization_endpoint": i.URL + "/authorise", "token_endpoint": i.URL + "/token",
			"id_token_signing_alg_values_supported": []string{"RS256", "none", "HS256"}}
		maps.Copy(description, i.more)
		_ = json.NewEncoder(w).Encode(description)
	}
}

// token signs claims over those of a valid token; nil removes one.
func (i *played) token(algorithm jose.SignatureAlgorithm, key any, changes map[string]any) string {
	i.t.Helper()
	claims := map[string]any{"iss": i.URL, "aud": "rag", "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(),
		"groups": []string{"hr", "it"}}
	for name, value := range changes {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: i.kid}}, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return token
}

func (i *played) verifier() *Verifier {
	return New(config.OIDC{Issuer: i.URL, Audience: "rag", GroupsClaim: "groups"})
}

func TestOnlyTheIssuersTokensForThisAudienceAreTaken(t *testing.T) {
	i := play(t)
	v := i.verifier()
	stranger := play(t)
	none := strings.Split(i.token(jose.RS256, i.key, nil), ".")
	none[0], none[2] = "eyJhbGciOiJub25lIn0", "" // {"alg":"none"}
	past, future := time.Now().Add(-time.Hour).Unix(), time.Now().Add(time.Hour).Unix()
	for name, tc := range map[string]struct {
		token  string
		groups []string
		taken  bool
	}{
		"valid":                  {i.token(jose.RS256, i.key, nil), []string{"hr", "it"}, true},
		"of several audiences":   {i.token(jose.RS256, i.key, map[string]any{"aud": []string{"x", "rag"}}), []string{"hr", "it"}, true},
		"one group":              {i.token(jose.RS256, i.key, map[string]any{"groups": "hr"}), []string{"hr"}, true},
		"no groups":              {i.token(jose.RS256, i.key, map[string]any{"groups": nil}), nil, true},
		"groups that are none":   {i.token(jose.RS256, i.key, map[string]any{"groups": map[string]any{"hr": true}}), nil, false},
		"a group that is none":   {i.token(jose.RS256, i.key, map[string]any{"groups": []any{"hr", 1}}), nil, false},
		"an empty group":         {i.token(jose.RS256, i.key, map[string]any{"groups": []any{""}}), nil, false},
		"expired":                {i.token(jose.RS256, i.key, map[string]any{"exp": past}), nil, false},
		"without expiry":         {i.token(jose.RS256, i.key, map[string]any{"exp": nil}), nil, false},
		"not yet valid":          {i.token(jose.RS256, i.key, map[string]any{"nbf": future}), nil, false},
		"for another audience":   {i.token(jose.RS256, i.key, map[string]any{"aud": "other"}), nil, false},
		"without audience":       {i.token(jose.RS256, i.key, map[string]any{"aud": nil}), nil, false},
		"of another issuer":      {i.token(jose.RS256, i.key, map[string]any{"iss": "https://other"}), nil, false},
		"without a subject":      {i.token(jose.RS256, i.key, map[string]any{"sub": nil}), nil, false},
		"signed by another key":  {i.token(jose.RS256, stranger.key, nil), nil, false},
		"signed by a password":   {i.token(jose.HS256, []byte(strings.Repeat("secret", 8)), nil), nil, false},
		"not signed":             {strings.Join(none, "."), nil, false},
		"not a token":            {"abc", nil, false},
		"empty":                  {"", nil, false},
		"of another algorithm":   {i.token(jose.PS256, i.key, nil), nil, false},
		"a token and a bit more": {i.token(jose.RS256, i.key, nil) + "A", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := v.Caller(t.Context(), "10.0.0.1", tc.token)
			if !tc.taken {
				if !errors.Is(err, ErrRefused) || tc.token != "" && len(tc.token) > 3 && strings.Contains(err.Error(), tc.token) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.groups, got.Groups); diff != "" || got.Name != "alice" {
				t.Errorf("%s (-want +got):\n%s", got.Name, diff)
			}
		})
	}
	if n := i.asks.Load(); n > callsAtOnce {
		t.Errorf("the issuer was asked for its keys %d times", n)
	}
}

func TestARotatedKeyIsFetchedAndAKnownOneOutlivesItsIssuer(t *testing.T) {
	i := play(t)
	v := i.verifier()
	i.down.Store(true)
	if _, err := v.Caller(t.Context(), "10.0.0.1", i.token(jose.RS256, i.key, nil)); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("without its issuer, a token gives %v", err)
	}
	i.down.Store(false)
	for _, kid := range []string{"first", "second"} {
		i.rotate(kid)
		if _, err := v.Caller(t.Context(), "10.0.0.1", i.token(jose.RS256, i.key, nil)); err != nil {
			t.Errorf("the %s key: %v", kid, err)
		}
	}
	i.down.Store(true)
	if _, err := v.Caller(t.Context(), "10.0.0.1", i.token(jose.RS256, i.key, nil)); err != nil {
		t.Errorf("a known key without the issuer: %v", err)
	}
	i.rotate("third")
	if _, err := v.Caller(t.Context(), "10.0.0.1", i.token(jose.RS256, i.key, nil)); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("a new key without the issuer gives %v", err)
	}
}

// Keys of a kind that is not known here stand in nobody's way, and a set that has no other is no reason to refuse a
// token.
func TestKeysOfUnknownKindsAreLeftOut(t *testing.T) {
	i := play(t)
	i.unknown = []any{
		map[string]string{"kty": "EC", "crv": "secp256k1", "alg": "ES256K", "kid": "k", "x": "AA", "y": "AA"},
		map[string]string{"kty": "AKP", "alg": "ML-DSA-44", "kid": "m", "pub": "AA"},
		map[string]string{"kty": "oct", "kid": "o", "k": "c2VjcmV0"},
	}
	if _, err := i.verifier().Caller(t.Context(), "10.0.0.1", i.token(jose.RS256, i.key, nil)); err != nil {
		t.Errorf("beside keys of unknown kinds: %v", err)
	}
	i.keyless = true
	_, err := i.verifier().Caller(t.Context(), "10.0.0.1", i.token(jose.RS256, i.key, nil))
	if err == nil || errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "none of 3 is a public key") {
		t.Errorf("with keys of unknown kinds alone: %v", err)
	}
}

func TestATokenThatWaitedForACallOfTheIssuerSharesItsFailure(t *testing.T) {
	i := play(t)
	v := i.verifier()
	v.failure, v.failedAt = errors.New("no route"), time.Now().Add(time.Hour) // ends after the next token has come
	if _, err := v.Caller(t.Context(), "10.0.0.1", i.token(jose.RS256, i.key, nil)); !errors.Is(err, v.failure) {
		t.Errorf("got %v", err)
	}
}

// A sender of tokens that no key fits gets 401 for as many as the issuer may be asked for, and no more: others still
// have their share, and nobody's token is refused whose key was not asked for.
func TestNobodyCanUseUpTheCallsForKeys(t *testing.T) {
	i, stranger := play(t), play(t)
	v := i.verifier()
	now := time.Now()
	v.keys.now = func() time.Time { return now }
	if _, err := v.Caller(t.Context(), "10.0.0.1", i.token(jose.RS256, i.key, nil)); err != nil {
		t.Fatal(err)
	}
	asks := i.asks.Load()
	refused, busy := 0, 0
	for range 100 {
		_, err := v.Caller(t.Context(), "10.0.0.66", i.token(jose.RS256, stranger.key, nil))
		if errors.Is(err, ErrRefused) {
			refused++
		} else if errors.Is(err, errBusy) {
			busy++
		}
	}
	if refused == 0 || busy == 0 || refused+busy != 100 || i.asks.Load()-asks != int64(refused) {
		t.Errorf("of 100 tokens %d were refused, and %d held back; the issuer was asked %d times", refused, busy, i.asks.Load()-asks)
	}
	known := i.token(jose.RS256, i.key, nil)
	i.rotate("second")
	if _, err := v.Caller(t.Context(), "10.0.0.66", i.token(jose.RS256, i.key, nil)); !errors.Is(err, errBusy) {
		t.Errorf("a new key for the same address: %v", err)
	}
	// The new key comes last: with it the one before, which the issuer no longer tells, is forgotten.
	for _, c := range []struct{ name, token string }{{"a known key", known}, {"a new key", i.token(jose.RS256, i.key, nil)}} {
		if _, err := v.Caller(t.Context(), "10.0.0.2", c.token); err != nil {
			t.Errorf("%s, for another address: %v", c.name, err)
		}
	}
	now = now.Add(callInterval)
	i.rotate("third")
	if _, err := v.Caller(t.Context(), "10.0.0.66", i.token(jose.RS256, i.key, nil)); err != nil {
		t.Errorf("a new key for the same address, a moment later: %v", err)
	}
}

// A caller gets at most what is left for all others, however many it asks for.
func TestSharesAreFair(t *testing.T) {
	now := time.Now()
	s := newShares(8, time.Second)
	s.now = func() time.Time { return now }
	took := func(caller string) (n int) {
		for s.take(caller) {
			n++
		}
		return n
	}
	for i, want := range []int{4, 2, 1, 1, 0} {
		if got := took(string(rune('a' + i))); got != want {
			t.Errorf("caller %d takes %d, want %d", i, got, want)
		}
	}
	for range 5 {
		now = now.Add(time.Second)
		if got := took("f"); got > 1 {
			t.Errorf("in a second, a caller takes %d", got)
		}
	}
	now = now.Add(time.Hour)
	if got := took("a"); got != 4 || len(s.taken) != 1 {
		t.Errorf("after an hour, a caller takes %d, and %d are remembered", got, len(s.taken))
	}
}
