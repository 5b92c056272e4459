package dataplane

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// What is planted: a key, and words that only a document or a question has.
const (
	plantedKey      = "nvapi-Planted0Key7731"
	plantedPassage  = "zanzibar-4417"
	plantedWord     = "quokkaphone"
	plantedQuestion = "flumigation"
)

// tattler is a model server that quotes what it was sent in every way that servers do, wherever it fails.
type tattler struct {
	next http.Handler
	// path ends the routes that fail; empty while all work.
	path     atomic.Pointer[string]
	failures atomic.Int32
}

func (s *tattler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	path := s.path.Load()
	if path == nil || *path == "" || !strings.HasSuffix(r.URL.Path, *path) || strings.Contains(string(body), model.Anchor) {
		s.next.ServeHTTP(w, r)
		return
	}
	n := int(s.failures.Add(1))
	statuses := []int{400, 401, 402, 404, 410, 413, 422} // an ingestion would wait after others
	if !strings.HasSuffix(*path, "/embeddings") {
		statuses = append(statuses, 429, 500, 503)
	}
	quotes := []string{"cannot do " + string(body), "not for " + r.Header.Get("Authorization")}
	for _, word := range []string{plantedPassage, plantedWord, plantedQuestion} {
		if strings.Contains(string(body), word) {
			quotes = append(quotes, "unknown token '"+word+"'", "no "+strings.ToUpper(word)+" here")
		}
	}
	reply := map[string]any{"message": quotes[n%len(quotes)], "code": plantedWord, "type": plantedQuestion}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(statuses[n%len(statuses)])
	json.NewEncoder(w).Encode(map[string]any{"error": reply})
}

func (s *tattler) fail(path string) { s.path.Store(&path) }

func holdsNothingPlanted(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range []string{plantedKey, plantedPassage, plantedWord, plantedQuestion} {
		if i := strings.Index(strings.ToLower(text), strings.ToLower(secret)); i >= 0 {
			t.Errorf("%s: %q is in …%s…", where, secret, text[max(0, i-300):min(len(text), i+100)])
		}
	}
}

func TestNothingThatIsEmittedHoldsAKeyAPromptOrAPassage(t *testing.T) {
	t.Parallel()
	s := &tattler{next: nimsim.New(nimsim.Options{Key: plantedKey})}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	pod := newPod(t, server.URL)
	pod.mount("nim/token", plantedKey)
	pod.gateway.FailurePolicy = config.FailurePolicy{Embedding: config.Fail, Reranking: config.Degrade, LLM: config.Fail}
	write(t, pod.documents+"/vault.md", "# Vault\n\nThe code of the vault is "+plantedPassage+", and its mascot is the "+plantedWord+".")

	s.fail("/embeddings")
	ingest := pod.startIngest().wait()
	holdsNothingPlanted(t, "the log of an ingestion that fails", ingest.stderr.String())
	left, err := os.ReadFile(pod.log)
	if err != nil || ingest.code == 0 {
		t.Fatalf("the ingestion ended with %d: %v", ingest.code, err)
	}
	holdsNothingPlanted(t, "its termination message", string(left))

	s.fail("")
	pod.startIngest().wait().ends(0)
	gateway, api, ops := pod.startGateway()
	api.until("/readyz", http.StatusOK)
	for _, path := range []string{"/embeddings", "/ranking", "/chat/completions"} {
		s.fail(path)
		for i := range 10 {
			question := fmt.Sprintf("Does the mascot of the vault, %d, like %s?", i, plantedQuestion)
			reply := api.do(http.MethodPost, "/v1/chat/completions", chat(question, i%2 == 1))
			if path == "/ranking" && reply.status == http.StatusOK { // degraded: its passages are what was asked for
				_, warnings, _ := strings.Cut(reply.body, `"warnings":`)
				warnings, _, _ = strings.Cut(warnings, "]")
				holdsNothingPlanted(t, "a warning", warnings)
			} else {
				holdsNothingPlanted(t, "an error", reply.body)
			}
		}
		holdsNothingPlanted(t, "the status", ops.get(config.OpsPath).body)
		holdsNothingPlanted(t, "the metrics", ops.get("/metrics").body)
	}
	if s.failures.Load() < 20 {
		t.Errorf("the server failed only %d times", s.failures.Load())
	}
	log := gateway.stderr.String()
	holdsNothingPlanted(t, "the gateway's log", log)
	contains(t, log, "Stage failed", "[…]") // the servers' words are there, without what they quote
}
