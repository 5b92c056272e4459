package dataplane

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// The commands of docs/tutorial.md work as they stand there, one after the other, up to those for hosted models and for a
// cluster. An Ollama is played; it has its models already.
func TestTheTutorialWorksByCopyAndPaste(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	page, err := os.ReadFile("../../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	laptop, _, found := strings.Cut(string(page), "\n## With NVIDIA's hosted models")
	if !found {
		t.Fatal("the tutorial has another order")
	}
	script := "set -euo pipefail\nollama() { :; }\n" + strings.Join(blocks(laptop, "sh"), "")
	script = strings.ReplaceAll(script, "127.0.0.1:8085", freeAddress(t))

	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	command := exec.CommandContext(t.Context(), bash, "-c", script)
	command.Dir = home
	command.Env = append(cleanEnvironment(), "OLLAMA_HOST="+ollama(t, nimsim.Start(t, nimsim.Options{})),
		"PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"))
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	contains(t, string(output), "up to 24 weeks", "documents/leave.md", "140 euros", "1 changed", "takes more than six hours")
}

// blocks are the fenced blocks of a language.
func blocks(page, language string) (list []string) {
	for i, part := range strings.Split(page, "\n```") {
		if body, ok := strings.CutPrefix(part, language+"\n"); ok && i%2 == 1 {
			list = append(list, body+"\n")
		}
	}
	return list
}

// freeAddress is one on loopback that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
