package command

import (
	"context"
	"fmt"
	"io"
	"path"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/agent"
)

func newMCPCommand() *cobra.Command {
	var c connection
	cmd := &cobra.Command{
		Use:   "mcp NAME",
		Short: "Serve a pipeline to an agent, over standard input and output",
		Long: "mcp speaks the Model Context Protocol over standard input and output: an agent starts it, and then may\n" +
			"search a pipeline's documents, ask it, and read its documents. What the key may not see, the agent does not see.",
		Example: `  ragpipeline mcp quickstart
  ragpipeline mcp --url http://127.0.0.1:8080`,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, _, err := c.named(cmd, args)
			if err != nil {
				return err
			}
			if c.keyFile == "-" {
				return unusable{fmt.Errorf("--key-file: standard input is the agent's; name a file, or set %s", keyVariable)}
			}
			// The messages must arrive as they are, not made plain for a terminal.
			return serveAgent(cmd.Context(), &c, name, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	c.register(cmd)
	_ = cmd.Flags().MarkHidden("output") // it fails for a flag that was not declared
	return cmd
}

// serveAgent serves an agent until its input ends. The gateway is asked first, so that a wrong URL or key is told
// before the agent relies on it.
func serveAgent(ctx context.Context, c *connection, name string, in io.Reader, out io.Writer) error {
	gateway, end, err := c.gateway(ctx, name)
	if err != nil {
		return err
	}
	defer end()
	state, err := gateway.Index(ctx)
	if err != nil {
		return exit{err, exitUnreadable}
	}
	return agent.Serve(ctx, agent.NewServer(path.Base(state.Pipeline), version, gateway.Call), in, out)
}
