package oidc

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func (i *played) page() *Verifier {
	return New(config.OIDC{Issuer: i.URL, Audience: "rag", ClientID: "page", GroupsClaim: "groups"})
}

func TestASignInTellsTheIssuerWhatItMustProve(t *testing.T) {
	i := play(t)
	i.more = map[string]any{"scopes_supported": []string{"openid", "email", "groups"}}
	v := i.page()
	begun, err := v.Begin("https://ask.example.com/")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(begun.URL)
	if err != nil || !strings.HasPrefix(begun.URL, i.URL+"/authorise?") {
		t.Fatalf("%s: %v", begun.URL, err)
	}
	q := u.Query()
	want := url.Values{
		"response_type": {"code"}, "client_id": {"page"}, "redirect_uri": {"https://ask.example.com/"}, "scope": {"openid groups"},
		"state": {begun.State}, "nonce": {begun.Nonce}, "code_challenge_method": {"S256"}, "code_challenge": q["code_challenge"],
	}
	if diff := cmp.Diff(want, q); diff != "" || len(q.Get("code_challenge")) != 43 || q.Get("code_challenge") == begun.Verifier {
		t.Errorf("the issuer gets (-want +got):\n%s", diff)
	}
	other, err := v.Begin("https://ask.example.com/")
	if err != nil || other.State == begun.State || other.Nonce == begun.Nonce || other.Verifier == begun.Verifier {
		t.Errorf("two sign-ins have the same secrets: %v", err)
	}
}

func TestOnlyTheTokenOfThisSignInIsTaken(t *testing.T) {
	for name, tc := range map[string]struct {
		claims map[string]any
		reply  int // is the status of the issuer's reply; 0 for a token
		taken  bool
		why    string
	}{
		"its own":                {nil, 0, true, ""},
		"of another sign-in":     {map[string]any{"nonce": "other"}, 0, false, "another sign-in"},
		"without a nonce":        {map[string]any{"nonce": nil}, 0, false, "another sign-in"},
		"for programs":           {map[string]any{"aud": "rag"}, 0, false, `it is for ["rag"]`},
		"of another issuer":      {map[string]any{"iss": "https://other"}, 0, false, "different provider"},
		"with groups of no list": {map[string]any{"groups": 7}, 0, false, "the claim groups"},
		"a code that is used":    {nil, http.StatusBadRequest, false, "invalid_grant"},
		"an issuer that fails":   {nil, http.StatusBadGateway, false, "status 502"},
		"an issuer that is busy": {nil, http.StatusTooManyRequests, false, "status 429"},
	} {
		t.Run(name, func(t *testing.T) {
			i := play(t)
			claims := map[string]any{"aud": "page", "nonce": "n"}
			maps.Copy(claims, tc.claims)
			i.more = map[string]any{"end_session_endpoint": i.URL + "/end?x=1"}
			i.reply, i.idToken = tc.reply, i.token(jose.RS256, i.key, claims)
			got, err := i.page().Finish(t.Context(), Return{Code: "c0de", Nonce: "n", Verifier: "v3rifier", Page: "https://ask/"})
			if want := (url.Values{"grant_type": {"authorization_code"}, "code": {"c0de"}, "code_verifier": {"v3rifier"},
				"redirect_uri": {"https://ask/"}, "client_id": {"page"}}); !cmp.Equal(want, i.asked) {
				t.Errorf("the issuer was asked (-want +got):\n%s", cmp.Diff(want, i.asked))
			}
			if !tc.taken {
				if err == nil || !strings.Contains(err.Error(), tc.why) || strings.Contains(err.Error(), "c0de") ||
					errors.Is(err, ErrRefused) == (tc.reply > http.StatusBadRequest) {
					t.Errorf("got %v", err)
				}
				return
			}
			end := i.URL + "/end?client_id=page&post_logout_redirect_uri=https%3A%2F%2Fask%2F&x=1"
			if diff := cmp.Diff(&Session{Token: i.idToken, SignOut: end}, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if caller, err := i.page().Caller(t.Context(), "10.0.0.1", got.Token); err != nil || caller.Name != "alice" {
				t.Errorf("the token of the sign-in is not one of a caller: %v", err)
			}
		})
	}
}

func TestAnIssuerLeadsBrowsersToWebPagesOnly(t *testing.T) {
	i := play(t)
	i.more = map[string]any{"authorization_endpoint": "javascript:alert(1)", "end_session_endpoint": "javascript:alert(1)"}
	if begun, err := i.page().Begin("https://ask/"); err == nil {
		t.Errorf("the page is led to %s", begun.URL)
	}
	i.idToken = i.token(jose.RS256, i.key, map[string]any{"aud": "page", "nonce": "n"})
	session, err := i.page().Finish(t.Context(), Return{Code: "c0de", Nonce: "n", Page: "https://ask/"})
	if err != nil || session.SignOut != "" {
		t.Errorf("%v: the page is led to %q", err, session.SignOut)
	}
}

func TestASignInWhoseKeyTheIssuerCannotGiveIsNotRefused(t *testing.T) {
	i := play(t)
	v := i.page()
	if _, err := v.Begin("https://ask/"); err != nil {
		t.Fatal(err)
	}
	i.idToken = i.token(jose.RS256, i.key, map[string]any{"aud": "page", "nonce": "n"})
	i.mute.Store(true)
	_, err := v.Finish(t.Context(), Return{Code: "c0de", Nonce: "n", Page: "https://ask/"})
	if err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
}

func TestNobodyCanUseUpTheSignIns(t *testing.T) {
	i := play(t)
	v := i.page()
	now := time.Now()
	v.signIns.now = func() time.Time { return now }
	i.reply = http.StatusBadRequest // refuses every code
	finish := func(address string) error {
		_, err := v.Finish(t.Context(), Return{Code: "c0de", Nonce: "n", Page: "https://ask/", Address: address})
		return err
	}
	refused := 0
	for range 2 * signInsAtOnce {
		if errors.Is(finish("10.0.0.66"), ErrRefused) {
			refused++
		}
	}
	if refused != signInsAtOnce/2 {
		t.Errorf("one address had %d sign-ins at once", refused)
	}
	if err := finish("10.0.0.2"); !errors.Is(err, ErrRefused) {
		t.Errorf("another address: %v", err)
	}
}
