package command

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/extract"
)

const pdfWorkerName = "pdf-worker"

// pdfWorker returns the command line of a process that reads PDFs for this one.
func pdfWorker(cacheDir string) ([]string, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return []string{binary, pdfWorkerName, "--cache", cacheDir}, nil
}

// newPDFWorkerCommand is a command for the extractor alone. A terminal or an init system signals
// children as well: the worker ignores signals, and ends when its parent closes its input.
func newPDFWorkerCommand() *cobra.Command {
	var cacheDir string
	cmd := &cobra.Command{
		Use:    pdfWorkerName,
		Short:  "Read PDFs from standard input for another process of this binary",
		Hidden: true,
		Args:   noArgs,
		RunE: func(*cobra.Command, []string) error {
			signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			return extract.ServePDF(os.Stdin, os.Stdout, cacheDir)
		},
	}
	cmd.Flags().StringVar(&cacheDir, "cache", "", "directory of the compiled PDF reader; without it, it is compiled again")
	return cmd
}
