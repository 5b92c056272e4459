package source

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// site is a server of pages, which remembers what it was asked for, and with which credentials.
type site struct {
	*httptest.Server
	pages map[string]func(http.ResponseWriter, *http.Request)

	mu    sync.Mutex
	asked []string
}

func newSite(t *testing.T) *site {
	s := &site{pages: map[string]func(http.ResponseWriter, *http.Request){}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, strings.TrimSpace(r.URL.RequestURI()+" "+r.Header.Get("Authorization")+r.Header.Get("Referer")))
		s.mu.Unlock()
		if page, ok := s.pages[r.URL.RequestURI()]; ok {
			page(w, r)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func text(contentType, content string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		fmt.Fprint(w, content)
	}
}

func redirect(to string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// newWeb opens pages on loopback, which the manifest allows.
func newWeb(t *testing.T, c config.HTTP, r Resolvers) *web {
	t.Helper()
	c.AllowHosts = append(c.AllowHosts, "127.0.0.1")
	return refusing(t, c, r)
}

func refusing(t *testing.T, c config.HTTP, r Resolvers) *web {
	t.Helper()
	s, err := New(config.Source{Name: "site", HTTP: &c}, r)
	if err != nil {
		t.Fatal(err)
	}
	w := s.(*paired).Source.(*web)
	w.pause = time.Millisecond
	return w
}

// own is the path of the site's page in the source.
func (s *site) own(page string) string { return "http:" + strings.TrimPrefix(s.URL, "http://") + page }

func readPage(t *testing.T, w *web, e Entry) (Content, error) {
	t.Helper()
	return Read(t.Context(), w, e, 1<<20)
}

func TestPathsOfPagesAreStableAndDistinct(t *testing.T) {
	for named, want := range map[string]string{
		"https://example.com":                       "example.com/",
		"https://EXAMPLE.com:443/a/../b/./c.html#x": "example.com/b/c.html",
		"https://example.com/a//b/":                 "example.com/a//b/",
		"https://example.com:80/a":                  "example.com:80/a",
		"http://example.com/a":                      "http:example.com/a",
		"http://example.com:80/a":                   "http:example.com/a",
		"https://example.com/%ed%95%9c%ea%b8%80":    "example.com/한글",
		"https://example.com/한글":                    "example.com/한글",
		"https://example.com/a%2fb%25?q=%c3%a9&x=/": "example.com/a%2Fb%25?q=é&x=/",
		"https://example.com/%2e%2e/%2E%2E/etc":     "example.com/%2E%2E/%2E%2E/etc",
		"https://example.com/../../etc/passwd":      "example.com/etc/passwd",
		"https://example.com/%ff%0a%E2%80%AE":       "example.com/%FF%0A%E2%80%AE",
		"https://example.com/a?b":                   "example.com/a?b",
		"https://example.com/a%3Fb":                 "example.com/a%3Fb",
		"https://[2606:2800::1]:8443/x":             "[2606:2800::1]:8443/x",
	} {
		u, err := parseAddress(named)
		if err != nil {
			t.Errorf("%s: %v", named, err)
			continue
		}
		got := address(u)
		if got != want {
			t.Errorf("%s is %s, want %s", named, got, want)
		}
		if strings.Contains("/"+got+"/", "/../") || path.Clean("/"+got) == "/" {
			t.Errorf("%s leads out of the source", got)
		}
	}
	for _, named := range []string{"", "example.com", "ftp://example.com/a", "https://", "https://user:secret@example.com/",
		"https://example.com/%zz", "https://example.com/" + strings.Repeat("a", maxAddress)} {
		if _, err := parseAddress(named); err == nil || strings.Contains(err.Error(), "secret@example") && len(named) > 300 {
			t.Errorf("%q gave %v", named, err)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"https://example.com/a%2Fb?c=%ED%95%9C", "http://a/../%2e%2e/", "https://a/%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, named string) {
		u, err := parseAddress(named)
		if err != nil {
			return
		}
		a := address(u)
		again, err := parseAddress(strings.Replace("https://"+a, "https://http:", "http://", 1))
		if err != nil || address(again) != a {
			t.Errorf("%q is %q, and that is %v, %v", named, a, again, err)
		}
	})
}

func TestPagesAreReadByTheirTypes(t *testing.T) {
	s := newSite(t)
	s.pages["/"] = text("text/html; charset=utf-8", "<html><p>home</p></html>")
	s.pages["/guide.md"] = text("text/plain", "# Guide")
	s.pages["/export?format=csv"] = text("text/csv", "a,b\n1,2\n")
	s.pages["/notes.md?raw=1"] = text("text/plain", "# Notes")
	s.pages["/api"] = text("application/json", "{}")
	w := newWeb(t, config.HTTP{URLs: []string{s.URL, s.URL + "/guide.md", s.URL + "/export?format=csv",
		s.URL + "/notes.md?raw=1", s.URL + "/api", s.URL + "/api#again"}}, Resolvers{})
	got := map[string]string{}
	for _, e := range list(t, w) {
		c, err := readPage(t, w, e)
		if err != nil {
			t.Fatal(err)
		}
		got[e.Path] = c.Extension
	}
	want := map[string]string{
		s.own("/"): ".html", s.own("/guide.md"): "", s.own("/export?format=csv"): ".csv",
		s.own("/notes.md?raw=1"): ".md", s.own("/api"): ".json",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("extensions (-want +got):\n%s", diff)
	}
}

func TestPagesAreAskedForOnlyIfTheyChanged(t *testing.T) {
	s := newSite(t)
	changed := time.Date(2022, 1, 2, 3, 4, 5, 0, time.UTC)
	serve := func(etag string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			if etag != "" {
				w.Header().Set("ETag", etag)
			}
			http.ServeContent(w, r, "x.txt", changed, strings.NewReader("text"))
		}
	}
	s.pages["/etag"], s.pages["/weak"], s.pages["/time"] = serve(`"1"`), serve(`W/"2"`), serve("")
	s.pages["/none"] = text("text/plain", "text")
	s.pages["/now"] = func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "x.txt", time.Now(), strings.NewReader("text"))
	}
	w := newWeb(t, config.HTTP{URLs: []string{s.URL + "/etag", s.URL + "/weak", s.URL + "/time", s.URL + "/none", s.URL + "/now"}}, Resolvers{})
	versions := map[string]string{}
	for _, e := range list(t, w) {
		c, err := readPage(t, w, e)
		if err != nil {
			t.Fatal(err)
		}
		versions[strings.TrimPrefix(e.Path, s.own(""))] = c.Version
		e.Known = c.Version
		_, err = readPage(t, w, e)
		if unchanged := c.Version != ""; errors.Is(err, ErrUnchanged) != unchanged {
			t.Errorf("%s of version %q: %v", e.Path, c.Version, err)
		}
	}
	want := map[string]string{"/etag": `"1"`, "/weak": `W/"2"`, "/time": "Sun, 02 Jan 2022 03:04:05 GMT", "/none": "", "/now": ""}
	if diff := cmp.Diff(want, versions); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	if _, err := readPage(t, w, Entry{Path: s.own("/etag"), Known: joinVersions(`"1"`, `"9"`)}); err != nil {
		t.Errorf("a page that has lost its sidecar: %v", err)
	}
	s.pages["/etag"] = serve(`"2"`)
	if c, err := readPage(t, w, Entry{Path: s.own("/etag"), Known: `"1"`}); err != nil || c.Version != `"2"` {
		t.Errorf("a changed page: %+v, %v", c, err)
	}
}

