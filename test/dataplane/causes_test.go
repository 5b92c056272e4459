package dataplane

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/test/loopback"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// broken is a model server that does not work: the base of its address, and how a user is told.
type broken struct {
	name  string
	serve func(t *testing.T) (url string)
	told  []string
	// waits reports whether a run goes on, because the server may be slow or loading.
	waits bool
	// ofEach reports whether every model is tried with it, and not one alone.
	ofEach bool
}

func replies(status int, contentType, body string) func(t *testing.T) string {
	return func(t *testing.T) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
}

func listensNoMore(t *testing.T) string { return "http://" + loopback.Free(t) }

func untrusted(t *testing.T) string {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func hangs(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

var brokenServers = []broken{
	{"connection refused", listensNoMore, []string{"cannot be reached", "connection refused"}, false, true},
	{"DNS", func(*testing.T) string { return "http://no-such-host.invalid:8000" }, []string{"cannot be reached", "no-such-host.invalid"}, false, false},
	{"TLS", untrusted, []string{"cannot be reached", "its certificate is not trusted: certificate signed by unknown authority"}, false, false},
	{"401", replies(401, "application/json", `{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}`),
		[]string{"refused the API key; check secretRef (HTTP 401, invalid_api_key): Incorrect API key"}, false, false},
	{"403", replies(403, "application/json", `{"detail":"Authorization failed"}`), []string{"refused the API key", "(HTTP 403): Authorization failed"}, false, false},
	{"404 of the model", replies(404, "application/json", `{"error":{"message":"The model does not exist","code":"model_not_found"}}`),
		[]string{"was not found at this url; check url and model (HTTP 404, model_not_found): The model does not exist"}, false, true},
	{"404 of the path", replies(404, "text/plain", "404 page not found\n"), []string{"check url and model (HTTP 404): 404 page not found"}, false, false},
	{"400", replies(400, "application/json", `{"error":"unknown field 'flavour'"}`), []string{"rejected the request (HTTP 400): unknown field 'flavour'"}, false, false},
	{"402", replies(402, "application/json", `{"error":{"message":"Insufficient Balance"}}`), []string{"requires payment", "(HTTP 402): Insufficient Balance"}, false, false},
	{"429 without credit", replies(429, "application/json", `{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}`),
		[]string{"requires payment or an entitlement for this key (HTTP 429, insufficient_quota): You exceeded your current quota"}, false, false},
	{"429", replies(429, "application/json", `{"error":{"message":"Rate limit reached"}}`), []string{"is overloaded", "(HTTP 429): Rate limit reached"}, true, false},
	{"500", replies(500, "application/json", `{"error":"CUDA out of memory"}`), []string{"returned an unusable reply (HTTP 500): CUDA out of memory"}, false, false},
	{"503", replies(503, "application/json", `{"error":"Model is loading"}`), []string{"is not ready yet; it is still loading (HTTP 503): Model is loading"}, true, false},
	{"a page of a proxy", replies(502, "text/html", "<html><head><title>502 Bad Gateway</title></head></html>"), []string{"(HTTP 502): 502 Bad Gateway"}, false, false},
	{"HTML instead of JSON", replies(200, "text/html", "<!doctype html><html><head><title>Sign in</title></head></html>"),
		[]string{"returned an unusable reply: Sign in: it is a web page, not the JSON that the protocol has; check url"}, false, false},
	{"JSON of something else", replies(200, "application/json", `{"hello":"world"}`), []string{"returned an unusable reply"}, false, false},
	{"a hang", hangs, []string{"has not answered for 4 s"}, true, true},
}

// modelsWith is the spec of a pipeline all of whose models are at url, but for one, which is broken.
func modelsWith(url string, stage config.Stage, at string) string {
	base := map[config.Stage]string{config.StageEmbedding: url, config.StageReranking: url, config.StageLLM: url, stage: at}
	spec := "\n  models:"
	for _, m := range []struct {
		stage config.Stage
		name  string
	}{{config.StageEmbedding, config.StandInEmbedding}, {config.StageReranking, config.StandInReranking}, {config.StageLLM, config.StandInLLM}} {
		spec += fmt.Sprintf("\n    %s: {endpoint: {url: %q, model: %s}}", m.stage, base[m.stage]+"/v1", m.name)
	}
	return spec + "\n  failurePolicy: {embedding: Fail, reranking: Fail, llm: Fail}"
}

// countEmbedded passes requests on, and counts those that embed something else than the fixed text.
func countEmbedded(t *testing.T, next http.Handler) (url string, count *atomic.Int32) {
	count = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.HasSuffix(r.URL.Path, "/embeddings") && !strings.Contains(string(body), model.Anchor) {
			count.Add(1)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, count
}

func TestARunTellsWhichModelDoesNotWorkBeforeItEmbedsAnything(t *testing.T) {
	t.Parallel()
	docs := directory(t, map[string]string{"wind.md": wind})
	stages := []config.Stage{config.StageEmbedding, config.StageReranking, config.StageLLM}
	for i, b := range brokenServers {
		for j, stage := range stages {
			if !b.ofEach && i%len(stages) != j {
				continue
			}
			t.Run(b.name+" of "+string(stage), func(t *testing.T) {
				t.Parallel()
				sim := nimsim.New(nimsim.Options{})
				t.Cleanup(sim.Close)
				url, embedded := countEmbedded(t, sim)
				at := b.serve(t)
				begun := time.Now()
				p := start(t, []string{"run", "-f", manifest(t, pipeline(volume, modelsWith(url, stage, at))), "--documents", docs, "--ask", "What is wind measured in?"})
				told := p.says("(?m)^(ragpipeline|warning): .*" + string(stage) + " model .*$")[0]
				t.Logf("told after %.1f s", time.Since(begun).Seconds())
				contains(t, told, append(b.told, at+"/v1")...)
				if b.waits {
					p.stop()
					return
				}
				p.wait().ends(1, "nothing was embedded")
				if embedded.Load() != 0 {
					t.Errorf("%d requests with passages were made before", embedded.Load())
				}
				if strings.Count(p.stderr.String(), "\n") != 1 {
					t.Errorf("it is told more than once:\n%s", p.stderr.String())
				}
			})
		}
	}
}

// A gateway serves without its LLM: passages are found, and a caller is told what he can do.
func TestAnLLMThatDoesNotWorkIsToldAndServedWithout(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{})
	at := replies(404, "application/json", `{"error":{"message":"The model does not exist","code":"model_not_found"}}`)(t)
	p, c := serving(t, []string{"-f", manifest(t, pipeline(volume, modelsWith(sim.URL, config.StageLLM, at))), "--documents", directory(t, map[string]string{"wind.md": wind})})
	contains(t, p.stderr.String(), "warning: llm model", "The model does not exist", at, "questions are not answered until it works")
	c.ask("What is wind measured in?").want(t, http.StatusFailedDependency, `"code":"ModelNotFound"`, "contact the pipeline's operator")
	c.do(http.MethodPost, "/v1/search", `{"query":"What is wind measured in?"}`).want(t, http.StatusOK, "knots")
}

// A reranker under Degrade keeps nobody from an answer, and yet is told at the start, in the answer and in the log.
func TestARerankerThatNeverWorksIsTold(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{})
	at := replies(422, "application/json", `{"error":"missing field texts","error_type":"Validation"}`)(t)
	spec := strings.Replace(modelsWith(sim.URL, config.StageReranking, at), "reranking: Fail", "reranking: Degrade", 1)
	args := []string{"-f", manifest(t, pipeline(volume, spec)), "--documents", directory(t, map[string]string{"wind.md": wind})}
	p, c := serving(t, args)
	contains(t, p.stderr.String(), "warning: reranking model", "missing field texts", at, "passages are not reranked until it works")
	for range 4 {
		c.ask("What is wind measured in?").want(t, http.StatusOK, "knots", `"code":"ModelRejected"`)
	}
	p.says(`\d\d:\d\d:\d\d warning: Stage failed: reranking model .* rejected the request \(HTTP 422, Validation\): missing field texts`)
}

// In a pod, the log has the cause, and so has the ops port, from which the operator makes conditions.
func TestAnIngestionsPodTellsAtOnceWhyTheModelDoesNotWork(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{Key: "key-of-the-models"})
	for _, tc := range []struct {
		name   string
		url    string
		reason config.Failure
		told   string
		ends   bool
	}{
		{"nobody listens", listensNoMore(t), config.ModelUnreachable, "connection refused", false},
		{"it hangs", hangs(t), config.ModelTimedOut, "did not answer in time", false},
		{"a wrong path", replies(404, "text/plain", "404 page not found")(t), config.ModelNotFound, "(HTTP 404): 404 page not found", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			pod := newPod(t, sim.URL)
			pod.ingest.Embedding.URL = tc.url + "/v1"
			p := pod.startIngest()
			p.says(`"level":"WARN","msg":"Stage failed","stage":"embedding","reason":"` + string(tc.reason) + `"`)
			contains(t, p.stderr.String(), tc.told, `"url":"`+tc.url+`/v1/embeddings"`)
			if tc.ends {
				p.wait().ends(1)
				return
			}
			if got := p.listens("ops").status().Stages[config.StageEmbedding]; got.OK || got.Reason != tc.reason {
				t.Errorf("the ops port has %+v", got)
			}
			p.stop()
		})
	}
}

