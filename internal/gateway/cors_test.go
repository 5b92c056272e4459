package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/keys"
)

const (
	chatSite = "https://chat.example.com"
	evilSite = "https://evil.example"
)

// A page of a declared origin may send any request and read its reply; no other page may send one that
// has an effect, or read a reply.
func TestPagesOfDeclaredOrigins(t *testing.T) {
	for _, tc := range []struct {
		name     string
		declared []string
		keyed    bool
		origin   string
		allowed  string // is the header Access-Control-Allow-Origin
		status   int
	}{
		{"a declared page", []string{"http://localhost:3000", chatSite}, false, chatSite, chatSite, 200},
		{"a declared page with the default port", []string{chatSite + ":443"}, false, chatSite, chatSite, 200},
		{"another page", []string{chatSite}, false, evilSite, "", 403},
		{"a page whose name begins alike", []string{chatSite}, false, chatSite + ".evil.example", "", 403},
		{"a page of another scheme", []string{chatSite}, false, "http://chat.example.com", "", 403},
		{"a page without an origin", []string{chatSite}, false, "null", "", 403},
		{"a page when none is declared", nil, false, chatSite, "", 403},
		{"any page, with keys", []string{"*"}, true, evilSite, "*", 200},
		{"any page, without keys", []string{"*"}, false, evilSite, "", 403},
		{"a declared page beside any, without keys", []string{"*", chatSite}, false, chatSite, chatSite, 200},
		{"a page called *", []string{"*"}, false, "*", "", 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture()
			f.options.Config.Origins = tc.declared
			headers := []string{"Origin", tc.origin, "Sec-Fetch-Site", "cross-site", "Authorization", "Bearer k"}
			if tc.keyed {
				f.options.Keys = func() (keys.Clients, error) { return keys.Clients{"page": {Token: "k"}}, nil }
			}
			for _, body := range []string{chatBody("what?"), streamBody("what?"), "{"} {
				want := tc.status
				if body == "{" && want == 200 {
					want = 400 // errors can be read as well
				}
				got := f.call("POST", chatRoute, body, headers...)
				if got.Code != want || got.Header().Get("Access-Control-Allow-Origin") != tc.allowed {
					t.Errorf("status %d and headers %v, want %d for %q", got.Code, got.Header(), want, tc.allowed)
				}
				if exposed := got.Header().Get("Access-Control-Expose-Headers"); tc.allowed != "" &&
					(!strings.Contains(exposed, "X-Request-Id") || !strings.Contains(exposed, "Retry-After")) {
					t.Errorf("the page can read only the headers %q", exposed)
				}
				if got.Header().Get("Access-Control-Allow-Credentials") != "" {
					t.Error("the browser may send credentials of its own")
				}
				if vary := got.Header().Get("Vary"); (vary == "Origin") != (len(tc.declared) > 0 && tc.allowed != "*") {
					t.Errorf("Vary is %q", vary)
				}
			}
		})
	}
}

// The browser asks before it sends a page's request: without a key, and for any headers.
func TestPreflights(t *testing.T) {
	f := newFixture()
	f.options.Config.Origins = []string{chatSite}
	f.options.Keys = func() (keys.Clients, error) { return keys.Clients{"page": {Token: "k"}}, nil }
	ask := func(origin string) http.Header {
		got := f.call("OPTIONS", chatRoute, "", "Origin", origin, "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", "authorization,content-type,x-stainless-os", "Access-Control-Request-Private-Network", "true")
		if want := map[bool]int{true: 204, false: 405}[origin == chatSite]; got.Code != want || got.Body.Len() > 0 != (want == 405) {
			t.Errorf("%s: status %d with %q, want %d", origin, got.Code, got.Body, want)
		}
		return got.Header()
	}
	h := ask(chatSite)
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":          chatSite,
		"Access-Control-Allow-Methods":         "GET, HEAD, POST",
		"Access-Control-Allow-Headers":         "authorization,content-type,x-stainless-os",
		"Access-Control-Allow-Private-Network": "true",
		"Access-Control-Max-Age":               "600",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name := range ask(evilSite) {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("another page gets %s", name)
		}
	}
}

// Without keys, a page could reach the gateway by a name of its own that resolves to this machine; so
// that only names that were declared are admitted.
func TestDeclaredHosts(t *testing.T) {
	for host, want := range map[string]int{
		"docs.internal:8080": 200, "Docs.Internal": 200, "10.0.0.7:8080": 200, "[fd00::1]:8080": 200, "localhost:8080": 200,
		"docs.internal.evil.example": 403, "evil.example:8080": 403, "": 403,
	} {
		f := newFixture()
		f.options.LoopbackOnly, f.options.Hosts = true, []string{"docs.internal", "10.0.0.7", "fd00::1"}
		if got := f.call("POST", chatRoute, chatBody("what?"), "Host", host); got.Code != want {
			t.Errorf("%q: status %d, want %d", host, got.Code, want)
		}
	}
}