func TestPagesThatFail(t *testing.T) {
	s := newSite(t)
	busy := 0
	s.pages["/busy"] = func(w http.ResponseWriter, _ *http.Request) {
		if busy++; busy < 3 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		fmt.Fprint(w, "text")
	}
	status := func(code int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	s.pages["/gone"], s.pages["/down"], s.pages["/login"] = status(http.StatusGone), status(http.StatusServiceUnavailable), status(http.StatusUnauthorized)
	s.pages["/loop"] = redirect("/loop")
	s.pages["/moved"] = redirect("/busy")
	s.pages["/file"] = redirect("file:///etc/passwd")
	s.pages["/endless"] = func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 64<<10)); err != nil {
				return
			}
		}
	}
	s.pages["/short"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, "half")
	}
	dead := httptest.NewServer(http.NotFoundHandler())
	dead.Close()
	for page, want := range map[string]struct {
		is     error
		reason config.Reason
		text   string
	}{
		s.URL + "/busy":    {},
		s.URL + "/moved":   {},
		s.URL + "/missing": {is: ErrGone, reason: config.Unreadable, text: "404"},
		s.URL + "/gone":    {is: ErrGone, reason: config.Unreadable, text: "410"},
		s.URL + "/down":    {is: ErrUnavailable, reason: config.Unreadable, text: "503"},
		s.URL + "/login":   {is: ErrUnavailable, reason: config.Unreadable, text: "check the Secret of http.secretRef"},
		s.URL + "/loop":    {reason: config.Unreadable, text: "it redirects more than 5 times"},
		s.URL + "/file":    {reason: config.Unreadable, text: "not an http or https URL"},
		s.URL + "/endless": {reason: config.TooLarge},
		s.URL + "/short":   {reason: config.Unreadable},
		dead.URL + "/":     {is: ErrUnavailable, reason: config.Unreadable, text: "check that it runs"},
	} {
		w := newWeb(t, config.HTTP{URLs: []string{page}}, Resolvers{})
		_, err := readPage(t, w, list(t, w)[0])
		if want.reason == "" {
			if err != nil {
				t.Errorf("%s: %v", page, err)
			}
			continue
		}
		wantReason(t, err, want.reason)
		if want.is != nil && !errors.Is(err, want.is) || !strings.Contains(err.Error(), want.text) {
			t.Errorf("%s: %v", page, err)
		}
	}
}

