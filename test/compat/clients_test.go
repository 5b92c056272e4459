package compat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// client is one that others wrote.
type client struct {
	name     string
	packages []string // are those whose versions the table shows
	// command starts its checks, of which it appends the server to the arguments. A client in Go has checks instead.
	command func(t *testing.T) *exec.Cmd
	checks  map[string]func(*testing.T, server)
	models  bool // reports whether it is also tried against the stand-in models
}

var clients = []client{
	{name: "OpenAI for Python", packages: []string{"openai"}, command: pythonScript("openai_sdk.py"), models: true},
	{name: "OpenAI for JavaScript", packages: []string{"npm:openai"}, command: nodeScript("openai.mjs")},
	{name: "OpenAI for Go", packages: []string{"github.com/openai/openai-go/v3"}, checks: goChecks, models: true},
	{name: "Vercel's AI SDK", packages: []string{"npm:ai", "npm:@ai-sdk/openai", "npm:@ai-sdk/openai-compatible"},
		command: nodeScript("ai.mjs")},
	{name: "LangChain's OpenAI classes", packages: []string{"langchain-openai"}, command: pythonScript("chat_openai.py"),
		models: true},
	{name: "LangChain's NVIDIA classes", packages: []string{"langchain-nvidia-ai-endpoints"},
		command: pythonScript("nvidia.py"), models: true},
	{name: "LlamaIndex's OpenAILike", packages: []string{"llama-index-llms-openai-like"},
		command: pythonScript("openai_like.py"), models: true},
	{name: "LiteLLM", packages: []string{"litellm"}, command: pythonScript("litellm_sdk.py")},
}

// TestClients runs every client side by side, and holds the table of docs/clients.md to what passed.
func TestClients(t *testing.T) {
	all := &results{passed: map[string]map[string]bool{}}
	t.Run("each", func(t *testing.T) {
		for _, c := range clients {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				t.Run("gateway", func(t *testing.T) { c.try(t, gateway(t), all) })
				if c.models {
					t.Run("stand-in", func(t *testing.T) { c.try(t, standIn(t), nil) })
				}
			})
		}
	})
	all.check(t)
}

func pythonScript(script string) func(*testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		return exec.Command(python(t), "-W", "ignore", filepath.Join("clients", script))
	}
}

func nodeScript(script string) func(*testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		return exec.Command("node", filepath.Join(javascript(t), script))
	}
}

// try runs the checks of a client against s, each as a test of its own.
func (c *client) try(t *testing.T, s server, to *results) {
	for name, check := range c.checks {
		if s.Gateway || !ofGateway[name] {
			to.add(c.name, name, t.Run(name, func(t *testing.T) { check(t, s) }))
		}
	}
	if c.command != nil {
		c.start(t, s, to)
	}
}

// start runs a script, and reads the results that it prints.
func (c *client) start(t *testing.T, s server, to *results) {
	cmd := c.command(t)
	argument, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, string(argument))
	// Neither a key nor an address of the developer's may decide what is called.
	cmd.Env = append(cmd.Environ(), "NVIDIA_API_KEY=", "NVIDIA_BASE_URL=", "OPENAI_API_KEY=", "OPENAI_BASE_URL=",
		"HTTP_PROXY=", "http_proxy=", "ALL_PROXY=", "all_proxy=", "PYTHONDONTWRITEBYTECODE=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })()
	done := 0
	for printed := json.NewDecoder(out); ; done++ {
		var result struct {
			Name  string
			Error string
		}
		if err := printed.Decode(&result); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Errorf("the checks printed something else than results: %v", err)
			break
		}
		to.add(c.name, result.Name, t.Run(result.Name, func(t *testing.T) {
			if result.Error != "" {
				t.Error(result.Error)
			}
		}))
	}
	if err := cmd.Wait(); err != nil || done == 0 {
		t.Errorf("the checks ended with %v after %d", err, done)
	}
}

// results are the checks that ran, by client and check.
type results struct {
	mu     sync.Mutex
	passed map[string]map[string]bool
}

func (r *results) add(client, check string, passed bool) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.passed[client] == nil {
		r.passed[client] = map[string]bool{}
	}
	r.passed[client][check] = passed
}
