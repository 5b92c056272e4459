package compat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestPythonClients(t *testing.T) {
	interpreter := python(t)
	for _, client := range []string{"nvidia.py", "openai_sdk.py", "chat_openai.py", "openai_like.py"} {
		t.Run(client, func(t *testing.T) {
			eachServer(t, func(t *testing.T, s server) { runChecks(t, interpreter, client, s) })
		})
	}
}

// runChecks runs the checks of a script in clients against s, each as a test of its own.
func runChecks(t *testing.T, interpreter, script string, s server) {
	argument, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, interpreter, "-W", "ignore", filepath.Join("clients", script), string(argument))
	// Neither a key nor an address of the developer's may decide what is called.
	cmd.Env = append(os.Environ(), "NVIDIA_API_KEY=", "NVIDIA_BASE_URL=", "OPENAI_API_KEY=", "OPENAI_BASE_URL=",
		"HTTP_PROXY=", "http_proxy=", "ALL_PROXY=", "all_proxy=", "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := 0
	for results := json.NewDecoder(out); ; done++ {
		var result struct {
			Name  string
			Error string
		}
		if err := results.Decode(&result); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Errorf("the checks printed something else than results: %v", err)
			break
		}
		t.Run(result.Name, func(t *testing.T) {
			if result.Error != "" {
				t.Error(result.Error)
			}
		})
	}
	if err := cmd.Wait(); err != nil || done == 0 {
		t.Errorf("%s ended with %v after %d checks", script, err, done)
	}
}