func TestAddressesThatAreNotPublicAreRefused(t *testing.T) {
	inside := newSite(t)
	inside.pages["/"] = text("text/plain", "secret of the inside")
	outside := newSite(t)
	outside.pages["/to-loopback"] = redirect(strings.Replace(inside.URL, "127.0.0.1", "localhost", 1))
	outside.pages["/to-metadata"] = redirect("http://169.254.169.254/latest/meta-data/")
	outside.pages["/to-ipv6"] = redirect("http://[::ffff:169.254.169.254]/")
	outside.pages["/to-a-number"] = redirect(strings.Replace(inside.URL, "127.0.0.1", "2130706433", 1))

	for _, page := range []string{inside.URL, strings.Replace(inside.URL, "127.0.0.1", "localhost", 1), "http://169.254.169.254/",
		"http://[fd00:ec2::254]/", "http://0.0.0.0:1/"} {
		w := refusing(t, config.HTTP{URLs: []string{page}}, Resolvers{})
		if _, err := readPage(t, w, list(t, w)[0]); err == nil || !strings.Contains(err.Error(), "allow the host") {
			t.Errorf("%s gave %v", page, err)
		}
	}
	for page := range outside.pages {
		w := newWeb(t, config.HTTP{URLs: []string{outside.URL + page}}, Resolvers{})
		c, err := readPage(t, w, list(t, w)[0])
		if err == nil {
			t.Errorf("%s gave %q", page, c.Data)
		}
	}
	if asked := inside.requests(); len(asked) > 0 {
		t.Errorf("the inside was asked for %v", asked)
	}
}

func TestSecretsReachOnlyTheHostsThatTheSourceNames(t *testing.T) {
	s, other := newSite(t), newSite(t)
	other.pages["/"] = text("text/plain", "other")
	s.pages["/private"] = text("text/plain", "own")
	s.pages["/away?key=of-the-url"] = redirect(other.URL)
	token := secrets(map[string]string{"site/token": "token-of-the-site"})
	basic := secrets(map[string]string{"site/username": "u", "site/password": "p"})
	for name, c := range map[string]struct {
		secrets Resolvers
		want    string
	}{
		"a token":                 {token, "Bearer token-of-the-site"},
		"a user and her password": {basic, "Basic dTpw"},
	} {
		w := newWeb(t, config.HTTP{URLs: []string{s.URL + "/private", s.URL + "/away?key=of-the-url"}, Secret: "site"}, c.secrets)
		for _, e := range list(t, w) {
			if _, err := readPage(t, w, e); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"/away?key=of-the-url " + c.want, "/private " + c.want}
		if diff := cmp.Diff(want, s.requests()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff([]string{"/"}, other.requests()); diff != "" {
			t.Errorf("%s: the other host got (-want +got):\n%s", name, diff)
		}
	}
	w := newWeb(t, config.HTTP{URLs: []string{s.URL + "/private"}, Secret: "empty"}, token)
	_, err := readPage(t, w, list(t, w)[0])
	if err == nil || !strings.Contains(err.Error(), `Secret "empty" has no key "username"`) || strings.Contains(err.Error(), "token-of") {
		t.Errorf("a Secret without entries gave %v", err)
	}
}

func TestCertificatesOfASite(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(text("text/plain", "text")))
	defer server.Close()
	c := config.HTTP{URLs: []string{server.URL}}
	w := newWeb(t, c, Resolvers{})
	if _, err := readPage(t, w, list(t, w)[0]); err == nil || !strings.Contains(err.Error(), "name the authority's in caBundle") {
		t.Errorf("an untrusted certificate gave %v", err)
	}
	c.CABundle = &config.ConfigMapKey{Name: "ca", Key: "ca.crt"}
	w = newWeb(t, c, Resolvers{CABundle: func(config.ConfigMapKey) ([]byte, error) {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), nil
	}})
	if _, err := readPage(t, w, list(t, w)[0]); err != nil {
		t.Errorf("a trusted one gave %v", err)
	}
}

// A site that is down costs a run its repetitions a few times, not for each page.
func TestASiteThatIsDownIsAskedOnceForEachPage(t *testing.T) {
	s := newSite(t)
	asked, down := 0, true
	pages := []string{}
	for i := range 3 * maxInVain {
		path := fmt.Sprintf("/p%02d", i)
		pages = append(pages, s.URL+path)
		s.pages[path] = func(w http.ResponseWriter, _ *http.Request) {
			if asked++; down {
				w.WriteHeader(http.StatusBadGateway)
			}
		}
	}
	w := newWeb(t, config.HTTP{URLs: pages}, Resolvers{})
	entries := list(t, w)
	for _, e := range entries {
		_, err := readPage(t, w, e)
		wantReason(t, err, config.Unreadable)
	}
	if want := maxInVain*webAttempts + 2*maxInVain; asked != want {
		t.Errorf("it was asked %d times, want %d", asked, want)
	}
	down = false
	if _, err := readPage(t, w, entries[0]); err != nil {
		t.Error(err)
	}
	asked, down = 0, true
	if _, err := readPage(t, w, entries[0]); err == nil || asked != webAttempts {
		t.Errorf("once it was up again, it was asked %d times: %v", asked, err)
	}
}