// No index is built yet, and so no question is asked; the gateway tells all the same.
func TestTheGatewaysPodTellsWhichModelDoesNotWorkBeforeThereIsAnIndex(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{Key: "key-of-the-models"})
	pod := newPod(t, sim.URL)
	pod.gateway.Models.LLM.URL = hangs(t) + "/v1"
	pod.gateway.Models.Reranking.URL = replies(404, "application/json", `{"error":{"message":"The model 8b does not exist (request id: 17)","code":"model_not_found"}}`)(t) + "/v1"
	p, _, ops := pod.startGateway()
	p.says(`"stage":"reranking","reason":"ModelNotFound"`)
	p.says(`"stage":"llm","reason":"ModelTimedOut"`)
	stages := ops.status().Stages
	got := stages[config.StageReranking]
	if got.Code != "model_not_found" || got.ServerMessage != "The model 8b does not exist (request id: 17)" || got.HTTPStatus != 404 {
		t.Errorf("the reranker is %+v", got)
	}
	contains(t, got.Message, "was not found at this url; check url and model (HTTP 404, model_not_found)")
	if strings.Contains(got.Message, "17") {
		t.Errorf("the id of a request is in %q", got.Message)
	}
	if llm := stages[config.StageLLM]; llm.OK || llm.Reason != config.ModelTimedOut {
		t.Errorf("the LLM is %+v", llm)
	}
}

