package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/keys"
)

// bearing sends a key with each request.
type bearing string

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// connect connects the SDK's client to the gateway.
func connect(t *testing.T, s *httptest.Server, key string) (*mcp.ClientSession, error) {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	transport := &mcp.StreamableClientTransport{
		Endpoint: s.URL + "/mcp", HTTPClient: &http.Client{Transport: bearing(key)},
	}
	session, err := client.Connect(t.Context(), transport, nil)
	if err == nil {
		t.Cleanup(func() { session.Close() })
	}
	return session, err
}

func connected(t *testing.T, f *fixture) *mcp.ClientSession {
	t.Helper()
	session, err := connect(t, f.serve(t), "any")
	if err != nil {
		t.Fatal(err)
	}
	return session
}

func callTool(t *testing.T, s *mcp.ClientSession, name string, arguments map[string]any) *mcp.CallToolResult {
	t.Helper()
	result, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func textOf(r *mcp.CallToolResult) string {
	var b strings.Builder
	for _, c := range r.Content {
		b.WriteString(c.(*mcp.TextContent).Text)
	}
	return b.String()
}

func TestAgentsSearchAndAsk(t *testing.T) {
	f := newFixture()
	s := connected(t, f)
	tools, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
		if tool.InputSchema == nil || tool.OutputSchema == nil || !tool.Annotations.ReadOnlyHint {
			t.Errorf("%s has schemas %v and %v, and is read-only: %v", tool.Name, tool.InputSchema, tool.OutputSchema,
				tool.Annotations.ReadOnlyHint)
		}
	}
	if diff := cmp.Diff([]string{"ask", "search"}, names); diff != "" {
		t.Errorf("tools (-want +got):\n%s", diff)
	}

	found := callTool(t, s, "search", map[string]any{
		"query": "revenue?", "limit": 1, "filter": map[string]any{"team": "core"},
	}).StructuredContent.(map[string]any)["passages"].([]any)[0].(map[string]any)
	if score := found["score"].(float64); score <= 0 || score > 1 {
		t.Errorf("score %v, want one above 0 and up to 1", score)
	}
	delete(found, "score")
	want := map[string]any{"number": 1., "document": "docs/report.pdf", "resource": "ragpipeline:///docs/report.pdf",
		"title": "Report", "page": 3., "text": "Revenue was 12."}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("best passage (-want +got):\n%s", diff)
	}
	if len(f.index.filters) != 1 || f.index.filters[0] == nil {
		t.Errorf("the index was searched with the filters %v, want the agent's", f.index.filters)
	}

	answer := callTool(t, s, "ask", map[string]any{"question": "revenue?"})
	content := answer.StructuredContent.(map[string]any)
	sources := content["sources"].([]any)
	if content["answer"] != "Twelve [1]." || len(sources) != 1 || sources[0].(map[string]any)["number"] != 1. {
		t.Errorf("answer %v with sources %v, want the one that it cites", content["answer"], sources)
	}
}

func TestAgentsAreToldWhatFails(t *testing.T) {
	for _, tc := range []struct {
		name      string
		arguments map[string]any
		breaks    func(f *fixture)
		want      string
	}{
		{"an empty query", map[string]any{"query": " "}, nil, "the question is empty (InvalidRequest)"},
		{"too many passages", map[string]any{"query": "x", "limit": 26}, nil, "must be 1 to 25"},
		{"an unknown operator", map[string]any{"query": "x", "filter": map[string]any{"a": map[string]any{"$near": 1}}}, nil,
			"filter.a.$near"},
		{"a filter by access", map[string]any{"query": "x", "filter": map[string]any{"access": "all"}}, nil, "reserved"},
		{"an argument of another type", map[string]any{"query": 1}, nil, "query"},
		{"an unknown argument", map[string]any{"query": "x", "llm_url": "http://x"}, nil, "llm_url"},
		{"an index that is down", map[string]any{"query": "x"}, func(f *fixture) { f.index.err = errors.New("down") },
			"try again in 5 s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture()
			if tc.breaks != nil {
				tc.breaks(f)
			}
			result := callTool(t, connected(t, f), "search", tc.arguments)
			if !result.IsError || !strings.Contains(textOf(result), tc.want) {
				t.Errorf("error: %v, %q; want %q", result.IsError, textOf(result), tc.want)
			}
		})
	}
}

