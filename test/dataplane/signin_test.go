package dataplane

import (
	"context"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// issuerHost is a name that leads nowhere: whoever asks for it has gone through the proxy, or is the browser.
const issuerHost = "login.example.com"

// These are the issuer's users, who have the same password.
const firstUser, secondUser = "test-user@" + issuerHost, "test-user2"

// issuer is an OpenID provider with a user, whose group it tells, behind a certificate that nobody trusts.
type issuer struct {
	*storage.Storage
	URL, address string
	trust        string // is the file of its certificate
	lifetime     atomic.Int64
	redirects    []string
}

// newIssuer starts a provider that knows a page of the redirects.
func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	i.lifetime.Store(int64(time.Hour))
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a browser that does not trust the certificate
	i.address = server.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(i.address)
	i.URL = "https://" + issuerHost + ":" + port
	i.Storage = storage.NewStorageWithClients(storage.NewUserStore(i.URL), map[string]*storage.Client{})
	server.Config.Handler = exampleop.SetupServer(i.URL, i, slog.New(slog.DiscardHandler), false)
	server.StartTLS()
	t.Cleanup(server.Close)
	i.trust = filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(i.trust, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return i
}

// GetClientByClientID implements op.Storage.
func (i *issuer) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	if id != "page" {
		return nil, oidc.ErrInvalidClient()
	}
	return &publicClient{storage.NativeClient(id), i}, nil
}

// SetUserinfoFromRequest implements op.CanSetUserinfoFromRequest: it tells the user's groups.
func (i *issuer) SetUserinfoFromRequest(_ context.Context, info *oidc.UserInfo, r op.IDTokenRequest, _ []string) error {
	info.Subject = r.GetSubject()
	info.AppendClaims("groups", []string{"engineers"})
	return nil
}

// publicClient is the page as the issuer knows it.
type publicClient struct {
	*storage.Client
	issuer *issuer
}

// These say what the example's own client does not.
func (c *publicClient) RedirectURIs() []string           { return c.issuer.redirects }
func (c *publicClient) PostLogoutRedirectURIs() []string { return c.issuer.redirects }
func (c *publicClient) IDTokenLifetime() time.Duration {
	return time.Duration(c.issuer.lifetime.Load())
}
func (c *publicClient) IDTokenUserinfoClaimsAssertion() bool { return true }
func (c *publicClient) IsScopeAllowed(string) bool           { return true }

// proxy leads to the issuer whatever is asked for, and counts that.
func (i *issuer) proxy(t *testing.T) (address string, calls *atomic.Int64) {
	calls = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, _ := net.SplitHostPort(r.Host); r.Method != http.MethodConnect || host != issuerHost {
			http.Error(w, "not for you", http.StatusForbidden)
			return
		}
		calls.Add(1)
		upstream, err := net.Dial("tcp", i.address)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		downstream, rest, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer downstream.Close()
		defer upstream.Close()
		go func() { _, _ = io.Copy(upstream, rest) }()
		_, _ = io.Copy(downstream, upstream)
	}))
	t.Cleanup(server.Close)
	return server.URL, calls
}

func TestThePageSignsItsUsersIn(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	proxy, calls := i.proxy(t)
	readable := maps.Clone(windFarm)
	delete(readable, "reports/broken.pdf") // the first PDF has a run compile PDFium, which may take a minute
	spec := manifest(t, pipeline(strings.Replace(volume, "- name: docs", "- name: docs\n    access: [engineers]", 1), standIns)+
		"  gateway: {auth: {oidc: {issuer: "+i.URL+", audience: api, clientID: page}}}\n")
	p := start(t, []string{"run", "--listen", "127.0.0.1:0", "-f", spec, "--documents", directory(t, readable)},
		environment("HTTPS_PROXY="+proxy, "SSL_CERT_FILE="+i.trust))
	c := client{t: t, url: p.says(`serving on (http://[\w.:]+:\d+)`)[1]}
	c.until("/readyz", http.StatusOK)
	c.get("/v1/documents").want(t, http.StatusUnauthorized)
	i.redirects = []string{c.url + "/"}

	b := open(t, c, chromedp.Flag("host-resolver-rules", "MAP "+issuerHost+" 127.0.0.1"), chromedp.IgnoreCertErrors)
	b.also = []string{i.URL}
	b.sees("#sign-in", "This pipeline asks who you are")
	b.accessible("before signing in")
	b.narrow(func() {})
	b.signIn(firstUser, "wrong")
	b.until("document.body.innerText.includes('wrong')")
	b.load("/#/documents") // the user gives up
	b.sees("#sign-in", "This pipeline asks who you are")
	b.signIn(firstUser, "verysecure")
	b.sees("#documents", "10 documents")
	if address := read[string](b, "location.href"); address != c.url+"/#/documents" {
		t.Errorf("after signing in, the page is at %s", address)
	}
	b.load("/")
	b.sees("#welcome", "10 documents") // a reload needs no sign-in
	b.ask("Which rated power does a turbine have?")
	contains(t, b.answered(), "4.2 megawatts")
	if kept := read[string](b, "JSON.stringify([localStorage.length, document.cookie])"); kept != `[0,""]` {
		t.Errorf("the token outlives the tab: %s", kept)
	}
	if calls.Load() == 0 {
		t.Error("the gateway has not gone through the proxy")
	}

	b.askExpired("How often is it inspected?")
	b.enter(firstUser, "verysecure")
	b.sees(".turn:first-child", "4.2 megawatts", "Sources")
	b.until("document.querySelectorAll('.turn').length === 2")
	contains(t, b.answered(), "every six months", "How often is it inspected?")

	b.askExpired("Who inspects it?")
	b.enter(secondUser, "verysecure")
	b.sees("#welcome", "10 documents")
	b.ask("Who inspects a turbine?")
	b.answered()
	if turns := read[int](b, "document.querySelectorAll('.turn').length"); turns != 1 {
		t.Errorf("another user gets the conversation: the page has %d questions", turns)
	}

	b.load("/?state=made-up&code=stolen")
	b.sees("#sign-in-error", "did not begin in this tab")
	b.load("/")
	b.sees("#welcome", "10 documents")
	b.tabTo("#forget-key")
	b.press(kb.Enter)
	b.sees("#sign-in", "This pipeline asks who you are")
	if token := read[string](b, `sessionStorage.getItem("ragpipeline.key") ?? ""`); token != "" {
		t.Error("after signing out, the tab has a token")
	}
	b.behaved()
	p.stop().ends(0)
}

// askExpired asks with a token that is refused as if it had expired at that moment: the page, which asks for the index's
// state now and then, must not be led away while the question is typed.
func (b *browser) askExpired(question string) {
	b.t.Helper()
	b.tabTo("#question")
	b.press(question)
	b.do("ask with a spoilt token", chromedp.Evaluate[chromedp.Void](
		`sessionStorage.setItem("ragpipeline.key", sessionStorage.getItem("ragpipeline.key") + "x");
		document.getElementById("question").form.requestSubmit()`))
}

// signIn goes to the issuer, and enters name and password there.
func (b *browser) signIn(user, password string) {
	b.t.Helper()
	b.tabTo("#sign-in-begin")
	b.press(kb.Enter)
	b.enter(user, password)
}

// enter enters name and password at the issuer.
func (b *browser) enter(user, password string) {
	b.t.Helper()
	b.until("document.querySelector('[name=password]') !== null")
	b.tabTo("[name=username]")
	b.press(user)
	b.tabTo("[name=password]")
	b.press(password, kb.Enter)
}
