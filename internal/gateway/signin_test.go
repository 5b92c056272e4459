package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/oidc"
)

// fakeIssuer signs everybody in, unless the code is that of a fault.
type fakeIssuer struct{}

func (fakeIssuer) Begin(page string) (*oidc.SignIn, error) {
	if strings.Contains(page, "down") {
		return nil, errors.New("the issuer is down")
	}
	return &oidc.SignIn{URL: "https://login.example.com/?to=" + page, State: "s", Nonce: "n", Verifier: "v"}, nil
}

func (fakeIssuer) Finish(_ context.Context, r oidc.Return) (*oidc.Session, error) {
	switch r.Code {
	case "old":
		return nil, fmt.Errorf("%w: old", oidc.ErrRefused)
	case "down":
		return nil, errors.New("the issuer is down")
	}
	return &oidc.Session{Token: "t0ken"}, nil
}

func TestTheGatewaySignsInForItsPage(t *testing.T) {
	f := newFixture()
	f.options.Log = textLog(&f.log)
	g := f.gateway()
	token := func(code, page string) string {
		return fmt.Sprintf(`{"code": %q, "nonce": "n", "code_verifier": "v", "redirect_uri": %q}`, code, page)
	}
	for _, tc := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/sign-in", `{"redirect_uri": "https://ask.example.com/"}`, 200,
			`{"authorization_url":"https://login.example.com/?to=https://ask.example.com/","state":"s","nonce":"n","code_verifier":"v"}`},
		{"/sign-in", `{"redirect_uri": "https://down.example.com/"}`, 503, "AuthenticationUnavailable"},
		{"/sign-in", `{}`, 400, "redirect_uri"},
		{"/sign-in", `{"redirect_uri": "javascript:alert(1)"}`, 400, "redirect_uri"},
		{"/sign-in", `{"redirect_uri": "https://user@ask.example.com/"}`, 400, "redirect_uri"},
		{"/sign-in", `{"redirect_uri": "//ask.example.com/"}`, 400, "redirect_uri"},
		{"/sign-in", `{"redirect_uri": "` + strings.Repeat("x", maxSignInBody) + `"}`, 413, "TooLarge"},
		{"/sign-in/token", token("new", "https://ask.example.com/"), 200, `{"token":"t0ken"}`},
		{"/sign-in/token", token("old", "https://ask.example.com/"), 400, "SignInRefused"},
		{"/sign-in/token", token("down", "https://ask.example.com/"), 503, "AuthenticationUnavailable"},
		{"/sign-in/token", token("", "https://ask.example.com/"), 400, "code"},
		{"/sign-in/token", token("new", "ask.example.com"), 400, "redirect_uri"},
	} {
		got := call(g, "POST", tc.path, tc.body)
		if got.Code != tc.status || !strings.Contains(got.Body.String(), tc.want) {
			t.Errorf("%s %.80s: status %d, want %d with %s: %s", tc.path, tc.body, got.Code, tc.status, tc.want, got.Body)
		}
		if got.Code == 200 && got.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: others may store the reply: %v", tc.path, got.Header())
		}
	}
	if log := f.log.String(); !strings.Contains(log, "Sign-in was refused") || strings.Contains(log, "t0ken") {
		t.Errorf("log:\n%s", log)
	}
	f.options.SignIn = nil
	if got := call(f.gateway(), "POST", "/sign-in", "{}"); got.Code != 404 || !strings.Contains(got.Body.String(), "NoSignIn") {
		t.Errorf("without an issuer: status %d: %s", got.Code, got.Body)
	}
}
