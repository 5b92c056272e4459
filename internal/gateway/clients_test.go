package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/access"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/oidc"
)

func TestAClientWhoseEntryIsNotValidIsRefusedAndNamed(t *testing.T) {
	f := newFixture()
	f.options.Keys = func() (keys.Clients, error) {
		return keys.Clients{"good": {Token: "one"}, "bad": {Token: "two", Err: errors.New("its token must be one word")}}, nil
	}
	f.options.Log = textLog(&f.log)
	g := f.gateway()
	for token, status := range map[string]int{"one": 200, "two": 401} {
		if got := call(g, "GET", "/v1/models", "", "Authorization", "Bearer "+token); got.Code != status {
			t.Errorf("%s: status %d, want %d", token, got.Code, status)
		}
	}
	if log := f.log.String(); strings.Count(log, "Client is refused") != 1 || !strings.Contains(log, "client=bad") {
		t.Errorf("log:\n%s", log)
	}
}

func TestAClientMayUseUpItsMinuteAndNoMore(t *testing.T) {
	f := newFixture()
	f.options.Keys = func() (keys.Clients, error) {
		return keys.Clients{"few": {Token: "few", RequestsPerMinute: 2}, "any": {Token: "any"},
			"words": {Token: "words", TokensPerMinute: 10}}, nil
	}
	g := f.gateway()
	now := time.Now()
	g.rates.now = func() time.Time { return now }
	ask := func(token string, status int, wait string) {
		t.Helper()
		got := call(g, "POST", chatRoute, chatBody("What was the revenue?"), "Authorization", "Bearer "+token)
		if got.Code != status || got.Header().Get("Retry-After") != wait {
			t.Errorf("%s: status %d and Retry-After %q, want %d and %q: %s", token, got.Code, got.Header().Get("Retry-After"),
				status, wait, got.Body)
		}
	}
	ask("few", 200, "")
	ask("few", 200, "")
	ask("few", 429, "30")
	for range 5 {
		ask("any", 200, "")
	}
	if got := call(g, "GET", "/v1/documents", "", "Authorization", "Bearer few"); got.Code != 200 {
		t.Errorf("a request without models is refused: %d", got.Code)
	}
	ask("words", 200, "") // takes more tokens than it may, which is known at its end
	refused := call(g, "POST", searchRoute, `{"query": "x"}`, "Authorization", "Bearer words")
	if refused.Code != 429 || failureIn(t, refused.Body).Code != "RateLimited" {
		t.Errorf("status %d: %s", refused.Code, refused.Body)
	}
	now = now.Add(30 * time.Second)
	ask("few", 200, "")
	ask("few", 429, "30")
	now = now.Add(time.Hour)
	ask("words", 200, "")
}

func TestTheAuditNamesTheDocumentsThatWereShown(t *testing.T) {
	f := newFixture()
	f.index.chunks = []index.Chunk{passages[0], passages[1], {ID: "c3", Document: "docs/a.md", Source: "docs", Text: "Unlike any."}}
	f.index.rows = append(slices.Clone(threeRows),
		index.Row{Document: "docs/d.pdf", Source: "docs", State: index.Indexed, Hash: "d"})
	f.options.Originals = func(context.Context, *index.Row, int64) ([]byte, error) { return []byte("%PDF"), nil }
	f.options.Draw = func(context.Context, []byte, int) (*PagePicture, error) { return &PagePicture{PNG: []byte("PNG")}, nil }
	f.index.chunks[1].Metadata = config.Metadata{}.WithAccess(config.Access{"board"})
	f.options.Keys = func() (keys.Clients, error) {
		return keys.Clients{"alice": {Token: "a", Groups: []string{"board"}}, "bob": {Token: "b"}}, nil
	}
	f.options.Log = textLog(&f.log)
	g := f.gateway()
	for _, tc := range []struct{ name, method, path, body, token, want string }{
		{"an answer", "POST", chatRoute, chatBody("What was the revenue?"), "a", "client=alice route=/v1/chat/completions documents=\"[docs/guide/install.md docs/report.pdf]\""},
		{"a stream", "POST", chatRoute, streamBody("What was the revenue?"), "a", "documents=\"[docs/guide/install.md docs/report.pdf]\""},
		{"a search", "POST", searchRoute, `{"query": "revenue"}`, "b", "client=bob route=/v1/search documents=[docs/guide/install.md]"},
		{"why a document is not found", "POST", searchRoute, `{"query": "revenue", "explain": true, "document": "docs/a.md"}`, "b",
			"documents=\"[docs/a.md docs/guide/install.md]\""},
		{"a document's text", "GET", "/v1/documents/docs/a.md/content", "", "b", "documents=[docs/a.md]"},
		{"a page's picture", "GET", "/v1/documents/docs/d.pdf/pages/1", "", "b", "documents=[docs/d.pdf]"},
	} {
		f.log.Reset()
		if got := call(g, tc.method, tc.path, tc.body, "Authorization", "Bearer "+tc.token); got.Code != 200 {
			t.Fatalf("%s: status %d: %s", tc.name, got.Code, got.Body)
		}
		log := f.log.String()
		if !strings.Contains(log, "Documents shown") || !strings.Contains(log, tc.want) {
			t.Errorf("%s: the log lacks %s:\n%s", tc.name, tc.want, log)
		}
		if strings.Contains(log, "revenue") || strings.Contains(log, "Revenue") {
			t.Errorf("%s: the log has the question or a passage:\n%s", tc.name, log)
		}
	}
	f.log.Reset()
	call(g, "GET", "/v1/models", "", "Authorization", "Bearer a")
	if strings.Contains(f.log.String(), "Documents shown") {
		t.Errorf("a request that shows no document is in the audit:\n%s", f.log.String())
	}
}

