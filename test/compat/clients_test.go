package compat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// client is one that others wrote.
type client struct {
	name     string
	packages []string // are those whose versions the table shows, as versions knows them
	// command starts its checks, of which it appends the server to the arguments. A client in Go has checks instead.
	command func(t *testing.T) *exec.Cmd
	checks  map[string]func(*testing.T, server)
	models  bool // reports whether it is also tried against the stand-in models
	// lacks are required checks of what the client does not do.
	lacks []string
}

// The clients of the first table. LiteLLM and LlamaIndex do not take OpenAI's SDK 3, so that Python has two
// environments.
var clients = []client{
	{name: "OpenAI for Python", packages: []string{"openai"}, command: pythonScript("openai_sdk.py", sdk2), models: true},
	{name: "OpenAI for Python, version 3", packages: []string{"openai3:openai"}, command: pythonScript("openai_sdk.py", sdk3)},
	{name: "OpenAI for JavaScript", packages: []string{"npm:openai"}, command: nodeScript("openai.mjs", "openai")},
	{name: "OpenAI for Go", packages: []string{"github.com/openai/openai-go/v3"}, checks: goChecks, models: true},
	{name: "Vercel's AI SDK", packages: []string{"npm:ai", "npm:@ai-sdk/openai", "npm:@ai-sdk/openai-compatible"},
		command: nodeScript("ai.mjs", "ai", "@ai-sdk/openai", "@ai-sdk/openai-compatible")},
	{name: "Vercel's AI SDK 5", packages: []string{"npm:ai-5", "npm:openai-provider-2", "npm:compatible-provider-1"},
		command: nodeScript("ai.mjs", "ai-5", "openai-provider-2", "compatible-provider-1")},
	{name: "Vercel's AI SDK 7", packages: []string{"npm:ai-7", "npm:openai-provider-4", "npm:compatible-provider-3"},
		command: nodeScript("ai.mjs", "ai-7", "openai-provider-4", "compatible-provider-3")},
	{name: "OpenAI for JavaScript 4", packages: []string{"npm:openai-4"}, command: nodeScript("openai.mjs", "openai-4")},
	{name: "OpenAI for JavaScript 5", packages: []string{"npm:openai-5"}, command: nodeScript("openai.mjs", "openai-5")},
	{name: "OpenAI for JavaScript 7", packages: []string{"npm:openai-7"}, command: nodeScript("openai.mjs", "openai-7")},
	{name: "LangChain's OpenAI classes", packages: []string{"langchain-openai"}, command: pythonScript("chat_openai.py", sdk2),
		models: true},
	{name: "LangChain's OpenAI classes, on OpenAI's SDK 3", packages: []string{"openai3:langchain-openai"},
		command: pythonScript("chat_openai.py", sdk3)},
	{name: "LangChain's NVIDIA classes", packages: []string{"langchain-nvidia-ai-endpoints"},
		command: pythonScript("nvidia.py", sdk2), models: true},
	{name: "LlamaIndex's OpenAILike", packages: []string{"llama-index-llms-openai-like"},
		command: pythonScript("openai_like.py", sdk2), models: true},
	{name: "LiteLLM", packages: []string{"litellm"}, command: pythonScript("litellm_sdk.py", sdk2)},
	{name: "DSPy", packages: []string{"dspy"}, command: pythonScript("dspy_lm.py", sdk2),
		lacks: []string{"streams", "shows_sources", "cancels"}},
	{name: "Pydantic AI", packages: []string{"openai3:pydantic-ai-slim"}, command: pythonScript("pydantic_agent.py", sdk3)},
	{name: "OpenAI's Agents SDK", packages: []string{"openai3:openai-agents"}, command: pythonScript("openai_agent.py", sdk3)},
	{name: "Haystack", packages: []string{"openai3:haystack-ai"}, command: pythonScript("haystack_generator.py", sdk3),
		lacks: []string{"shows_sources"}},
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

func pythonScript(script, requirements string) func(*testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		return exec.Command(pythonWith(t, requirements), "-W", "ignore", filepath.Join("clients", script))
	}
}

// nodeScript runs a script with these packages, each an argument before the server.
func nodeScript(script string, packages ...string) func(*testing.T) *exec.Cmd {
	return func(t *testing.T) *exec.Cmd {
		return exec.Command("node", append([]string{filepath.Join(javascript(t), script)}, packages...)...)
	}
}

// notOfNames are the signs that a client's name has and a path or a word has not.
var notOfNames = regexp.MustCompile(`[^a-z0-9]+`)

// try runs the checks of a client against s, each as a test of its own.
func (c *client) try(t *testing.T, s server, to *results) {
	s = s.to(c)
	for name, check := range c.checks {
		if s.Gateway || !ofGateway[name] {
			to.add(c.name, name, t.Run(name, func(t *testing.T) { check(t, s) }))
		}
	}
	if c.command != nil {
		c.start(t, s, to)
	}
}

// to is the server as one client sees it: the LLM tells the clients' slow questions apart.
func (s server) to(c *client) server {
	s.Client = strings.Trim(notOfNames.ReplaceAllString(strings.ToLower(c.name), "-"), "-")
	s.Cancelled += s.Client
	return s
}

// start runs a script, and reads the results that it prints.
func (c *client) start(t *testing.T, s server, to *results) {
	cmd := c.command(t)
	argument, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, string(argument))
	cmd.Env = append(slices.DeleteFunc(cmd.Environ(), decidesWhatIsCalled), "PYTHONDONTWRITEBYTECODE=1",
		"OPENAI_AGENTS_DISABLE_TRACING=1", "HAYSTACK_TELEMETRY_ENABLED=False") // they would call out
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

// decidesWhatIsCalled reports whether a variable of the developer's environment has a key, an address or a proxy.
func decidesWhatIsCalled(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.Contains([]string{"NVIDIA_API_KEY", "NVIDIA_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL",
		"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"}, name)
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
