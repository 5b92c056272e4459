package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/ragpipeline/ragpipeline/internal/oidc"
)

// maxSignInBody bounds the bodies of a sign-in: an issuer's code may be long.
const maxSignInBody = 16 << 10

// SignIn signs in the page's users at the issuer of their tokens. The gateway asks the issuer on the page's behalf, so
// that the page calls nobody but its gateway, and the issuer is reached as the gateway's pod reaches it. It leads no
// browser anywhere: the page does.
type SignIn interface {
	// Begin returns where the page leads its user, who comes back to the page's URL.
	Begin(page string) (*oidc.SignIn, error)
	// Finish returns the token of the user who came back. The error is oidc.ErrRefused if the issuer gives them none.
	Finish(ctx context.Context, r oidc.Return) (*oidc.Session, error)
}

// SignInRequest asks how a user of the page begins to sign in.
type SignInRequest struct {
	// RedirectURI is the page's own URL, which the issuer leads back to
	RedirectURI string `json:"redirect_uri"`
}

// SignInReply is how a user begins to sign in.
type SignInReply struct {
	// AuthorizationURL is the issuer's page that the browser is led to
	AuthorizationURL string `json:"authorization_url"`
	// State is kept by the page, which takes no code that comes back with another state
	State string `json:"state"`
	// Nonce is kept by the page for the request of the token
	Nonce string `json:"nonce"`
	// CodeVerifier is kept by the page for the request of the token
	CodeVerifier string `json:"code_verifier"`
}

// SignInTokenRequest asks for the token of a user whom the issuer led back to the page.
type SignInTokenRequest struct {
	// Code is what the issuer led the user back with
	Code         string `json:"code"`
	Nonce        string `json:"nonce"`
	CodeVerifier string `json:"code_verifier"`
	RedirectURI  string `json:"redirect_uri"`
}

// SignInTokenReply is a user's session.
type SignInTokenReply struct {
	// Token is what the page sends as its bearer token
	Token string `json:"token"`
	// SignOutURL is the issuer's page that ends the session there; it is left out where the issuer has none
	SignOutURL string `json:"sign_out_url,omitempty"`
}

// beginSignIn answers POST /sign-in.
func (g *Gateway) beginSignIn(x *exchange, r *http.Request) error {
	var body SignInRequest
	if err := g.readSignIn(x, r, &body); err != nil {
		return err
	}
	if err := checkPage(body.RedirectURI); err != nil {
		return err
	}
	begun, err := g.signIn.Begin(body.RedirectURI)
	if err != nil {
		return unknowable(err)
	}
	return x.sendJSON(SignInReply{
		AuthorizationURL: begun.URL, State: begun.State, Nonce: begun.Nonce, CodeVerifier: begun.Verifier,
	})
}

// finishSignIn answers POST /sign-in/token.
func (g *Gateway) finishSignIn(x *exchange, r *http.Request) error {
	var body SignInTokenRequest
	if err := g.readSignIn(x, r, &body); err != nil {
		return err
	}
	needed := map[string]string{"code": body.Code, "nonce": body.Nonce, "code_verifier": body.CodeVerifier}
	for name, value := range needed {
		if value == "" {
			return invalid(name, "is required")
		}
	}
	if err := checkPage(body.RedirectURI); err != nil {
		return err
	}
	session, err := g.signIn.Finish(r.Context(), oidc.Return{
		Code: body.Code, Nonce: body.Nonce, Verifier: body.CodeVerifier, Page: body.RedirectURI, Address: x.address,
	})
	switch {
	case errors.Is(err, oidc.ErrRefused):
		g.log.Warn("Sign-in was refused", "request_id", x.id, "error", err)
		return failure(http.StatusBadRequest, "SignInRefused",
			"the sign-in has expired, or is not valid for this pipeline; sign in again, or ask the pipeline's operator")
	case err != nil:
		return unknowable(err)
	}
	return x.sendJSON(SignInTokenReply{Token: session.Token, SignOutURL: session.SignOut})
}

// readSignIn reads a body into v. Nobody may store the reply, which is a user's alone.
func (g *Gateway) readSignIn(x *exchange, r *http.Request, v any) error {
	if g.signIn == nil {
		return notFound("NoSignIn", "this gateway signs in nobody: send a key, or a token, as a bearer token")
	}
	x.Header().Set("Cache-Control", "no-store")
	return decode(x, r, maxSignInBody, v)
}

// checkPage checks the URL that the issuer leads back to. Whether it is the page's, the issuer knows.
func checkPage(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
		return invalid("redirect_uri", "must be the page's own URL, such as https://ask.example.com/")
	}
	return nil
}
