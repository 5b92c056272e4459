package compat

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
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

// server is one that clients are tried against. Its JSON is what clients/checks.py reads.
type server struct {
	BaseURL   string `json:"base_url"` // ends in /v1
	Chat      string `json:"chat"`     // the models' names
	Embedding string `json:"embedding"`
	Ranking   string `json:"ranking"`
	Question  string `json:"question"`
	Gateway   bool   `json:"gateway"`
}

// name is what clients.json calls every model, and so what both servers do.
const name = "demo"

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
	return newServer(models.URL, false)
}

// gateway is the one that the binary itself runs, for all tests together.
func gateway(t *testing.T) server {
	t.Helper()
	url, err := startGateway()
	if err != nil {
		t.Fatalf("start the gateway: %v", err)
	}
	return newServer(url, true)
}

func newServer(url string, gateway bool) server {
	return server{BaseURL: url + "/v1", Chat: name, Embedding: name, Ranking: name, Question: question, Gateway: gateway}
}

// stopGateway ends what startGateway began.
var stopGateway = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	stopGateway()
	os.Exit(code)
}

// startGateway builds the binary, runs testdata/pipeline.yaml, and returns the gateway's URL once it is ready.
var startGateway = sync.OnceValues(func() (url string, err error) {
	dir, err := os.MkdirTemp("", "ragpipeline-compat-")
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopGateway = func() {
		cancel()
		os.RemoveAll(dir)
	}
	binary, err := build(ctx, dir, raceFlags()...)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, binary, "run", "-f", filepath.Join("testdata", "pipeline.yaml"),
		"--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	stopGateway = func() {
		cancel()
		_ = cmd.Wait() // it was killed
		os.RemoveAll(dir)
	}
	address, err := readAddress(stderr)
	if err != nil {
		return "", err
	}
	url = "http://" + address
	return url, waitReady(ctx, url+"/readyz")
})

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

var listening = regexp.MustCompile(`127\.0\.0\.1:\d+`)

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
			if address := listening.Find(lines.Bytes()); address != nil {
				found <- string(address)
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
