package oidc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// SignIn is how a user of the page begins to sign in: by the authorization code flow of OpenID Connect with PKCE
// (RFC 7636), as a public client. The page goes to URL, and keeps the rest until it is back: no pod remembers it.
type SignIn struct {
	// URL is the issuer's page, with what it must be told.
	URL string
	// State comes back with the code: the page takes none that came with another.
	State string
	// Nonce is in the token that the code is exchanged for.
	Nonce string
	// Verifier proves that who has the code is who asked for it.
	Verifier string
}

// Return is what the page brings back from the issuer.
type Return struct {
	Code, Nonce, Verifier string
	// Address is the caller's. It has its share of the sign-ins of a moment.
	Address string
	// Page is the page's own URL, as it was told to SignIn.
	Page string
}

// Session is a user who has signed in.
type Session struct {
	// Token is the ID token, with which the page then calls the gateway.
	Token string
	// SignOut is the issuer's page that ends the session there; empty where it has none.
	SignOut string
}

// algorithms are those of public keys: a token may not choose one that needs none, or whose secret is a public key.
var algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
}

// newIssuer reads the issuer's description.
func (v *Verifier) newIssuer(provider *oidc.Provider) (*issuer, error) {
	var more struct {
		Keys       string   `json:"jwks_uri"`
		Algorithms []string `json:"id_token_signing_alg_values_supported"`
		EndSession string   `json:"end_session_endpoint"`
		Scopes     []string `json:"scopes_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, err
	}
	more.Algorithms = slices.DeleteFunc(more.Algorithms, func(a string) bool { return !slices.Contains(algorithms, a) })
	keys := &keySet{url: more.Keys, client: v.client, calls: v.keys}
	i := &issuer{
		verifier: oidc.NewVerifier(v.config.Issuer, keys,
			&oidc.Config{SkipClientIDCheck: true, SupportedSigningAlgs: more.Algorithms}),
		endpoint:   provider.Endpoint(),
		scopes:     []string{oidc.ScopeOpenID},
		endSession: more.EndSession,
	}
	i.endpoint.AuthStyle = oauth2.AuthStyleInParams // a public client has no secret to put elsewhere
	for _, scope := range []string{"profile", "groups"} {
		if slices.Contains(more.Scopes, scope) {
			i.scopes = append(i.scopes, scope)
		}
	}
	return i, nil
}

// Begin returns where the page leads a user who signs in, and what it keeps meanwhile. The issuer leads the user back
// to the page, whose URL it must know.
func (v *Verifier) Begin(page string) (*SignIn, error) {
	issuer, err := v.discovered()
	if err != nil {
		return nil, err
	}
	if !isPage(issuer.endpoint.AuthURL) {
		return nil, fmt.Errorf("issuer %s: it has no page to sign in", v.config.Issuer)
	}
	s := &SignIn{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	s.URL = v.flow(issuer, page).AuthCodeURL(s.State, oidc.Nonce(s.Nonce), oauth2.S256ChallengeOption(s.Verifier))
	return s, nil
}

// Finish exchanges the code for a token, and checks it as any token of a caller. The error is ErrRefused, or tells why
// the issuer cannot be asked; it has neither code nor token.
func (v *Verifier) Finish(ctx context.Context, r Return) (*Session, error) {
	issuer, err := v.discovered()
	if err != nil {
		return nil, err
	}
	if !v.signIns.take(r.Address) {
		return nil, fmt.Errorf("issuer %s: %w", v.config.Issuer, errBusy)
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, v.client), callTimeout)
	defer cancel()
	flow := v.flow(issuer, r.Page)
	reply, err := flow.Exchange(ctx, r.Code, oauth2.VerifierOption(r.Verifier))
	if err != nil {
		return nil, v.exchangeError(err)
	}
	token, _ := reply.Extra("id_token").(string)
	verified, err := v.verify(ctx, issuer, r.Address, token)
	switch {
	case err != nil:
		return nil, err
	case verified.Nonce != r.Nonce:
		return nil, fmt.Errorf("%w: it belongs to another sign-in", ErrRefused)
	case !slices.Contains(verified.Audience, v.config.ClientID):
		return nil, fmt.Errorf("%w: it is for %q", ErrRefused, verified.Audience)
	}
	if _, err := v.caller(verified); err != nil {
		return nil, err
	}
	return &Session{Token: token, SignOut: v.signOut(issuer, r.Page)}, nil
}

func (v *Verifier) flow(i *issuer, page string) *oauth2.Config {
	return &oauth2.Config{ClientID: v.config.ClientID, Endpoint: i.endpoint, RedirectURL: page, Scopes: i.scopes}
}

// exchangeError tells a code that the issuer refused from an issuer that failed. An error of oauth2 has the issuer's
// whole reply: only its code is repeated.
func (v *Verifier) exchangeError(err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return fmt.Errorf("issuer %s: %w", v.config.Issuer, err)
	}
	status := refused.Response.StatusCode
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		return fmt.Errorf("issuer %s: status %d", v.config.Issuer, status)
	}
	return fmt.Errorf("%w: the issuer refuses the code: status %d, %s", ErrRefused, status, known(refused.ErrorCode))
}

// known is an error's code if OAuth has it (RFC 6749, 5.2); any other could be what the issuer was sent.
func known(code string) string {
	switch code {
	case "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
		"invalid_scope":
		return code
	}
	return "with an error that OAuth does not have"
}

// signOut is the issuer's page that ends a user's session and leads back to the page (OpenID Connect RP-Initiated
// Logout 1.0). It gets no token, which would stand in logs.
func (v *Verifier) signOut(i *issuer, page string) string {
	if !isPage(i.endSession) {
		return ""
	}
	u, _ := url.Parse(i.endSession) // isPage has parsed it
	q := u.Query()
	q.Set("client_id", v.config.ClientID)
	q.Set("post_logout_redirect_uri", page)
	u.RawQuery = q.Encode()
	return u.String()
}

// isPage reports whether a browser may be led to the URL.
func isPage(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
