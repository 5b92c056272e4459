package dataplane

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// pausing is an LLM that streams "Hello", then waits until it may go on with " world" or its caller has gone.
type pausing struct {
	URL   string
	goOn  chan struct{} // a value for each answer that may go on
	ended chan error    // of each answer: nil, or why its caller has gone
}

func newPausing(t *testing.T) *pausing {
	p := &pausing{goOn: make(chan struct{}, 10), ended: make(chan error, 10)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		var request struct{ Stream bool }
		if json.NewDecoder(r.Body).Decode(&request); !request.Stream { // a probe, or introduce
			fmt.Fprint(w, `{"choices":[{"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}]}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		send := func(data string) {
			fmt.Fprintf(w, "data: %s\n\n", data)
			http.NewResponseController(w).Flush()
		}
		send(`{"choices":[{"delta":{"content":"Hello"}}]}`)
		select {
		case <-p.goOn:
			send(`{"choices":[{"delta":{"content":" world"},"finish_reason":"stop"}]}`)
			send("[DONE]")
			p.ended <- nil
		case <-r.Context().Done():
			p.ended <- r.Context().Err()
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	p.URL = server.URL
	return p
}

// introduce has a whole answer given before any is streamed: until the gateway has seen where the model's answers begin
// it passes none on piece by piece.
func (p *pausing) introduce(t *testing.T, c client) {
	t.Helper()
	c.ask("What is wind measured in?").want(t, http.StatusOK, "Hello")
}

// spec is a pipeline's models: stand-ins, and p as the LLM.
func (p *pausing) spec() string {
	return `
  models:
    embedding: {standIn: {}}
    reranking: {standIn: {}}
    llm:
      endpoint: {url: "` + p.URL + `/v1", model: ` + config.StandInLLM + `}`
}
