package command

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/extract/worker"
)

const extractWorkerName = "extract-worker"

// extractWorker returns the command line of a process that reads documents for this one.
func extractWorker(cacheDir string) ([]string, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	memory := strconv.Itoa(worker.DefaultMemory)
	return []string{binary, extractWorkerName, "--cache", cacheDir, "--memory", memory}, nil
}

// newExtractWorkerCommand returns a command for the Pool of workers alone. A terminal or an init system signals
// children as well: the worker ignores signals, and ends when its parent closes its input.
func newExtractWorkerCommand() *cobra.Command {
	var cacheDir string
	var memory int64
	cmd := &cobra.Command{
		Use:    extractWorkerName,
		Short:  "Read documents from standard input for another process of this binary",
		Hidden: true,
		Args:   noArgs,
		RunE: func(*cobra.Command, []string) error {
			signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			worker.Limit(memory)
			in, err := worker.Stdin()
			if err != nil {
				return err
			}
			return worker.Serve(in, os.Stdout, cacheDir)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cacheDir, "cache", "", "directory of the compiled PDF reader; without it, it is compiled again")
	flags.Int64Var(&memory, "memory", worker.DefaultMemory, "most bytes of memory of this process")
	return cmd
}
