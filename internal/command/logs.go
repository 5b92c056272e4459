package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/command/cluster"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

type logsFlags struct {
	connection
	options cluster.LogOptions
}

// parts are the components that have pods.
var parts = []string{
	naming.ComponentGateway, naming.ComponentIngest, naming.ComponentEmbedding, naming.ComponentReranking,
	naming.ComponentLLM, naming.ComponentStandIn, naming.ComponentWeaviate, naming.ComponentExtraction,
}

func newLogsCommand() *cobra.Command {
	var f logsFlags
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Print the logs of all parts of a pipeline, each line after the pod that wrote it",
		Example: `  ragpipeline logs quickstart -f
  ragpipeline logs quickstart --part ingest --tail -1`,
		RunE: f.ofPipeline(f.run),
	}
	f.registerCluster(cmd)
	flags := cmd.Flags()
	flags.BoolVarP(&f.options.Follow, "follow", "f", false, "go on until interrupted, with pods that start later")
	flags.StringVar(&f.options.Component, "part", "", "print one part alone: "+strings.Join(parts, ", "))
	flags.Int64Var(&f.options.Tail, "tail", 100, "how many of the last lines of each container to print; -1 is all")
	flags.DurationVar(&f.options.Since, "since", 0, "print lines that are younger than this, such as 10m")
	complete(cmd, "part", cobra.FixedCompletions(parts, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (f *logsFlags) run(ctx context.Context, name string) error {
	k, p, err := f.pipeline(ctx, name)
	if err != nil {
		return exit{err, exitUnreadable}
	}
	encoder := json.NewEncoder(f.stdout)
	return k.Logs(ctx, p, f.options, func(line cluster.LogLine) error {
		if f.json() {
			return encoder.Encode(line)
		}
		from := strings.TrimPrefix(line.Pod, name+"-")
		if line.Container != line.Part {
			from += "/" + line.Container
		}
		_, err := fmt.Fprintf(f.stdout, "%s  %s\n", from, line.Line)
		return err
	})
}
