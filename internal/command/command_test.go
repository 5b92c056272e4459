package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

func TestExitCodes(t *testing.T) {
	cause := errors.New("no such field")
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"a failure", cause, exitFailed},
		{"an interrupted run", context.Canceled, exitFailed},
		{"a locked index", fmt.Errorf("open: %w", index.ErrLocked), exitFailed},
		{"a manifest that cannot be used", unusable{cause}, exitUnusable},
		{"the same, wrapped and joined with another error",
			errors.Join(context.Canceled, fmt.Errorf("run: %w", unusable{cause})), exitUnusable},
		{"a task's config that cannot be used", ofTask{fmt.Errorf("config: %w", unusable{cause})}, config.ExitUnusable},
		{"a task that failed", ofTask{cause}, exitFailed},
	} {
		if got := ExitCode(c.err); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
	if !errors.Is(unusable{cause}, cause) {
		t.Error("unusable hides its cause")
	}
}

func TestMistakesInTheCommandLineAreUnusable(t *testing.T) {
	for _, args := range [][]string{
		{"rnu"}, {"run"}, {"run", "now"}, {"run", "--documnets", "d"}, {"run", "-f"},
		{"gateway"}, {"ingest"}, {"ingest", "--config"}, {"gateway", "--config", "nowhere.json"}, {"models", "8000"},
		{"models", "--listen", "nowhere"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			cmd := New()
			cmd.SetArgs(args)
			cmd.SetOut(new(bytes.Buffer))
			cmd.SetErr(new(bytes.Buffer))
			if err := cmd.ExecuteContext(t.Context()); ExitCode(err) != exitUnusable {
				t.Errorf("exit code %d: %v", ExitCode(err), err)
			}
		})
	}
}

func TestWithoutACommandTheHelpIsShown(t *testing.T) {
	var out bytes.Buffer
	cmd := New()
	cmd.SetArgs(nil)
	cmd.SetOut(&out)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"run", "operator", "gateway", "ingest", "models"} {
		if !strings.Contains(out.String(), "\n  "+command+" ") {
			t.Errorf("the help does not name %s:\n%s", command, out.String())
		}
	}
}
