package dataplane

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
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
	// proxy is a variable of the environment, NAME=url; nil for none.
	proxy func(t *testing.T) string
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

// overTLS is a server whose certificate nobody knows, addressed without TLS.
func overTLS(t *testing.T) string { return strings.Replace(untrusted(t), "https:", "http:", 1) }

// withoutTLS is a server without TLS, addressed with it.
func withoutTLS(t *testing.T) string {
	return strings.Replace(replies(200, "application/json", "{}")(t), "http:", "https:", 1)
}

// sends is a server that writes these bytes whatever it is asked, and hangs up.
func sends(bytes string) func(t *testing.T) string {
	return func(t *testing.T) string {
		return "http://" + loopback.Reply(t, func(c net.Conn) {
			_, _ = io.WriteString(c, bytes) // the test looks at what is told
		})
	}
}

func redirects(to string) func(t *testing.T) string {
	return func(t *testing.T) string {
		s := httptest.NewServer(http.RedirectHandler(to, http.StatusFound))
		t.Cleanup(s.Close)
		return s.URL
	}
}

func at(url string) func(t *testing.T) string { return func(*testing.T) string { return url } }

// proxied is a variable of the environment with a proxy, which has a user and a password.
func proxied(name string, serve func(t *testing.T) string) func(t *testing.T) string {
	return func(t *testing.T) string {
		return name + "=" + strings.Replace(serve(t), "://", "://me:opensesame@", 1)
	}
}

const page = "<html><head><title>403 Forbidden</title></head></html>"

