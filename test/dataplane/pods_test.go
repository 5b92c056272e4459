package dataplane

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
	"github.com/ragpipeline/ragpipeline/internal/ingest"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// pod is what the operator gives the pods of one pipeline: their configs, and directories for what is mounted.
type pod struct {
	t                     *testing.T
	documents             string
	secrets, clients, log string
	ingest                config.Ingest
	gateway               config.Gateway
}

// newPod is a pipeline with one document about wind, whose models are served at url.
func newPod(t *testing.T, url string) *pod {
	key := &config.SecretKey{Name: "nim", Key: "token"}
	embedding := config.Model{URL: url + "/v1", Name: config.StandInEmbedding, Protocol: config.NIM, Key: key}
	reranking := config.Model{URL: url + "/v1", Name: config.StandInReranking, Protocol: config.NIM, Key: key}
	llm := config.Model{URL: url + "/v1", Name: config.StandInLLM, Protocol: config.NIM, Key: key}
	pipeline := config.Pipeline{Namespace: "weather", Name: "papers"}
	generation := config.Generation{
		Embedding: config.EmbeddingSpace{Model: config.StandInEmbedding},
		Chunking:  config.Chunking{Size: 800, Overlap: 200, Unit: config.Characters},
		Analyser:  config.AnalyserVersion, EmbeddedText: config.EmbeddedTextVersion,
	}
	index := config.Index{Local: &config.LocalIndex{Directory: t.TempDir()}}
	p := &pod{t: t, documents: directory(t, map[string]string{"wind.md": wind}), secrets: t.TempDir(), clients: t.TempDir(), log: filepath.Join(t.TempDir(), "termination-log")}
	p.ingest = config.Ingest{
		Version: config.Version, Pipeline: pipeline, Generation: generation, Embedding: embedding, Index: index,
		Sources: []config.Source{{Name: "docs", Directory: &config.Directory{Path: p.documents}}},
	}
	p.gateway = config.Gateway{
		Version: config.Version, Pipeline: pipeline, Generation: generation, Index: index,
		Models:        config.Models{Embedding: embedding, Reranking: &reranking, LLM: &config.LLM{Model: llm, ContextWindow: 8192}},
		Retrieval:     config.Retrieval{Mode: config.Hybrid, K: 45, TopN: 5, Alpha: 0.5},
		Answer:        config.Answer{MaxTokens: 512},
		FailurePolicy: config.FailurePolicy{Embedding: config.Fail, Reranking: config.Degrade, LLM: config.Fail},
	}
	p.mount("nim/token", "key-of-the-models")
	write(t, filepath.Join(p.clients, "alice"), "token-of-alice\n")
	return p
}

// mount writes an entry of a mounted Secret.
func (p *pod) mount(entry, value string) {
	p.t.Helper()
	write(p.t, filepath.Join(p.secrets, entry), value)
}

func (p *pod) write(config any) string {
	p.t.Helper()
	b, err := json.Marshal(config)
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.t.TempDir(), "config.json")
	write(p.t, path, string(b))
	return path
}

func (p *pod) startIngest(options ...with) *process {
	p.t.Helper()
	return start(p.t, []string{"ingest", "--config", p.write(p.ingest), "--secrets", p.secrets, "--ops-listen", "127.0.0.1:0", "--termination-log", p.log}, options...)
}

// startGateway starts the gateway, and returns clients of its API and of its ops port.
func (p *pod) startGateway(options ...with) (process *process, api, ops client) {
	p.t.Helper()
	process = start(p.t, []string{"gateway", "--config", p.write(p.gateway), "--secrets", p.secrets, "--keys-dir", p.clients, "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"}, options...)
	api, ops = process.listens("gateway"), process.listens("ops")
	api.key = "token-of-alice"
	return process, api, ops
}

// listens waits until a server of the process listens.
func (p *process) listens(server string) client {
	p.t.Helper()
	address := p.says(`"msg":"Listening","server":"` + server + `","address":"([^"]+)"`)[1]
	return client{t: p.t, url: "http://" + address}
}

func (c client) status() config.OpsStatus {
	c.t.Helper()
	var s config.OpsStatus
	if err := json.Unmarshal([]byte(c.get(config.OpsPath).body), &s); err != nil {
		c.t.Fatal(err)
	}
	return s
}

