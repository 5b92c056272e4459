package command

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// fakePipeline is a gateway with one document, for the key secret.
func fakePipeline(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, body := range map[string]string{
		"GET /v1/index":                       `{"pipeline": "default/quickstart"}`,
		"POST /v1/search":                     `{"results": [{"document_id": "docs/a.md", "content": "Found \u001b[1m.", "score": 1}]}`,
		"GET /v1/documents/docs/a.md/content": "The whole text.",
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer secret" {
				w.WriteHeader(http.StatusUnauthorized)
				body := `{"error": {"code": "Unauthenticated", "message": "authentication required"}}`
				_, _ = io.WriteString(w, body)
				return
			}
			_, _ = io.WriteString(w, body)
		})
	}
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestAnAgentIsServedOverStandardInputAndOutput(t *testing.T) {
	t.Setenv(keyVariable, "secret")
	in, toServer := io.Pipe()
	fromServer, out := io.Pipe()
	root := New()
	root.SetArgs([]string{"mcp", "--url", fakePipeline(t).URL})
	root.SetIn(in)
	root.SetOut(out)
	ended := make(chan error, 1)
	go func() { ended <- root.ExecuteContext(t.Context()) }()

	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.IOTransport{Reader: fromServer, Writer: toServer}, nil)
	if err != nil {
		t.Fatal(err)
	}
	search := &mcp.CallToolParams{Name: "search", Arguments: map[string]any{"query": "x"}}
	found, err := session.CallTool(t.Context(), search)
	if err != nil || found.IsError || !strings.Contains(found.Content[0].(*mcp.TextContent).Text, `Found \u001b[1m.`) {
		t.Errorf("search: %+v, %v", found, err)
	}
	read, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "ragpipeline:///docs/a.md"})
	if err != nil || read.Contents[0].Text != "The whole text." {
		t.Errorf("read: %+v, %v", read, err)
	}
	_, err = session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "ragpipeline:///docs/none"})
	if err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("an unknown document: %v", err)
	}
	if err := session.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the command ends with %v when the agent does, want no error", err)
	}
}

func TestAnAgentIsNotServedWithoutAGateway(t *testing.T) {
	t.Setenv(keyVariable, "wrong")
	for _, tc := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"a wrong key", []string{"mcp", "--url", fakePipeline(t).URL}, exitUnreadable, "give a valid key"},
		{"a key from the agent's input", []string{"mcp", "--url", "http://127.0.0.1:1", "--key-file", "-"}, exitUnusable,
			"standard input is the agent's"},
		{"no pipeline", []string{"mcp"}, exitUnusable, "NAME"},
	} {
		root := New()
		root.SetArgs(tc.args)
		root.SetIn(strings.NewReader(""))
		root.SetOut(io.Discard)
		err := root.ExecuteContext(t.Context())
		if err == nil || ExitCode(err) != tc.code || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: code %d, %v; want %d and %q", tc.name, ExitCode(err), err, tc.code, tc.want)
		}
	}
}
