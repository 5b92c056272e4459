package compat

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/standin"
)

// server is one that clients are tried against. Its JSON is what clients/checks.py reads, which explains it.
type server struct {
	BaseURL    string `json:"base_url"` // ends in /v1
	Key        string `json:"key"`
	Chat       string `json:"chat"` // the models' names
	Embedding  string `json:"embedding"`
	Ranking    string `json:"ranking"`
	Question   string `json:"question"`
	Gateway    bool   `json:"gateway"`
	Cancelled  string `json:"cancelled"`
	Overloaded string `json:"overloaded"`
	WithKey    string `json:"with_key"`
	Client     string `json:"client"`
}

// name is what clients.json calls every model, and so what both servers do.
const name = "demo"

// key is the one that the gateway admits.
const key = "compat-key"

const question = "When does a pipeline switch to the new index?"

// eachServer runs a test against the gateway and against the stand-in models.
func eachServer(t *testing.T, test func(t *testing.T, s server)) {
	t.Run("gateway", func(t *testing.T) { test(t, gateway(t)) })
	t.Run("stand-in", func(t *testing.T) { test(t, standIn(t)) })
}

func standIn(t *testing.T) server {
	t.Helper()
	models := httptest.NewServer(standin.NewHandler(standin.Options{Names: standin.Names{Embedding: name, Reranking: name, LLM: name}}))
	t.Cleanup(models.Close)
	return newServer(models.URL, "", false)
}

// gateway is the one that the binary itself runs, for all tests together.
func gateway(t *testing.T) server {
	t.Helper()
	g, err := startGateways()
	if err != nil {
		t.Fatalf("start the gateway: %v", err)
	}
	s := newServer(g.url, g.llm, true)
	s.Overloaded = g.overloaded + "/v1"
	s.WithKey = withKey(t, g.url)
	return s
}

// withKey is a proxy before the gateway that adds the key to each request.
func withKey(t *testing.T, gateway string) string {
	t.Helper()
	to, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Header.Set("Authorization", "Bearer "+key)
	}})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func newServer(url, llm string, gateway bool) server {
	return server{BaseURL: url + "/v1", Key: key, Chat: name, Embedding: name, Ranking: name, Question: question,
		Gateway: gateway, Cancelled: llm + "/cancelled?client="}
}

// stopping ends what startGateways began, the last first.
var stopping []func()

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range slices.Backward(stopping) {
		stop()
	}
	os.Exit(code)
}

// binary is the program, once startGateways has returned.
var binary string

// gateways are the URLs of the gateway and of its LLM, and of another gateway whose LLM is overloaded.
type gateways struct{ url, llm, overloaded string }

// startGateways builds the binary, and starts both.
var startGateways = sync.OnceValues(func() (g gateways, err error) {
	dir, err := os.MkdirTemp("", "ragpipeline-compat-")
	if err != nil {
		return g, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopping = append(stopping, func() { os.RemoveAll(dir) }, cancel)
	if binary, err = build(ctx, dir, raceFlags()...); err != nil {
		return g, err
	}
	if g.url, g.llm, err = startGateway(ctx, newLLM()); err != nil {
		return g, err
	}
	g.overloaded, _, err = startGateway(ctx, http.HandlerFunc(refuseAsOverloaded))
	return g, err
})

// startGateway runs testdata/pipeline.yaml with an LLM of this process, and returns the URLs of both once the gateway
// is ready.
func startGateway(ctx context.Context, llm http.Handler) (url, models string, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(binary), "gateway-")
	if err != nil {
		return "", "", err
	}
	served := httptest.NewServer(llm)
	stopping = append(stopping, served.Close)
	manifest, keys, err := configure(dir, served.URL)
	if err != nil {
		return "", "", err
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, binary, "run", "-f", manifest, "--keys", keys,
		"--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return "", "", err
	}
	stopping = append(stopping, func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	address, err := readAddress(stderr)
	if err != nil {
		return "", "", err
	}
	url = "http://" + address
	return url, served.URL, waitReady(ctx, url+"/readyz")
}

// configure writes the manifest with the URL of the LLM, and the clients' keys.
func configure(dir, llm string) (manifest, keys string, err error) {
	text, err := os.ReadFile(filepath.Join("testdata", "pipeline.yaml"))
	if err != nil {
		return "", "", err
	}
	manifest, keys = filepath.Join(dir, "pipeline.yaml"), filepath.Join(dir, "keys")
	text = bytes.ReplaceAll(text, []byte("http://llm"), []byte(llm))
	if err := os.WriteFile(manifest, text, 0o600); err != nil {
		return "", "", err
	}
	return manifest, keys, os.WriteFile(keys, []byte("compat="+key+"\n"), 0o600)
}

// build compiles the binary.
func build(ctx context.Context, dir string, flags ...string) (binary string, err error) {
	binary = filepath.Join(dir, "ragpipeline")
	_, err = output(ctx, "go", slices.Concat([]string{"build", "-o", binary}, flags, []string{"../.."})...)
	return binary, err
}

// raceFlags turn the race detector on where this test has it, so that both share what is compiled.
func raceFlags() []string {
	info, ok := debug.ReadBuildInfo()
	if ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		return []string{"-race"}
	}
	return nil
}

var listening = regexp.MustCompile(`serving on http://(127\.0\.0\.1:\d+)`)

// readAddress reads the log until it names the address, and goes on reading it after that, lest the process
// wait for a reader. The log ends when the process does.
func readAddress(log io.Reader) (string, error) {
	found := make(chan string, 1)
	var seen []byte
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			seen = append(append(seen, lines.Bytes()...), '\n')
			if address := listening.FindSubmatch(lines.Bytes()); address != nil {
				found <- string(address[1])
				_, _ = io.Copy(io.Discard, log)
				return
			}
		}
	}()
	select {
	case address := <-found:
		return address, nil
	case <-ended:
		return "", fmt.Errorf("it ended before it listened:\n%s", seen)
	case <-time.After(time.Minute):
		return "", errors.New("its log named no address within a minute")
	}
}

// waitReady asks until the answer is 200.
func waitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("status %d", response.StatusCode)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready within a minute: %w", url, err)
		case <-tick.C:
		}
	}
}
