package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// fillFlags are the flags of `fill`.
type fillFlags struct {
	install, exit string
}

// newFillCommand returns a command for init containers alone. One of them installs this binary into
// a volume, and those of the sources' programs start it from there.
func newFillCommand() *cobra.Command {
	var f fillFlags
	cmd := &cobra.Command{
		Use:    "fill --exit FILE -- PROGRAM [ARGUMENT]...",
		Short:  "Run the program that fills a source's directory, and record its exit code",
		Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if (f.install == "") == (f.exit == "") || (f.exit == "") != (len(args) == 0) {
				return unusable{errors.New("fill needs either --install FILE, or --exit FILE and a program")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.install != "" {
				return installBinary(f.install)
			}
			return fill(cmd.Context(), f.exit, args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.install, "install", "", "file to copy this binary to")
	flags.StringVar(&f.exit, "exit", "", "file for the exit code of the program")
	return cmd
}

// installBinary copies this program to a file.
func installBinary(to string) error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	in, err := os.Open(binary)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o555) //nolint:gosec // it is to be run
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// programGrace is how long a program may take to end after a signal; Kubernetes gives a pod 30 s.
const programGrace = 25 * time.Second

// fill runs a program, and records how it ended. It fails only if that cannot be recorded, or if it
// was told to stop. A signal is passed on.
func fill(ctx context.Context, exit string, program []string, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, program[0], program[1:]...) //nolint:gosec // starting it is what the command does
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = programGrace
	err := cmd.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("%s was stopped: %w", program[0], context.Cause(ctx))
	}
	return record(exit, exitOf(err))
}

// exitOf says how a program ended.
func exitOf(err error) config.ProgramExit {
	failure, ended := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return config.ProgramExit{}
	case !ended:
		return config.ProgramExit{Code: 127, Error: err.Error()}
	}
	if status, ok := failure.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return config.ProgramExit{Code: 128 + int(status.Signal())}
	}
	return config.ProgramExit{Code: failure.ExitCode()}
}

// record writes the file whole or not at all.
func record(file string, e config.ProgramExit) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	part := filepath.Join(filepath.Dir(file), ".part")
	if err := os.WriteFile(part, data, 0o600); err != nil {
		return fmt.Errorf("the program's exit code cannot be recorded: %w", err)
	}
	return os.Rename(part, file)
}
