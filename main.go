// Command ragpipeline is the one binary: the operator, the pods of its data plane, and a pipeline
// on one machine.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/ragpipeline/ragpipeline/internal/command"
	"github.com/ragpipeline/ragpipeline/internal/serve"
)

func main() {
	// After the first signal, stop restores the default handling, so that a second one ends the
	// process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := command.New().ExecuteContext(ctx)
	stop()
	if err != nil {
		if text := err.Error(); text != "" {
			fmt.Fprintln(serve.Plain(os.Stderr), "ragpipeline:", text)
		}
		os.Exit(command.ExitCode(err))
	}
}
