package nimsim

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/golden"
)

// TestShapes holds the bytes of every fault's reply against a golden file for each role.
func TestShapes(t *testing.T) {
	for role, change := range map[config.Stage]func(string) string{
		config.StageEmbedding: func(body string) string { return body }, config.StageReranking: func(body string) string { return body }, config.StageLLM: streamed,
	} {
		var got strings.Builder
		for _, fault := range For(role) {
			if slices.Contains(unending, fault.Name) {
				continue
			}
			sim := New(Options{Elsewhere: "http://elsewhere.test"})
			sim.Fault(role, fault)
			r := serve(t, sim, requests[role].path, change(requests[role].body))
			body := strings.ToValidUTF8(created.ReplaceAllString(r.body.String(), `"created":0`), "\uFFFD")
			fmt.Fprintf(&got, "== %s: %s\n%d %s\n%s\n", fault.Name, fault.Does, r.status, r.header, body)
		}
		golden.Check(t, "testdata/"+string(role)+".golden", got.String())
	}
}

var created = regexp.MustCompile(`"created":\d+`)

// serve answers in this goroutine; a reply that the handler aborts ends where it is.
func serve(t *testing.T, sim *Sim, path, body string) (w *reply) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	w = &reply{header: http.Header{}, status: http.StatusOK}
	defer func() {
		if r := recover(); r != nil && r != http.ErrAbortHandler {
			panic(r)
		}
	}()
	sim.ServeHTTP(w, request)
	return w
}

func TestCatalogue(t *testing.T) {
	names := map[string]bool{}
	for _, f := range Faults {
		if names[f.Name] || f.Name == "" || f.Does == "" || len(f.Roles) == 0 || f.serve == nil {
			t.Errorf("fault %+v is incomplete, or there twice", f)
		}
		if f.Streamed && !slices.Equal(f.Roles, llm) {
			t.Errorf("fault %q concerns streams of %v", f.Name, f.Roles)
		}
		names[f.Name] = true
	}
	for _, role := range anyRole {
		if len(For(role)) < 30 {
			t.Errorf("only %d faults for %s", len(For(role)), role)
		}
	}
}