func TestRunLogsForPeopleAndInJSONWhenAsked(t *testing.T) {
	t.Parallel()
	docs := directory(t, map[string]string{"wind.md": wind})
	at := listensNoMore(t)
	sim := nimsim.Start(t, nimsim.Options{})
	for _, tc := range []struct {
		name string
		args []string
		env  []string
		json bool
	}{
		{"by default", nil, nil, false},
		{"in a pod", nil, []string{"KUBERNETES_SERVICE_HOST=10.0.0.1"}, true},
		{"asked for", []string{"--log-format", "json"}, nil, true},
		{"for people in a pod", []string{"--log-format", "text"}, []string{"KUBERNETES_SERVICE_HOST=10.0.0.1"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			spec := strings.Replace(modelsWith(sim.URL, config.StageReranking, at), "reranking: Fail", "reranking: Degrade", 1)
			args := append([]string{"run", "-f", manifest(t, pipeline(volume, spec)), "--documents", docs, "--ask", "What is wind measured in?"}, tc.args...)
			p := start(t, args, environment(tc.env...)).wait()
			p.ends(0, "1 document in 1 chunk: 1 added", "connection refused")
			for line := range strings.Lines(p.stderr.String()) {
				if json.Valid([]byte(line)) != tc.json {
					t.Errorf("a line is %s", line)
				}
			}
		})
	}
}
