package dataplane

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// typed runs the program in a terminal at which somebody types the lines, and returns what the terminal shows.
func typed(t *testing.T, home, lines string, environment []string, args ...string) string {
	t.Helper()
	script, err := exec.LookPath("script")
	if err != nil || runtime.GOOS != "linux" {
		t.Skip("there is no script(1) of util-linux, which makes terminals")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), script, "--quiet", "--return", "--command", path+" "+strings.Join(args, " "), "/dev/null")
	command.Dir, command.Stdin = home, strings.NewReader(lines)
	command.Env = append(cleanEnvironment(), environment...)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, output)
	}
	return string(output)
}

// Documents are sent to hosted models only for somebody who was asked and said yes.
func TestHostedModelsAreTakenForAYesAlone(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{"y": "integrate.api.nvidia.com", "Yes": "integrate.api.nvidia.com", "": "standIn",
		"n": "standIn", "yesterday": "standIn"} {
		home := t.TempDir()
		write(t, filepath.Join(home, "papers", "wind.md"), wind)
		shown := typed(t, home, answer+"\n", []string{"OLLAMA_HOST=127.0.0.1:1", "NVIDIA_API_KEY=nvapi-of-this-test"}, "init", "papers")
		contains(t, shown, "Use NVIDIA's hosted models?", "would be sent to ai.api.nvidia.com and integrate.api.nvidia.com. [y/N]")
		written, err := os.ReadFile(filepath.Join(home, "ragpipeline.yaml"))
		if err != nil || !strings.Contains(string(written), want) || strings.Contains(string(written), "nvapi-of") {
			t.Errorf("after %q, the manifest lacks %s: %v\n%s", answer, want, err, written)
		}
	}
	home := t.TempDir()
	write(t, filepath.Join(home, "papers", "wind.md"), wind)
	if shown := typed(t, home, "y\n", []string{"OLLAMA_HOST=127.0.0.1:1"}, "init", "papers"); strings.Contains(shown, "hosted models?") {
		t.Errorf("without a key, there is a question:\n%s", shown)
	}
}

// The page opens in the browser of somebody who sits at a screen.
func TestThePageOpensInABrowser(t *testing.T) {
	t.Parallel()
	_, c := serving(t, []string{"-f", manifest(t, pipeline(volume, standIns)), "--documents", directory(t, map[string]string{"a.md": wind})})
	c.get("/healthz").want(t, http.StatusOK)
	home := t.TempDir()
	opened := filepath.Join(home, "opened")
	write(t, filepath.Join(home, "bin", "xdg-open"), "#!/bin/sh\nprintf %s \"$1\" > "+opened+".new && mv "+opened+".new "+opened+"\n")
	if err := os.Chmod(filepath.Join(home, "bin", "xdg-open"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + filepath.Join(home, "bin") + ":" + os.Getenv("PATH")
	open := func(environment []string, then ...string) {
		t.Helper()
		shown := typed(t, home, "", append(environment, path), append([]string{"open", "--url", c.url}, then...)...)
		contains(t, shown, c.url)
	}
	open(nil) // there is no screen
	if _, err := os.Stat(opened); err == nil {
		t.Error("a browser was opened where there is no screen")
	}
	// The terminal stays until the browser has begun: when it closes, so does what began in it.
	open([]string{"DISPLAY=:1"}, "; timeout 60 sh -c 'until test -e", opened, "; do sleep .05; done'")
	if url, err := os.ReadFile(opened); string(url) != c.url {
		t.Errorf("the browser was opened at %q, want %s: %v", url, c.url, err)
	}
}