func TestCallersByTheTokensOfAnIssuer(t *testing.T) {
	f := newFixture()
	f.options.Tokens = func(_ context.Context, _, token string) (*access.Caller, error) {
		switch token {
		case "alice":
			return &access.Caller{Name: "alice", Groups: []string{"board"}}, nil
		case "early":
			return nil, errors.New("the issuer is down")
		}
		return nil, fmt.Errorf("%w: expired", oidc.ErrRefused)
	}
	f.index.chunks = []index.Chunk{passages[0], passages[1]}
	f.index.chunks[1].Metadata = config.Metadata{}.WithAccess(config.Access{"board"})
	f.options.Log = textLog(&f.log)
	g := f.gateway()
	for token, status := range map[string]int{"alice": 200, "early": 503, "old": 401, "": 401} {
		got := call(g, "POST", searchRoute, `{"query": "revenue"}`, "Authorization", "Bearer "+token)
		if got.Code != status || strings.Contains(got.Body.String(), "expired") {
			t.Errorf("%q: status %d, want %d: %s", token, got.Code, status, got.Body)
		}
		if status == 200 && !strings.Contains(got.Body.String(), "report.pdf") {
			t.Errorf("the groups of the token are not those of the caller: %s", got.Body)
		}
	}
	log := f.log.String()
	if !strings.Contains(log, "client=alice") || !strings.Contains(log, "expired") ||
		!strings.Contains(log, "the issuer is down") {
		t.Errorf("log:\n%s", log)
	}
}

func TestCallersWhoseTokensAloneAreBoundedAreForgottenToo(t *testing.T) {
	now := time.Now()
	r := newRates()
	r.now = func() time.Time { return now }
	for i := range maxRated + 1 {
		if err := r.take(fmt.Sprint("caller ", i), &keys.Client{TokensPerMinute: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.clients); n > 1 {
		t.Errorf("%d callers are remembered who have all of their minute left", n-1)
	}
}

func TestACallerWithATokenMayUseUpItsMinuteAndNoMore(t *testing.T) {
	f := newFixture()
	f.options.Config.OIDC = &config.OIDC{RequestsPerMinute: 1}
	f.options.Tokens = func(_ context.Context, _, token string) (*access.Caller, error) {
		return &access.Caller{Name: token}, nil
	}
	g := f.gateway()
	now := time.Now()
	g.rates.now = func() time.Time { return now }
	ask := func(token string, want int) {
		t.Helper()
		if got := call(g, "POST", searchRoute, `{"query": "revenue"}`, "Authorization", "Bearer "+token); got.Code != want {
			t.Errorf("%s: status %d, want %d: %s", token, got.Code, want, got.Body)
		}
	}
	ask("alice", 200)
	ask("alice", 429)
	ask("bob", 200)
	now = now.Add(time.Minute)
	for i := range maxRated {
		if err := g.rates.take(fmt.Sprint("caller ", i), g.tokenLimits); err != nil {
			t.Fatal(err)
		}
	}
	ask("caller 0", 429)
	if n := len(g.rates.clients); n > maxRated {
		t.Errorf("%d callers are remembered, of which some have all of their minute left", n)
	}
}