// gate holds requests back until it is opened, but for the one by which a run recognises the model.
func gate(t *testing.T, next http.Handler) (url string, reached <-chan struct{}, open func()) {
	arrived, opened := make(chan struct{}, 1000), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte(model.Anchor)) || !strings.HasSuffix(r.URL.Path, "/embeddings") {
			next.ServeHTTP(w, r)
			return
		}
		arrived <- struct{}{}
		select {
		case <-opened:
		case <-t.Context().Done():
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, arrived, func() { close(opened) }
}

func TestTheIngestionsPodTellsHowFarItIsAndLeavesAReport(t *testing.T) {
	t.Parallel()
	sim := nimsim.New(nimsim.Options{Key: "key-of-the-models"})
	t.Cleanup(sim.Close)
	url, reached, open := gate(t, sim)
	pod := newPod(t, url)
	for i := range 40 {
		write(t, filepath.Join(pod.documents, fmt.Sprintf("%s-%d.md", strings.Repeat("empty\\\"", 30), i)), "")
	}
	run := pod.startIngest()
	ops := run.listens("ops")
	select {
	case <-reached:
	case <-time.After(patience):
		t.Fatal("it embeds nothing")
	}
	status := ops.status()
	if status.Pipeline != "weather/papers" || status.Generation != pod.ingest.Generation.Fingerprint() {
		t.Errorf("status of %s, generation %s", status.Pipeline, status.Generation)
	}
	if p := status.Progress; p == nil || p.Phase != config.PhaseIndexing || p.DocumentsTotal != 41 || p.DocumentsDone > 40 {
		t.Errorf("progress is %+v, while one of 41 documents is being embedded", status.Progress)
	}
	metrics := ops.get("/metrics").body
	contains(t, metrics, "\nragpipeline_index_documents 0\n")
	open()
	run.wait().ends(0, `"msg":"Finished ingestion","added":1,`)

	message, err := os.ReadFile(pod.log)
	if err != nil {
		t.Fatal(err)
	}
	if len(message) > 3500 {
		t.Errorf("the termination message has %d bytes", len(message))
	}
	var report ingest.Report
	if err := json.Unmarshal(message, &report); err != nil {
		t.Fatalf("%v: %s", err, message)
	}
	want := ingest.Report{Pipeline: "weather/papers", Generation: pod.ingest.Generation.Fingerprint(), Listed: 41, Added: 1, Failed: 40, Indexed: 1, Chunks: 1, Embedded: 1,
		Losses: config.Losses{Reasons: map[config.Reason]int{config.Malformed: 40}}}
	if diff := cmp.Diff(want, report, cmpopts.IgnoreFields(ingest.Report{}, "Synced", "Bytes", "Seconds", "Failures")); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if len(report.Failures) == 0 || report.Failures[0].Reason != config.Malformed {
		t.Errorf("failures are %+v", report.Failures)
	}
}

// The document is read for ever; the progress names it, and the signal ends the process that reads it.
func TestTheIngestionsPodEndsWhileADocumentIsRead(t *testing.T) {
	t.Parallel()
	sim := nimsim.New(nimsim.Options{Key: "key-of-the-models"})
	t.Cleanup(sim.Close)
	pod := newPod(t, sim.URL)
	write(t, filepath.Join(pod.documents, "endless.pdf"), string(pdftest.Endless()))
	run := pod.startIngest()
	ops := run.listens("ops")
	named := func() bool {
		p := ops.status().Progress
		return p != nil && p.Slowest != nil && p.Slowest.Document == "docs/endless.pdf"
	}
	for deadline := time.Now().Add(patience); !named(); {
		if time.Now().After(deadline) {
			t.Fatal("the progress does not name the document")
		}
		time.Sleep(50 * time.Millisecond) //nolint:forbidigo // another process is polled
	}
	run.signal()
	select {
	case <-run.ended:
	case <-time.After(20 * time.Second): // where nothing else runs, 5 s; the document may take 30 s
		t.Error("it runs on for 20 s after the signal")
	}
	run.wait().ends(1, "ingestion was interrupted")
}

