// Command ragpipeline is the one binary: data-plane pods and the one-machine pipeline. This package holds flags
// and wiring only; what happens is in the packages under internal.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes, for scripts: a Job's pod failure policy ends a run at once on exitUnusable, because running the
// same arguments again cannot help.
const (
	exitFailed   = 1
	exitUnusable = 2
)

// unusable marks an error in the arguments or in the manifest.
type unusable struct{ error }

func (u unusable) Unwrap() error { return u.error }

func main() {
	// A second signal ends the process at once: stop gives it back to the runtime.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "ragpipeline:", err)
		os.Exit(exitCode(err))
	}
}

func exitCode(err error) int {
	if _, ok := errors.AsType[unusable](err); ok {
		return exitUnusable
	}
	return exitFailed
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "ragpipeline",
		Short:         "From one RAGPipeline manifest to answers with citations",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unusable{fmt.Errorf("unknown command %q; see ragpipeline --help", args[0])}
		}
		return nil
	}
	root.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return unusable{err} })
	root.AddCommand(newRunCommand(), newOperatorCommand(), newGatewayCommand(), newIngestCommand(), newModelsCommand(), newPDFWorkerCommand())
	return root
}

// noArgs refuses positional arguments, as unusable.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unusable{fmt.Errorf("%s takes no argument, but got %q; see ragpipeline %s --help", cmd.Name(), args[0], cmd.Name())}
	}
	return nil
}
