package dataplane

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/test/loopback"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// The commands of docs/tutorial.md work as they stand there, one after the other, up to those for a cluster. An Ollama and
// NVIDIA's hosted models are played; the Ollama has its models already.
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
	laptop, _, found := strings.Cut(string(page), "\n## In a cluster")
	if !found {
		t.Fatal("the tutorial has another order")
	}
	script := "set -euo pipefail\nollama() { :; }\n" + strings.Join(blocks(laptop, "sh"), "")
	script = strings.ReplaceAll(script, "127.0.0.1:8085", loopback.Free(t))

	output := shell(t, bash, t.TempDir(), script, append(hostedModels(t), "OLLAMA_HOST="+ollama(t, nimsim.Start(t, nimsim.Options{})))...)
	contains(t, output, "up to 24 weeks", "documents/leave.md", "140 euros", "1 changed", "takes more than six hours")
}

// elsewhere begin the commands of README.md that need more than this machine, or what the test brings along. They are
// the steps of hack/demo.sh and test/e2e.
var elsewhere = []string{"git clone ", "make ", "helm install ", "kubectl apply ", "bin/ragpipeline wait quickstart",
	"bin/ragpipeline ask quickstart "}

// The commands of README.md work from top to bottom, with NVIDIA's hosted models played, and so does that of docs/cli.md for a gateway at a URL.
func TestTheREADMEWorksByCopyAndPaste(t *testing.T) {
	t.Parallel()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	for _, dir := range []string{"docs", "config/samples"} {
		if err := os.CopyFS(filepath.Join(home, dir), os.DirFS(filepath.Join("../..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Dir(path), filepath.Join(home, "bin")); err != nil {
		t.Fatal(err)
	}
	script, ran := "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n", 0
	for command := range strings.Lines(strings.ReplaceAll(strings.Join(readBlocks(t, "../../README.md"), ""), "\\\n", "")) {
		if slices.ContainsFunc(elsewhere, func(e string) bool { return strings.HasPrefix(command, e) }) {
			continue
		}
		if ran++; strings.Contains(command, "--listen ") { // serves until it is stopped
			command = strings.TrimSpace(command) + " &\nragpipeline wait --url http://127.0.0.1:8080\n"
		}
		script += command
	}
	if ran != 6 {
		t.Errorf("%d commands are to run", ran)
	}
	output := shell(t, bash, home, strings.ReplaceAll(script, "127.0.0.1:8080", loopback.Free(t)), hostedModels(t)...)
	contains(t, output, "A pipeline switches to a new index without downtime. [1]", "only that document fails", `"choices":[`)

	for _, block := range readBlocks(t, "../../docs/cli.md") {
		if !strings.Contains(block, "--url") {
			continue
		}
		script := "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n" + strings.Replace(block, " &\n", " --listen 127.0.0.1:8080 &\n", 1)
		contains(t, shell(t, bash, home, strings.ReplaceAll(script, "127.0.0.1:8080", loopback.Free(t))), "Ready means", "Citations")
	}
}

// shell runs a script that succeeds, with the program in its path, and returns what it prints.
func shell(t *testing.T, bash, home, script string, environment ...string) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), bash, "-c", script)
	command.Dir = home
	command.Env = append(append(cleanEnvironment(), "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH")), environment...)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	return string(output)
}

// readBlocks are the commands of a page.
func readBlocks(t *testing.T, path string) []string {
	t.Helper()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return blocks(string(page), "sh")
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