func TestDocumentsAreResources(t *testing.T) {
	f := newFixture()
	for i := range 150 {
		f.index.rows = append(f.index.rows, index.Row{Document: fmt.Sprintf("docs/%03d #?.md", i), Source: "docs",
			State: index.Indexed, Chunks: 1})
	}
	f.index.rows = append(f.index.rows, index.Row{Document: "docs/failed.pdf", State: index.Failed})
	f.index.rows = append(f.index.rows, index.Row{Document: "docs/guide/install.md", State: index.Indexed})
	s := connected(t, f)
	var uris []string
	for resource, err := range s.Resources(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		uris = append(uris, resource.URI)
	}
	if len(uris) != 151 || uris[149] != "ragpipeline:///docs/149%20%23%3F.md" {
		t.Errorf("%d resources, of which number 150 is %s; want every indexed document", len(uris), uris[149])
	}
	read, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "ragpipeline:///docs/guide/install.md"})
	if err != nil || read.Contents[0].Text != "Run <make>." || read.Contents[0].MIMEType != "text/plain" ||
		read.CacheScope != "private" {
		t.Errorf("%+v, %v; want the text of the document", read, err)
	}
	for _, uri := range []string{"ragpipeline:///docs/none", "ragpipeline:///", "file:///etc/passwd",
		"ragpipeline:///docs/%zz", "ragpipeline:///../../v1/index"} {
		_, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri})
		if e, ok := errors.AsType[*jsonrpc.Error](err); !ok || e.Code != jsonrpc.CodeInvalidParams {
			t.Errorf("%s: %v, want a resource that is not found", uri, err)
		}
	}
}

func TestOfALargeReplyOnlyTheBeginningIsHeld(t *testing.T) {
	held := &heldReply{header: http.Header{}}
	piece := bytes.Repeat([]byte("x"), 1<<20)
	for range 9 {
		if n, err := held.Write(piece); n != len(piece) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	held.WriteHeader(http.StatusOK)
	if content, err := held.content(); err != nil || len(content) != maxHeld {
		t.Errorf("%d bytes, %v", len(content), err)
	}
}

func TestAgentsNeedAKey(t *testing.T) {
	f := newFixture()
	f.options.Keys = func() (keys.Clients, error) { return keys.Clients{"robot": {Token: "secret"}}, nil }
	server := f.serve(t)
	if _, err := connect(t, server, "wrong"); err == nil || !strings.Contains(err.Error(), "Unauthorized") {
		t.Errorf("a wrong key: %v, want Unauthorized", err)
	}
	s, err := connect(t, server, "secret")
	if err != nil {
		t.Fatal(err)
	}
	if found := callTool(t, s, "search", map[string]any{"query": "x"}); found.IsError {
		t.Errorf("with the key: %s", textOf(found))
	}
}

func TestMessagesOfAgentsAreBounded(t *testing.T) {
	f := newFixture()
	f.options.LoopbackOnly = true
	accepts := []string{
		"Content-Type", "application/json", "Accept", "application/json, text/event-stream", "Host", "localhost",
	}
	for _, tc := range []struct {
		name, method, body string
		headers            []string
		status             int
	}{
		{"a message", "POST", `{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}`, nil, 200},
		{"a batch", "POST", ` [{"jsonrpc": "2.0", "id": 1, "method": "ping"}]`, nil, 400},
		{"an endless stream", "GET", "", nil, 405},
		{"the end of a session", "DELETE", "", nil, 405},
		{"a body above 1 MiB", "POST", `{"x": "` + strings.Repeat("x", 1<<20) + `"}`, nil, 413},
		{"a page of another site", "POST", `{}`, []string{"Origin", "https://evil.example"}, 403},
		{"another host", "POST", `{}`, []string{"Host", "evil.example"}, 403},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply := f.call(tc.method, "/mcp", tc.body, append(accepts, tc.headers...)...)
			if reply.Code != tc.status {
				t.Errorf("status %d, want %d: %s", reply.Code, tc.status, reply.Body)
			}
		})
	}
	subscribe := `{"jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": {"uri": "ragpipeline:///a"}}`
	reply := f.call("POST", "/mcp", subscribe, accepts...)
	if !strings.Contains(reply.Body.String(), "method not found") {
		t.Errorf("a subscription: %s", reply.Body)
	}
}

func TestASubscriptionEndsAtOnce(t *testing.T) {
	f := newFixture()
	body := `{"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {
		"notifications": {"toolsListChanged": true, "resourcesListChanged": true}, "_meta": {
		"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
		"io.modelcontextprotocol/clientInfo": {"name": "x", "version": "1"}}}}`
	reply := f.call("POST", "/mcp", body, "Content-Type", "application/json",
		"Accept", "application/json, text/event-stream",
		"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen")
	if !strings.Contains(reply.Body.String(), "method not found") {
		t.Errorf("status %d: %s", reply.Code, reply.Body)
	}
}

// An agent that leaves frees its place: the gateway stops working for it.
func TestAnAgentThatLeavesCancelsItsQuestion(t *testing.T) {
	f := newFixture()
	asked, left := make(chan struct{}), make(chan error, 1)
	f.index.keyword = func(ctx context.Context, _ string) {
		close(asked)
		<-ctx.Done()
		left <- ctx.Err()
	}
	s := connected(t, f)
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-asked
		leave()
	}()
	search := &mcp.CallToolParams{Name: "search", Arguments: map[string]any{"query": "x"}}
	if _, err := s.CallTool(ctx, search); err == nil {
		t.Error("a call that was cancelled has a result")
	}
	<-left
}
