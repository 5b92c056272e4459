package dataplane

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// served serves some documents, one of which cannot be read and one only in part, to clients with a key.
func served(t *testing.T, sim *nimsim.Sim) (c client, key with) {
	t.Helper()
	const token = "key-of-this-test"
	keys := filepath.Join(t.TempDir(), "keys")
	write(t, keys, "me="+token+"\n")
	docs := directory(t, map[string]string{
		"wind.md": wind, "tide.md": tide, "broken.pdf": "%PDF-1.7\nnothing\x1b[2J", "latin.txt": "Die Stra\xdfe ist sch\xf6n, und die Gr\xfc\xdfe sind herzlich.\n",
		"esc\x1b[2J.md": "# Escape\n\nA fathom is six feet.\n",
	})
	p := start(t, []string{"run", "--listen", "127.0.0.1:0", "--keys", keys, "-f", manifest(t, pipeline(volume, endpoints(sim.URL))), "--documents", docs})
	c = client{t: t, url: p.says(`serving on (http://[\w.:]+:\d+)`)[1], key: token}
	c.until("/readyz", 200)
	return c, environment("RAGPIPELINE_API_KEY=" + token)
}

func TestTheCommandsForPeopleWithAGatewayOnThisMachine(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{})
	c, key := served(t, sim)
	command := func(code int, args ...string) *process {
		t.Helper()
		p := start(t, append(args, "--url", c.url), key).wait()
		p.ends(code)
		if strings.Contains(p.stdout.String()+p.stderr.String(), "\x1b") {
			t.Errorf("%v drives the terminal: %q", args, p.stdout.String())
		}
		return p
	}
	const question = "What is wind measured in?"

	contains(t, command(0, "wait").stderr.String(), "ready: ")
	contains(t, command(0, "status").stdout.String(), "Ready      True", "Failed     1 documents")
	contains(t, command(0, "ask", question).stdout.String(), "Wind is measured in knots. [1]\n\nCitations\n  [1] docs/wind.md", "\nTimes: ")
	contains(t, command(0, "search", question, "--top", "1").stdout.String(), "[1] docs/wind.md (score 0.", "    Wind is measured in knots.")
	contains(t, command(0, "search", question, "--why-not", "docs/tide.md", "-t", "1").stdout.String(), "OUTCOME", "docs/tide.md: BelowTopN")
	contains(t, command(0, "documents").stdout.String(), "docs/wind.md", "Indexed", "Malformed")
	contains(t, command(0, "failures").stdout.String(), "NOT IN THE INDEX", "docs/broken.pdf", "Malformed", "ONLY IN PART", "docs/latin.txt", "EncodingGuessed")
	contains(t, command(0, "open").stdout.String(), c.url)

	for _, args := range [][]string{{"status"}, {"wait"}, {"ask", question}, {"search", question}, {"documents"}, {"failures"}, {"open"}} {
		p := command(0, append(args, "-o", "json")...)
		var reply map[string]any
		if err := json.Unmarshal([]byte(p.stdout.String()), &reply); err != nil || len(reply) == 0 {
			t.Errorf("%v -o json printed %q: %v", args, p.stdout.String(), err)
		}
	}
	var listed gateway.DocumentPage
	if err := json.Unmarshal([]byte(command(0, "documents", "--state", "Failed", "-o", "json").stdout.String()), &listed); err != nil || len(listed.Documents) != 1 {
		t.Errorf("the failed documents are %+v, %v", listed, err)
	}

	p := start(t, []string{"ask", "--chat", "--url", c.url}, key, input(question+"\n\nAnd the tide?\n")).wait()
	p.ends(0)
	contains(t, p.stdout.String(), "Wind is measured in knots. [1]", "The tide is measured in metres")

	// A wrong question, a wrong key and no gateway are told apart.
	command(1, "search", question, "--threshold", "7")
	command(2, "ask")
	command(2, "ask", question, "--filter", "{")
	command(2, "documents", "-o", "yaml")
	start(t, []string{"ask", question, "--url", c.url}).wait().ends(1, "the gateway refuses the request", "--key-file")
	start(t, []string{"wait", "--url", c.url}).wait().ends(3, "--key-file")
	start(t, []string{"documents", "--url", listensNoMore(t)}).wait().ends(1, "cannot be reached")
	start(t, []string{"wait", "--timeout", "1s", "--url", listensNoMore(t)}).wait().ends(1, "not done within 1s")
	file := filepath.Join(t.TempDir(), "key")
	write(t, file, c.key+"\n")
	start(t, []string{"ask", question, "--url", c.url, "--key-file", file}).wait().ends(0)
	start(t, []string{"ask", question, "--url", c.url, "--key-file", "-"}, input(c.key)).wait().ends(0)
	start(t, []string{"ask", question, "--url", c.url, "--key-file", os.DevNull}).wait().ends(2, "must hold a key")

	// An LLM that fails in the middle of its answer leaves no answer that looks whole.
	sim.Fault(config.StageLLM, nimsim.Named("cut-stream"))
	command(1, "ask", question)
}

