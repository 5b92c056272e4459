package starter

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/manifest"
)

// serving is a server that lists its models by this reply.
func serving(t *testing.T, name, owner, reply string) Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/models" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s %v", r.URL, r.Header)
		}
		io.WriteString(w, reply)
	}))
	t.Cleanup(server.Close)
	return Server{Name: name, URL: server.URL + "/v1", owner: owner}
}

func list(owner string, ids ...string) string {
	return `{"data":[{"id":"` + strings.Join(ids, `","owned_by":"`+owner+`"},{"id":"`) + `","owned_by":"` + owner + `"}]}`
}

// loaded is the manifest as an API server would store it.
func loaded(t *testing.T, m Manifest) *v1alpha1.RAGPipeline {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pipeline.yaml")
	if err := os.WriteFile(file, []byte(m.Text), 0o600); err != nil {
		t.Fatal(err)
	}
	bundle, err := manifest.Load([]string{file})
	if err != nil {
		t.Fatalf("%v\n%s", err, m.Text)
	}
	return bundle.Pipeline
}

func model(m *v1alpha1.Model) string {
	switch {
	case m == nil:
		return "none"
	case m.StandIn != nil:
		return "stand-in"
	}
	return string(m.Endpoint.Model)
}

func TestTheModelsOfServersOnThisMachine(t *testing.T) {
	const ours = "a gateway of this project, at the port of llama.cpp"
	for _, c := range []struct {
		name                      string
		servers                   []Server
		embedding, reranking, llm string
		queryPrefix, models       string
	}{
		{"nobody answers", []Server{{Name: "Ollama", URL: "http://127.0.0.1:1/v1"}}, "stand-in", "stand-in", "stand-in", "", "stand-ins on the CPU"},
		{"an Ollama without models", []Server{serving(t, "Ollama", "", `{"object":"list","data":null}`)}, "stand-in", "stand-in", "stand-in", "", "stand-ins"},
		{ours, []Server{serving(t, "llama.cpp", "llamacpp", list("ragpipeline", "quickstart"))}, "stand-in", "stand-in", "stand-in", "", "stand-ins"},
		{"a web page", []Server{serving(t, "llama.cpp", "llamacpp", "<html>")}, "stand-in", "stand-in", "stand-in", "", "stand-ins"},
		{"an Ollama with several", []Server{serving(t, "Ollama", "", list("library", "qwen3:4b", "nomic-embed-text:latest", "llama3.2", "bge-m3:latest"))},
			"nomic-embed-text:latest", "none", "qwen3:4b", "search_query: ", "embedding by nomic-embed-text:latest of Ollama, no reranking, answers by qwen3:4b of Ollama"},
		{"a chat model alone", []Server{serving(t, "llama.cpp", "llamacpp", list("llamacpp", "/models/Qwen3-8B-Q4_K_M.gguf"))},
			"stand-in", "none", "/models/Qwen3-8B-Q4_K_M.gguf", "", "a stand-in, which matches words only"},
		{"two servers", []Server{serving(t, "Ollama", "", list("library", "qwen3:4b")), serving(t, "llama.cpp", "llamacpp", list("llamacpp", "bge-reranker-v2-m3", "multilingual-e5-large"))},
			"multilingual-e5-large", "bge-reranker-v2-m3", "qwen3:4b", "query: ", "reranking by bge-reranker-v2-m3 of llama.cpp"},
		{"a name that would be YAML of its own", []Server{serving(t, "Ollama", "", list("library", `a\", x: {\n  # y`))}, "stand-in", "none", "a\", x: {\n  # y", "", "stand-in"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := WithLocal("docs", Find(t.Context(), c.servers))
			spec := loaded(t, m).Spec.Models
			got := []string{model(&spec.Embedding.Model), model(spec.Reranking), model(&spec.LLM.Model), spec.Embedding.QueryPrefix}
			if diff := cmp.Diff([]string{c.embedding, c.reranking, c.llm, c.queryPrefix}, got); diff != "" {
				t.Errorf("models (-want +got):\n%s", diff)
			}
			if !strings.Contains(m.Models, c.models) {
				t.Errorf("it says %q", m.Models)
			}
		})
	}
}

func TestAServerThatHangsIsNotWaitedFor(t *testing.T) {
	released := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-released }))
	defer server.Close()
	defer close(released)
	found := Find(t.Context(), []Server{{Name: "Ollama", URL: server.URL + "/v1"}})
	if found.Any() || len(found.Notes) != 1 || !strings.HasPrefix(found.Notes[0], "no Ollama answers at ") {
		t.Errorf("found %+v", found)
	}
}

func TestOllamaIsLookedForOnThisMachineAlone(t *testing.T) {
	for variable, want := range map[string]string{
		"": "http://127.0.0.1:11434/v1", "127.0.0.1:5000": "http://127.0.0.1:5000/v1", "http://127.0.0.1:5000": "http://127.0.0.1:5000/v1",
		"127.0.0.1": "http://127.0.0.1:11434/v1", "[::1]:5000": "http://[::1]:5000/v1", "0.0.0.0": "http://127.0.0.1:11434/v1",
		"10.0.0.7:5000": "http://127.0.0.1:11434/v1", "https://ollama.example.com": "http://127.0.0.1:11434/v1", "%": "http://127.0.0.1:11434/v1",
	} {
		if got := Local(func(string) string { return variable })[0].URL; got != want {
			t.Errorf("OLLAMA_HOST=%s: %s, want %s", variable, got, want)
		}
	}
}

func TestHostedModelsAreThoseOfTheSample(t *testing.T) {
	m := WithHosted("docs")
	spec := loaded(t, m).Spec.Models
	if spec.Embedding.Endpoint == nil || spec.Reranking.Endpoint == nil || spec.LLM.Endpoint == nil {
		t.Errorf("the models are %+v", spec)
	}
	for _, host := range []string{"integrate.api.nvidia.com", "ai.api.nvidia.com"} {
		if !strings.Contains(m.Models, host) {
			t.Errorf("it does not say that documents go to %s: %q", host, m.Models)
		}
	}
}

func TestNamesOfDirectories(t *testing.T) {
	for directory, want := range map[string]string{
		"/home/me/docs": "docs", "/home/me/My Documents (2024)": "my-documents-2024", "/2024": "documents", "/": "documents",
		"/ärzte": "rzte", "/" + strings.Repeat("ab-", 20): strings.Repeat("ab-", 13) + "a",
	} {
		got := NameOf(directory)
		if got != want {
			t.Errorf("%s: %q, want %q", directory, got, want)
		}
		loaded(t, WithLocal(got, new(Found)))
	}
}