var brokenServers = []broken{
	{name: "connection refused", serve: listensNoMore, told: []string{"cannot be reached", "connection refused"}, ofEach: true},
	{name: "DNS", serve: func(*testing.T) string { return "http://no-such-host.invalid:8000" }, told: []string{"cannot be reached", "no-such-host.invalid"}},
	{name: "TLS", serve: untrusted, told: []string{"cannot be reached", "its certificate is not trusted: certificate signed by unknown authority"}},
	{name: "401", serve: replies(401, "application/json", `{"error":{"message":"Incorrect API key","code":"invalid_api_key"}}`),
		told: []string{"demands an API key; set secretRef (HTTP 401, invalid_api_key): Incorrect API key"}},
	{name: "403", serve: replies(403, "application/json", `{"detail":"Authorization failed"}`), told: []string{"demands an API key", "(HTTP 403): Authorization failed"}},
	{name: "404 of the model", serve: replies(404, "application/json", `{"error":{"message":"The model does not exist","code":"model_not_found"}}`),
		told: []string{"was not found at this url; check url and model (HTTP 404, model_not_found): The model does not exist"}, ofEach: true},
	{name: "404 of the path", serve: replies(404, "text/plain", "404 page not found\n"), told: []string{"check url and protocol, and that the server does this task (HTTP 404): 404 page not found"}},
	{name: "400", serve: replies(400, "application/json", `{"error":"unknown field 'flavour'"}`), told: []string{"rejected the request (HTTP 400): unknown field 'flavour'"}},
	{name: "402", serve: replies(402, "application/json", `{"error":{"message":"Insufficient Balance"}}`), told: []string{"requires payment", "(HTTP 402): Insufficient Balance"}},
	{name: "429 without credit", serve: replies(429, "application/json", `{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}`),
		told: []string{"requires payment or an entitlement for this key (HTTP 429, insufficient_quota): You exceeded your current quota"}},
	{name: "429", serve: replies(429, "application/json", `{"error":{"message":"Rate limit reached"}}`), told: []string{"is overloaded", "(HTTP 429): Rate limit reached"}, waits: true},
	{name: "500", serve: replies(500, "application/json", `{"error":"CUDA out of memory"}`), told: []string{"failed; see its log (HTTP 500): CUDA out of memory"}},
	{name: "503", serve: replies(503, "application/json", `{"error":"Model is loading"}`), told: []string{"is not ready yet; it is still loading (HTTP 503): Model is loading"}, waits: true},
	{name: "a page of a proxy", serve: replies(502, "text/html", "<html><head><title>502 Bad Gateway</title></head></html>"), told: []string{"(HTTP 502): 502 Bad Gateway"}},
	{name: "HTML instead of JSON", serve: replies(200, "text/html", "<!doctype html><html><head><title>Sign in</title></head></html>"),
		told: []string{"returned an unusable reply: Sign in: it is a web page, not the JSON that the protocol has; check url"}},
	{name: "JSON of something else", serve: replies(200, "application/json", `{"hello":"world"}`), told: []string{"returned an unusable reply"}},
	{name: "an empty reply", serve: replies(200, "application/json", ""), told: []string{"returned an unusable reply: it is empty"}},
	{name: "TLS of a server without it", serve: withoutTLS, told: []string{"it does not speak TLS, so write http:// in its url"}},
	{name: "no TLS of a server with it", serve: overTLS, told: []string{"it speaks TLS, so write https:// in its url"}},
	{name: "another program", serve: sends("SSH-2.0-OpenSSH_9.6\r\n"), told: []string{"another program than an HTTP server answers at this port"}},
	{name: "a connection that ends", serve: sends(""), told: []string{"closed the connection without a reply; see its log, and check whether its url needs https"}},
	{name: "half a reply", serve: sends("HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n{"), told: []string{"broke off its reply; see its log: unexpected EOF"}},
	{name: "a missing key", serve: replies(401, "application/json", `{"detail":"Not authenticated"}`), told: []string{"demands an API key; set secretRef (HTTP 401): Not authenticated"}, ofEach: true},
	{name: "a firewall", serve: replies(403, "text/html", page), told: []string{"refuses the request; check secretRef, and the proxy or firewall before it (HTTP 403): 403 Forbidden"}},
	{name: "a login", serve: redirects("https://me:opensesame@login.example/in?code=opensesame"), told: []string{"redirects elsewhere", "it redirects to https://login.example; only one"}},
	{name: "a limit of the day", serve: func(t *testing.T) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}, told: []string{"is overloaded", "it asks to wait for 1h0m0s"}, ofEach: true},
	{name: "a proxy that refuses", serve: at("https://models.example"), proxy: proxied("HTTPS_PROXY", replies(403, "text/html", page)), told: []string{
		"cannot be reached through the proxy; check the proxy's url, its user and password, and what it permits: the proxy 127.0.0.1:", "refuses to connect: 403 Forbidden"}},
	{name: "a proxy that demands another password", serve: at("http://models.example"), proxy: proxied("HTTP_PROXY", replies(407, "text/html", page)), told: []string{
		"cannot be reached through the proxy; check the proxy's url, its user and password, and what it permits (HTTP 407)"}},
	{name: "a proxy that is gone", serve: at("https://models.example"), proxy: proxied("HTTPS_PROXY", listensNoMore), told: []string{
		"cannot be reached through the proxy;", "the proxy cannot be reached: connection refused"}},
	{name: "a hang", serve: hangs, told: []string{"has not answered for 4 s"}, waits: true, ofEach: true},
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
				var env []string
				if b.proxy != nil {
					env = append(env, b.proxy(t))
				}
				p := start(t, []string{"run", "-f", manifest(t, pipeline(volume, modelsWith(url, stage, at))), "--documents", docs, "--ask", "What is wind measured in?"},
					environment(env...))
				told := p.says("(?m)^(ragpipeline|warning): .*" + string(stage) + " model .*$")[0]
				t.Logf("told after %.1f s", time.Since(begun).Seconds())
				contains(t, told, append(b.told, at+"/v1")...)
				if strings.Contains(p.stderr.String(), "opensesame") {
					t.Errorf("a password is told:\n%s", p.stderr.String())
				}
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
	if got := c.status().Stages[config.StageLLM]; got.Reason != config.ModelNotFound || got.ServerMessage != "The model does not exist" {
		t.Errorf("the status has %+v", got)
	}
}

// The state of the stages is for who operates a pipeline: on one machine without keys, whoever asks there.
func TestRunTellsItsStatusWithoutKeysAlone(t *testing.T) {
	t.Parallel()
	args := []string{"-f", manifest(t, pipeline(volume, standIns)), "--documents", directory(t, map[string]string{"wind.md": wind})}
	_, c := serving(t, args)
	status := c.status()
	if !status.Ready || status.Index.Documents != 1 || !status.Stages[config.StageLLM].OK {
		t.Errorf("the status is %+v", status)
	}
	c.get("/ops/v1/other").want(t, http.StatusNotFound)
	c.get("/metrics").want(t, http.StatusNotFound)
	r, err := http.NewRequest(http.MethodGet, c.url+config.OpsPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "rebound.example"
	foreign, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	foreign.Body.Close()
	if foreign.StatusCode != http.StatusForbidden {
		t.Errorf("under another name, it is answered with %d", foreign.StatusCode)
	}

	clients := directory(t, map[string]string{"keys": "alice=token-of-alice"}) + "/keys"
	_, c = serving(t, append(args, "--keys", clients))
	c.key = "token-of-alice"
	c.get(config.OpsPath).want(t, http.StatusNotFound)
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
