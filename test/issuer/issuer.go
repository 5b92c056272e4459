// Package issuer is an OpenID provider for tests, made of zitadel's. It signs users of a page in by the authorization
// code flow with PKCE, and gives a program a token for its own secret. Its tokens tell their owner's groups.
package issuer

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	// Page is the public client of the page, and Program a client with the secret Secret.
	Page, Program, Secret = "page", "program", "secret-of-the-program"
	// Audience is what the program's tokens are for.
	Audience = "rag"
	// First and Second are the ids of the users, who sign in as FirstName and SecondName with Password. FirstName lacks
	// the issuer's host at its end.
	First, Second         = "id1", "id2"
	FirstName, SecondName = "test-user@", "test-user2"
	Password              = "verysecure"
)

// Issuer is a provider.
type Issuer struct {
	*storage.Storage
	http.Handler
	// Groups has the groups of each user by id, and those of Program.
	Groups map[string][]string
	// Redirects are the page's addresses.
	Redirects []string
}

// New makes the provider at a URL.
func New(url string) *Issuer {
	i := &Issuer{Storage: storage.NewStorageWithClients(storage.NewUserStore(url), map[string]*storage.Client{})}
	i.Handler = exampleop.SetupServer(url, i, slog.New(slog.DiscardHandler), false)
	return i
}

// GetClientByClientID implements op.Storage.
func (i *Issuer) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != Page {
		return nil, oidc.ErrInvalidClient()
	}
	return &client{storage.NativeClient(id), i, oidc.GrantTypeCode}, nil
}

// SetUserinfoFromRequest implements op.CanSetUserinfoFromRequest: an ID token tells the user's groups.
func (i *Issuer) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	info.Subject = r.GetSubject()
	if groups, ok := i.Groups[info.Subject]; ok {
		info.AppendClaims("groups", groups)
	}
	return nil
}

// ClientCredentials implements op.ClientCredentialsStorage.
func (i *Issuer) ClientCredentials(_ context.Context, id, secret string) (op.Client, error) {
	if id != Program || secret != Secret {
		return nil, oidc.ErrInvalidClient()
	}
	return &client{storage.NativeClient(id), i, oidc.GrantTypeClientCredentials}, nil
}

// ClientCredentialsTokenRequest implements op.ClientCredentialsStorage.
func (i *Issuer) ClientCredentialsTokenRequest(_ context.Context, id string, scopes []string) (op.TokenRequest, error) {
	return &oidc.JWTTokenRequest{Subject: id, Audience: []string{Audience}, Scopes: scopes}, nil
}

// GetPrivateClaimsFromScopes implements op.Storage: an access token tells its owner's groups.
func (i *Issuer) GetPrivateClaimsFromScopes(_ context.Context, owner, _ string, _ []string) (map[string]any, error) {
	return map[string]any{"groups": i.Groups[owner]}, nil
}

// client is a client as the issuer knows it. Its methods say what the example's own clients do not.
type client struct {
	*storage.Client
	issuer *Issuer
	grant  oidc.GrantType
}

func (c *client) RedirectURIs() []string               { return c.issuer.Redirects }
func (c *client) PostLogoutRedirectURIs() []string     { return c.issuer.Redirects }
func (c *client) GrantTypes() []oidc.GrantType         { return []oidc.GrantType{c.grant} }
func (c *client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (c *client) IDTokenLifetime() time.Duration       { return time.Hour }
func (c *client) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c *client) IsScopeAllowed(string) bool           { return true }
