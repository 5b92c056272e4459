// Command ragpipeline is the one binary: the operator, the pods of its data plane, and a pipeline
// on one machine.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/ragpipeline/ragpipeline/internal/command"
	"github.com/ragpipeline/ragpipeline/internal/serve"
)

func main() {
	// The heap profile of the ops port samples an allocation of each 4 MiB: by default it is each 512 KiB, which takes a
	// hundredth of a question's CPU.
	runtime.MemProfileRate = 4 << 20

	// After the first signal, stop restores the default handling, so that a second one ends the
	// process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	err := command.New().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	if err != nil {
		text := err.Error()
		// Which request was under way is of no interest; an ingestion tells what is kept of its work.
		if interrupted && errors.Is(err, context.Canceled) && !strings.Contains(text, "interrupted") {
			text = "interrupted"
		}
		if text != "" {
			fmt.Fprintln(serve.Plain(os.Stderr), "ragpipeline:", text)
		}
		os.Exit(command.ExitCode(err))
	}
}
