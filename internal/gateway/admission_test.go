package gateway

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/keys"
)

func TestClientsAreLetInByTheirKeys(t *testing.T) {
	clients := keys.Clients{"alice": {Token: "token-a"}, "bob": {Token: "token-b"}, "nobody": {Token: ""}}
	f := newFixture()
	f.options.Keys = func() (keys.Clients, error) { return clients, nil }
	f.options.Log = slog.New(slog.NewTextHandler(&f.log, nil))
	g := f.gateway()
	for _, tc := range []struct {
		name, path, header string
		status             int
	}{
		{"no key", "/v1/models", "", 401},
		{"a wrong key", "/v1/models", "Bearer token-x", 401},
		{"an empty key matches no empty entry", "/v1/models", "Bearer ", 401},
		{"another scheme", "/v1/models", "Basic token-a", 401},
		{"a key with more behind it", "/v1/models", "Bearer token-a,token-b", 401},
		{"the first client", "/v1/models", "Bearer token-a", 200},
		{"the second client, with a small letter", "/v1/models", "bearer token-b", 200},
		{"the page asks for none", "/", "", 200},
		{"the description asks for none", "/openapi.json", "", 200},
		{"health asks for none", "/healthz", "", 200},
		{"readiness asks for none", "/readyz", "", 503},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := call(g, "GET", tc.path, "", "Authorization", tc.header)
			if got.Code != tc.status {
				t.Fatalf("status %d, want %d", got.Code, tc.status)
			}
			if got.Code != 401 {
				return
			}
			const same = "authentication required: send an Authorization header of the Bearer scheme"
			if told := failureIn(t, got.Body); told.Message != same {
				t.Errorf("%q reveals something about the keys", told.Message)
			}
			if got.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Error("no WWW-Authenticate")
			}
		})
	}
	if !strings.Contains(f.log.String(), "client=alice") || strings.Contains(f.log.String(), "token-") {
		t.Errorf("the log names no client, or a key:\n%s", f.log.String())
	}
}

func TestEveryRouteOfTheAPIAsksForAKey(t *testing.T) {
	f := newFixture()
	f.options.Keys = func() (keys.Clients, error) { return keys.Clients{"a": {Token: "b"}}, nil }
	g := f.gateway()
	for _, to := range g.routes() {
		method, path, _ := strings.Cut(to.pattern, " ")
		path = strings.TrimSuffix(path, "{$}")
		ofAPI := strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/v2/") || path == "/mcp"
		if got := call(g, method, path, "{}").Code; ofAPI && got != 401 {
			t.Errorf("%s: status %d without a key", to.pattern, got)
		}
		if to.open == ofAPI {
			t.Errorf("%s: open is %v", to.pattern, to.open)
		}
	}
}

func TestChangedKeysAreTakenUp(t *testing.T) {
	clients, reads := keys.Clients{"a": {Token: "old"}}, 0
	f := newFixture()
	f.options.Keys = func() (keys.Clients, error) { reads++; return clients, nil }
	g := f.gateway()
	ask := func(token string) int { return call(g, "GET", "/v1/models", "", "Authorization", "Bearer "+token).Code }
	if ask("old") != 200 || ask("new") != 401 || reads != 1 {
		t.Fatalf("the old key is not the one, or was read %d times", reads)
	}
	clients = keys.Clients{"a": {Token: "new"}}
	g.auth.readAt = g.auth.readAt.Add(-keysAge)
	if ask("new") != 200 || ask("old") != 401 {
		t.Error("the new key was not taken up")
	}
}

func TestKeysThatCannotBeReadLetNobodyIn(t *testing.T) {
	f := newFixture()
	f.options.Keys = func() (keys.Clients, error) { return nil, errors.New("open /keys: permission denied") }
	got := f.call("GET", "/v1/models", "", "Authorization", "Bearer x")
	if told := failureIn(t, got.Body); got.Code != 503 || strings.Contains(told.Message, "permission") {
		t.Errorf("status %d, %+v", got.Code, told)
	}
}

func TestWithoutKeysAnyBearerIsIgnored(t *testing.T) {
	f := newFixture()
	f.options.Log = slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if got := f.call("POST", chatRoute, chatBody("what?"), "Authorization", "Bearer nvapi-secret"); got.Code != 200 {
		t.Errorf("status %d", got.Code)
	}
	if strings.Contains(f.log.String(), "nvapi") {
		t.Errorf("the log holds the caller's key:\n%s", f.log.String())
	}
}

func TestWhatBrowsersMayDo(t *testing.T) {
	for _, tc := range []struct {
		name     string
		loopback bool
		headers  []string
		status   int
	}{
		{"localhost", true, []string{"Host", "localhost:8080"}, 200},
		{"127.0.0.1", true, []string{"Host", "127.0.0.1:8080"}, 200},
		{"another loopback address", true, []string{"Host", "127.8.0.1"}, 200},
		{"IPv6 loopback", true, []string{"Host", "[::1]:8080"}, 200},
		{"IPv6 loopback without a port", true, []string{"Host", "[::1]"}, 200},
		{"a name pointed at this machine", true, []string{"Host", "evil.example:8080"}, 403},
		{"a name that begins well", true, []string{"Host", "localhost.evil.example"}, 403},
		{"another address", true, []string{"Host", "10.0.0.1:8080"}, 403},
		{"no host", true, []string{"Host", ""}, 403},
		{"any name when it does not serve loopback only", false, []string{"Host", "rag.default.svc"}, 200},
		{"the gateway's own page", true,
			[]string{"Host", "localhost:8080", "Sec-Fetch-Site", "same-origin", "Origin", "http://localhost:8080"}, 200},
		{"a page of another site", true,
			[]string{"Host", "localhost:8080", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		{"a page of another site in an older browser", false,
			[]string{"Host", "rag.default.svc", "Origin", "https://evil.example"}, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture()
			f.options.LoopbackOnly = tc.loopback
			got := f.call("POST", chatRoute, chatBody("what?"), tc.headers...)
			if got.Code != tc.status {
				t.Errorf("status %d, want %d: %s", got.Code, tc.status, got.Body)
			}
			if got.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Error("another origin is allowed")
			}
		})
	}
}