func TestTheIngestionsPodSaysWhyItFailed(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{Key: "another-key"})
	for _, c := range []struct {
		name  string
		spoil func(*pod)
		code  int // 2 fails the Job at once
		want  string
	}{
		{"a version of another image", func(p *pod) { p.ingest.Version = 99 }, config.ExitUnusable, "version: 99, but this build reads 1"},
		{"no index", func(p *pod) { p.ingest.Index.Local = nil }, config.ExitUnusable, "index"},
		{"an overlap as large as the chunk", func(p *pod) { p.ingest.Generation.Chunking.Overlap = 800 }, config.ExitUnusable, "overlap"},
		{"a source that names no place", func(p *pod) { p.ingest.Sources[0].Directory = nil }, config.ExitUnusable, "exactly one of directory, configMap, s3, http and git"},
		{"a ConfigMap that is not mounted", func(p *pod) {
			p.ingest.Sources[0] = config.Source{Name: "docs", ConfigMap: &config.ConfigMap{Name: "docs"}}
		}, config.ExitUnusable, "ConfigMap 'docs' is not mounted"},
		{"a directory that is not mounted", func(p *pod) { p.ingest.Sources[0].Directory.Path += "/none" }, 1, "not every source could be listed"},
		{"no documents", func(p *pod) { p.ingest.Sources[0].Include = []string{"*.pdf"} }, 1, "there are no documents"},
		{"a key that the model refuses", func(*pod) {}, 1, "refused the API key; check secretRef (HTTP 401)"},
		{"a key that is not mounted", func(p *pod) { p.ingest.Embedding.Key.Name = "none" }, 1, "key 'token' of Secret 'none'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pod := newPod(t, sim.URL)
			c.spoil(pod)
			pod.startIngest().wait().ends(c.code, "ragpipeline: ")
			message, err := os.ReadFile(pod.log)
			if err != nil {
				t.Fatal(err)
			}
			var report ingest.Report
			if err := json.Unmarshal(message, &report); err != nil {
				t.Fatalf("%v: %s", err, message)
			}
			contains(t, report.Error, c.want)
			if strings.Contains(string(message), "key-of-the-models") {
				t.Errorf("the key is in the message: %s", message)
			}
		})
	}
	run(t, "ingest", "--config", "nowhere.json").ends(config.ExitUnusable, "nowhere.json: no such file")
	run(t, "ingest").ends(2, "--config FILE is missing")
	run(t, "gateway", "--config", "nowhere.json").ends(2, "nowhere.json: no such file")
}

func TestTheGatewaysPodIsReadyAnswersAndTellsOfItself(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{Key: "key-of-the-models"})
	pod := newPod(t, sim.URL)
	pod.startIngest().wait().ends(0)
	pod.gateway.Originals = pod.ingest.Sources
	gateway, api, ops := pod.startGateway()
	api.until("/readyz", http.StatusOK)
	ops.until("/readyz", http.StatusOK)
	for _, form := range []string{"original", "extracted"} { // while the source has the document, and afterwards
		content := api.do(http.MethodGet, "/v1/documents/docs/wind.md/content", "")
		content.want(t, http.StatusOK, "knots")
		if got := content.header.Get("X-Document-Content"); got != form {
			t.Errorf("the content is %s, want %s", got, form)
		}
		if err := os.RemoveAll(pod.ingest.Sources[0].Directory.Path); err != nil {
			t.Fatal(err)
		}
	}
	api.ask("What is wind measured in?").want(t, http.StatusOK, "Wind is measured in knots. [1]", `"document_id":"docs/wind.md"`)

	status := ops.status()
	if !status.Ready || status.Index.Documents != 1 || status.Index.Chunks != 1 || status.Index.LastSync.IsZero() {
		t.Errorf("status is %+v", status)
	}
	for _, stage := range []config.Stage{config.StageEmbedding, config.StageReranking, config.StageLLM, config.StageIndex} {
		if !status.Stages[stage].OK {
			t.Errorf("stage %s is %+v", stage, status.Stages[stage])
		}
	}
	metrics := ops.get("/metrics").body
	for _, series := range []string{
		`ragpipeline_queries_total{outcome="answered"} 1`,
		`ragpipeline_query_duration_seconds_count{stage="total"} [1-9]`,
		`ragpipeline_query_duration_seconds_count{stage="llm"} 1`,
		`ragpipeline_requests_waiting{kind="answers"} 0`,
		`ragpipeline_requests_limit{kind="searches"} 64`,
		`ragpipeline_requests_refused_total{kind="texts"} 0`,
		`ragpipeline_index_documents 1`,
		`ragpipeline_index_chunks 1`,
		`ragpipeline_index_last_sync_timestamp_seconds 1\.\d+e\+09`,
		`ragpipeline_model_request_duration_seconds_count{model_role="embedding",outcome="ok"} [1-9]`,
		`ragpipeline_model_request_duration_seconds_count{model_role="reranking",outcome="ok"} [1-9]`,
		`ragpipeline_model_request_duration_seconds_count{model_role="llm",outcome="ok"} [1-9]`,
	} {
		if !regexp.MustCompile(`(?m)^` + strings.NewReplacer("{", `\{`, "}", `\}`).Replace(series) + `$`).MatchString(metrics) {
			t.Errorf("no series %s", series)
		}
	}
	if strings.Contains(metrics, "wind") || strings.Contains(gateway.stderr.String(), "knots") {
		t.Error("metrics or log hold what was asked or answered")
	}
	gateway.stop().ends(0, `"msg":"Shutting down"`)
}

