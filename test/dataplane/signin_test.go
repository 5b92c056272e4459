package dataplane

import (
	"encoding/pem"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/ragpipeline/ragpipeline/test/issuer"
)

// issuerHost is a name that leads nowhere: whoever asks for it has gone through the proxy, or is the browser.
const issuerHost = "login.example.com"

// These are the issuer's users, who have the same password.
const firstUser, secondUser = issuer.FirstName + issuerHost, issuer.SecondName

// testIssuer is an OpenID provider behind a certificate that nobody trusts.
type testIssuer struct {
	*issuer.Issuer
	URL, address string
	trust        string // is the file of its certificate
}

// newIssuer starts a provider whose users are engineers.
func newIssuer(t *testing.T) *testIssuer {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a browser that does not trust the certificate
	i := &testIssuer{address: server.Listener.Addr().String(), trust: filepath.Join(t.TempDir(), "ca.pem")}
	_, port, _ := net.SplitHostPort(i.address)
	i.URL = "https://" + issuerHost + ":" + port
	i.Issuer = issuer.New(i.URL)
	i.Groups = map[string][]string{issuer.First: {"engineers"}, issuer.Second: {"engineers"}}
	server.Config.Handler = i
	server.StartTLS()
	t.Cleanup(server.Close)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(i.trust, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return i
}

func TestThePageSignsItsUsersIn(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	proxy, calls := forward(t, i.address, issuerHost)
	readable := maps.Clone(windFarm)
	delete(readable, "reports/broken.pdf") // the first PDF has a run compile PDFium, which may take a minute
	spec := manifest(t, pipeline(strings.Replace(volume, "- name: docs", "- name: docs\n    access: [engineers]", 1), standIns)+
		"  gateway: {auth: {oidc: {issuer: "+i.URL+", audience: api, clientID: "+issuer.Page+"}}}\n")
	p := start(t, []string{"run", "--listen", "127.0.0.1:0", "-f", spec, "--documents", directory(t, readable)},
		environment("HTTPS_PROXY="+proxy, "SSL_CERT_FILE="+i.trust))
	c := client{t: t, url: p.says(`serving on (http://[\w.:]+:\d+)`)[1]}
	c.until("/readyz", http.StatusOK)
	c.get("/v1/documents").want(t, http.StatusUnauthorized)
	i.Redirects = []string{c.url + "/"}

	b := open(t, c, chromedp.Flag("host-resolver-rules", "MAP "+issuerHost+" 127.0.0.1"), chromedp.IgnoreCertErrors)
	b.also = []string{i.URL}
	b.sees("#sign-in", "This pipeline asks who you are")
	b.accessible("before signing in")
	b.narrow(func() {})
	b.signIn(firstUser, "wrong")
	b.until("document.body.innerText.includes('wrong')")
	b.load("/#/documents") // the user gives up
	b.sees("#sign-in", "This pipeline asks who you are")
	b.signIn(firstUser, issuer.Password)
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
	b.enter(firstUser, issuer.Password)
	b.sees(".turn:first-child", "4.2 megawatts", "Sources")
	b.until("document.querySelectorAll('.turn').length === 2")
	contains(t, b.answered(), "every six months", "How often is it inspected?")

	b.askExpired("Who inspects it?")
	b.enter(secondUser, issuer.Password)
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