func TestAManifestIsValidatedWithoutACluster(t *testing.T) {
	t.Parallel()
	run(t, "validate", "-f", absolute(t, quickstart)).ends(0)
	bad := manifest(t, pipeline(volume, standIns, "\n  chunking: {size: 0}"))
	run(t, "validate", "-f", bad).ends(2, "spec.chunking.size")
	p := run(t, "validate", "-f", bad, "-o", "json")
	p.ends(2)
	contains(t, p.stdout.String(), `{"valid":false,"problems":[{"where":`, `"path":"spec.chunking.size"`)
	run(t, "validate").ends(2, "-f FILE is missing")
}

// ollama serves the simulator's models as Ollama does: no ranking, and embeddings without a type of input.
func ollama(t *testing.T, sim *nimsim.Sim) (url string) {
	t.Helper()
	target, err := neturl.Parse(sim.URL)
	if err != nil {
		t.Fatal(err)
	}
	models := httputil.NewSingleHostReverseProxy(target)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"data":[{"id":%q,"owned_by":"library"},{"id":%q,"owned_by":"library"}]}`, config.StandInLLM, config.StandInEmbedding)
	})
	mux.Handle("POST /v1/chat/completions", models)
	mux.HandleFunc("POST /v1/embeddings", func(w http.ResponseWriter, r *http.Request) {
		body := map[string]any{}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		body["input_type"] = "passage"
		raw, _ := json.Marshal(body)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
		models.ServeHTTP(w, r)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

// Without a manifest, `run` takes the models that are served on this machine, and keeps to them when their server is away.
func TestADirectoryIsAskedWithoutAManifest(t *testing.T) {
	t.Parallel()
	url := ollama(t, nimsim.Start(t, nimsim.Options{}))
	home, docs := t.TempDir(), directory(t, map[string]string{"wind.md": wind, ".git/config.md": tide})
	ask := func(host string) *process {
		return start(t, []string{"run", "--documents", docs, "--data", "data", "--ask", "What is wind measured in?"}, in(home),
			environment("OLLAMA_HOST="+host, "NVIDIA_API_KEY=never-used")).wait()
	}
	first := ask(url)
	first.ends(0, "models: embedding by "+config.StandInEmbedding+" of Ollama", "data.yaml, which this run wrote", "1 document in 1 chunk: 1 added")
	contains(t, first.stdout.String(), "Wind is measured in knots. [1]")
	text, err := os.ReadFile(filepath.Join(home, "data.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(text), url)
	ask("127.0.0.1:1").ends(0, "data.yaml, which an earlier run wrote", "all unchanged")
	run(t, "run", "--documents", filepath.Join(docs, "none")).ends(2, "is not a directory")
}

func TestAManifestIsWrittenForADirectory(t *testing.T) {
	t.Parallel()
	home, nothing := t.TempDir(), environment("OLLAMA_HOST=127.0.0.1:1", "NVIDIA_API_KEY=nvapi-of-this-test")
	write(t, filepath.Join(home, "papers", "wind.md"), wind)
	command := func(args ...string) *process { return start(t, args, in(home), nothing).wait() }
	command("init", "papers").ends(0, "no Ollama answers", "models: stand-ins on the CPU", "ragpipeline run -f ragpipeline.yaml --documents papers")
	command("init", "papers").ends(2, "ragpipeline.yaml exists", "--force")
	command("init", "papers", "--force", "--name", "winds").ends(0)
	command("init", "papers", "--name", "Winds").ends(2, "--name Winds")
	command("init", "nowhere").ends(2, "nowhere is not a directory")
	p := command("run", "-f", "ragpipeline.yaml", "--documents", "papers", "--ask", "What is wind measured in?")
	p.ends(0)
	contains(t, p.stdout.String(), "Wind is measured in knots. [1]")

	hosted := command("init", "papers", "--hosted", "-f", "hosted.yaml", "-o", "json")
	hosted.ends(0)
	contains(t, hosted.stdout.String(), `"models":"NVIDIA's hosted models: the text of documents and questions is sent to ai.api.nvidia.com and integrate.api.nvidia.com"`)
	command("validate", "-f", "hosted.yaml").ends(0)
	if text := command("init", "papers", "-f", "-").stdout.String(); strings.Contains(text, "nvidia") || !strings.Contains(text, "standIn: {}") {
		t.Errorf("without --hosted, the manifest is\n%s", text)
	}
}

// Names of flags and their values complete in each shell, and names of a cluster are not waited for where there is none.
func TestTheCommandLineCompletes(t *testing.T) {
	t.Parallel()
	nowhere := environment("KUBECONFIG=" + filepath.Join(t.TempDir(), "none"))
	for _, shell := range []string{"bash", "zsh", "fish"} {
		p := run(t, "completion", shell)
		p.ends(0)
		contains(t, p.stdout.String(), "ragpipeline", "__complete")
	}
	for want, args := range map[string][]string{
		"failures\t":  {"fail"},
		"--why-not\t": {"search", "--why"},
		"json\n":      {"status", "-o", ""},
		"weaviate\n":  {"logs", "--part", "w"},
		"Failed\n":    {"documents", "--state", ""},
	} {
		p := start(t, append([]string{"__complete"}, args...), nowhere).wait()
		if text := p.stdout.String() + p.stderr.String(); !strings.Contains(text, want) {
			t.Errorf("%v completes to %q", args, text)
		}
	}
}