func TestARotatedKeyIsTakenUpWithoutRestart(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{Key: "key-of-the-models"})
	pod := newPod(t, sim.URL)
	pod.startIngest().wait().ends(0)
	pod.mount("nim/token", "an-old-key")
	gateway, api, _ := pod.startGateway()

	// Not ready, because the embedding model lets nobody in; asking says why.
	api.ask("What is wind measured in?").want(t, http.StatusFailedDependency, `"code":"ModelUnauthorized"`)
	pod.mount("nim/token", "key-of-the-models\n")
	api.until("/readyz", http.StatusOK)
	api.ask("What is wind measured in?").want(t, http.StatusOK, "knots")

	write(t, filepath.Join(pod.clients, "alice"), "another-token")
	api.until("/v1/models", http.StatusUnauthorized)
	api.key = "another-token"
	api.ask("What is wind measured in?").want(t, http.StatusOK, "knots")
	for _, key := range []string{"an-old-key", "key-of-the-models", "another-token", "token-of-alice"} {
		if strings.Contains(gateway.stderr.String(), key) {
			t.Errorf("the log holds the key %q", key)
		}
	}
}

func TestTheGatewaysPodFinishesAnAnswerAfterSIGTERM(t *testing.T) {
	t.Parallel()
	sim, llm := nimsim.Start(t, nimsim.Options{Key: "key-of-the-models"}), newPausing(t)
	pod := newPod(t, sim.URL)
	pod.gateway.Models.LLM.URL = llm.URL + "/v1"
	pod.startIngest().wait().ends(0)
	gateway, api, ops := pod.startGateway()
	api.until("/readyz", http.StatusOK)
	ops.until("/readyz", http.StatusOK)

	llm.introduce(t, api)
	answer := api.stream("What is wind measured in?")
	answer.until("Hello")
	gateway.signal()
	ops.until("/readyz", http.StatusServiceUnavailable) // it tells of the shutdown while it goes on
	api.until("/healthz", 0)
	llm.goOn <- struct{}{}
	contains(t, answer.rest(), " world", "data: [DONE]")
	gateway.wait().ends(0)
}

func TestTheStandInModelsAreServedOnTheirOwn(t *testing.T) {
	t.Parallel()
	p := start(t, []string{"models", "--listen", "127.0.0.1:0"})
	address := p.says(`"server":"models","address":"([^"]+)"`)[1]
	c := client{t: t, url: "http://" + address}
	c.get("/v1/health/ready").want(t, http.StatusOK)
	c.get("/v1/models").want(t, http.StatusOK, config.StandInEmbedding, config.StandInReranking, config.StandInLLM)

	docs := directory(t, map[string]string{"wind.md": wind})
	asked := run(t, "run", "-f", manifest(t, pipeline(volume, endpoints(c.url))), "--documents", docs, "--ask", "What is wind measured in?")
	asked.ends(0)
	contains(t, asked.stdout.String(), "Wind is measured in knots. [1]")

	run(t, "models", "--listen", address).ends(2, "--listen "+address+": ", "address already in use")
	p.stop().ends(0)
}
