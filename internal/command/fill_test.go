package command

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestFillRecordsHowTheProgramEnded(t *testing.T) {
	for name, tt := range map[string]struct {
		program []string
		want    config.ProgramExit
	}{
		"well":          {[]string{"sh", "-c", "echo done"}, config.ProgramExit{}},
		"with a code":   {[]string{"sh", "-c", "echo sorry >&2; exit 7"}, config.ProgramExit{Code: 7}},
		"by a signal":   {[]string{"sh", "-c", "kill -KILL $$"}, config.ProgramExit{Code: 137}},
		"with no start": {[]string{"/no/such/program"}, config.ProgramExit{Code: 127, Error: "fork/exec /no/such/program: no such file or directory"}},
		"not in the PATH": {[]string{"no-such-program"}, config.ProgramExit{
			Code: 127, Error: `exec: "no-such-program": executable file not found in $PATH`}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "exit.json")
			var stdout, stderr bytes.Buffer
			if err := fill(t.Context(), file, tt.program, &stdout, &stderr); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got config.ProgramExit
			if err := json.Unmarshal(data, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tt.want == (config.ProgramExit{}) && stdout.String() != "done\n" {
				t.Errorf("printed %q, want what the program prints", stdout.String())
			}
		})
	}
}

// A pod that is deleted tells its program, and leaves no word of an end that was none.
func TestFillPassesOnThatItIsToStop(t *testing.T) {
	dir := t.TempDir()
	file, told := filepath.Join(dir, "exit.json"), filepath.Join(dir, "told")
	ctx, cancel := context.WithCancel(t.Context())
	started := writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	script := "trap 'touch " + told + "; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
	if err := fill(ctx, file, []string{"sh", "-c", script}, started, started); err == nil {
		t.Error("got no error, want one")
	}
	if _, err := os.Stat(told); err != nil {
		t.Errorf("the program was not told: %v", err)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("an exit code was recorded")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestFillInstallsThisProgram(t *testing.T) {
	to := filepath.Join(t.TempDir(), "ragpipeline")
	cmd := New()
	cmd.SetArgs([]string{"fill", "--install", to})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, _ := os.Stat(self)
	got, err := os.Stat(to)
	if err != nil || got.Size() != want.Size() || got.Mode()&0o111 != 0o111 {
		t.Errorf("installed %v, %v, want a program of %d bytes", got, err, want.Size())
	}
}

func TestFillRefusesOtherArguments(t *testing.T) {
	for _, args := range [][]string{{}, {"--exit", "f"}, {"--", "true"}, {"--install", "f", "--", "true"}, {"--install", "f", "--exit", "f"}} {
		cmd := New()
		cmd.SetArgs(append([]string{"fill"}, args...))
		if err := cmd.Execute(); err == nil || ExitCode(err) != exitUnusable {
			t.Errorf("%v: got error %v, want that the arguments are unusable", args, err)
		}
	}
}
