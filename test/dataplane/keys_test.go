package dataplane

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

const wind = "# Wind\n\nWind is measured in knots."

func TestAKeyOfTheEnvironmentIsSentToTheModelAndKeptNowhere(t *testing.T) {
	t.Parallel()
	const key = "nvapi-of-this-test"
	sim := nimsim.Start(t, nimsim.Options{Key: key})
	spec := manifest(t, pipeline(volume, `
  models:
    embedding:
      endpoint: {url: "`+sim.URL+`/v1", model: `+config.StandInEmbedding+`, secretRef: {name: nvidia, key: NVIDIA_API_KEY}}
    llm:
      endpoint: {url: "`+sim.URL+`/v1", model: `+config.StandInLLM+`, secretRef: {name: nvidia, key: NVIDIA_API_KEY}}`))
	data := t.TempDir()
	args := []string{"run", "-f", spec, "--documents", directory(t, map[string]string{"a.md": wind}), "--data", data, "--ask", "What is wind measured in?"}

	p := start(t, args, environment("NVIDIA_API_KEY=wrong-"+key)).wait()
	p.ends(1, "refused the API key; check secretRef (HTTP 401)")
	if strings.Contains(p.stderr.String(), key) {
		t.Errorf("it shows the key:\n%s", p.stderr.String())
	}

	p = start(t, args, environment("NVIDIA_API_KEY="+key)).wait()
	p.ends(0)
	contains(t, p.stdout.String(), "Wind is measured in knots. [1]")
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), key) {
			t.Errorf("%s holds the key", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWithAFileOfKeysTheGatewayAsksForOne(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	write(t, keys, "# who may ask\nalice=token-of-alice\nbob=token=of=bob\n")
	_, c := serving(t, []string{"-f", manifest(t, pipeline(volume, standIns)), "--documents", directory(t, map[string]string{"a.md": wind}), "--keys", keys, "--listen", "0.0.0.0:0"})

	c.ask("What is wind measured in?").want(t, http.StatusUnauthorized, `"code":"Unauthenticated"`)
	for _, key := range []string{"token-of-alice", "token=of=bob"} {
		c.key = key
		c.ask("What is wind measured in?").want(t, http.StatusOK, "Wind is measured in knots. [1]")
	}
	c.key = "token-of-carol"
	c.get("/v1/documents").want(t, http.StatusUnauthorized)
	c.get("/healthz").want(t, http.StatusOK)
}
