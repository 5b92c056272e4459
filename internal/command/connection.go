package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/client"
	"github.com/ragpipeline/ragpipeline/internal/command/cluster"
	"github.com/ragpipeline/ragpipeline/internal/serve"
)

// connection says which pipeline a command is about: one of a cluster by its name, or the one whose gateway is at
// a URL. Every command for people has it, and the streams that it prints to.
type connection struct {
	cluster        cluster.Flags
	url, keyFile   string
	output         string
	stdin          io.Reader
	stdout, stderr io.Writer
	progress       io.Writer // is standard error as it is, since a terminal's line of progress is redrawn
	getenv         func(string) string
}

// keyVariable is the environment variable with the key of the gateway.
const keyVariable = "RAGPIPELINE_API_KEY"

// registerOutput adds -o, and has the command print to cmd's streams what cannot drive a terminal.
func (c *connection) registerOutput(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&c.output, "output", "o", "text", "text, or json")
	complete(cmd, "output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		c.stdin, c.getenv = cmd.InOrStdin(), os.Getenv
		c.stdout, c.stderr = serve.Plain(cmd.OutOrStdout()), serve.Plain(cmd.ErrOrStderr())
		c.progress = cmd.ErrOrStderr()
		if c.output != "text" && c.output != "json" {
			return unusable{fmt.Errorf("--output %s: use text or json", c.output)}
		}
		return nil
	}
}

// registerCluster also adds the flags that select a cluster, and completes names.
func (c *connection) registerCluster(cmd *cobra.Command) {
	c.registerOutput(cmd)
	c.cluster.Register(cmd.Flags(), "the context's")
	c.complete(cmd)
}

// register also adds the flags of a command that speaks to a gateway.
func (c *connection) register(cmd *cobra.Command) {
	c.registerCluster(cmd)
	flags := cmd.Flags()
	flags.StringVar(&c.url, "url", "", "`URL` of a gateway, such as that of run, instead of a pipeline in a cluster")
	flags.StringVar(&c.keyFile, "key-file", "",
		"file with the key of the gateway, - is standard input (default $"+keyVariable+", then the pipeline's Secret)")
}

func (c *connection) json() bool { return c.output == "json" }

// named splits the arguments [NAME] OTHERS...: with --url, there is no name.
func (c *connection) named(
	cmd *cobra.Command, args []string, others ...string,
) (name string, rest []string, err error) {
	want := others
	if c.url == "" {
		want = append([]string{"NAME"}, others...)
	}
	if len(args) != len(want) {
		usage := cmd.CommandPath() + " " + strings.Join(want, " ")
		if c.url == "" && cmd.Flags().Lookup("url") != nil {
			usage += ", or --url URL instead of NAME"
		}
		return "", nil, unusable{fmt.Errorf("%s got %d arguments; write %s", cmd.Name(), len(args), usage)}
	}
	if c.url == "" {
		return args[0], args[1:], nil
	}
	return "", args, nil
}

// ofPipeline is the RunE of a command whose only argument is NAME.
func (c *connection) ofPipeline(
	run func(ctx context.Context, name string) error,
) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		name, _, err := c.named(cmd, args)
		if err != nil {
			return err
		}
		return run(cmd.Context(), name)
	}
}

// gateway connects to the gateway of the pipeline of that name, or to that of --url. The caller calls end.
func (c *connection) gateway(ctx context.Context, name string) (gateway *client.Client, end func(), err error) {
	gateway, end, err = c.connect(ctx, name)
	if _, coded := errors.AsType[unusable](err); err != nil && !coded {
		err = exit{err, exitUnreadable}
	}
	return gateway, end, err
}

func (c *connection) connect(ctx context.Context, name string) (*client.Client, func(), error) {
	key, err := c.key()
	if err != nil {
		return nil, nil, unusable{err}
	}
	if c.url != "" {
		gateway, err := client.New(c.url, key)
		if err != nil {
			return nil, nil, unusable{fmt.Errorf("--url: %w", err)}
		}
		return gateway, func() {}, nil
	}
	k, err := c.cluster.Connect()
	if err != nil {
		return nil, nil, fmt.Errorf("%w, or a gateway by --url", err)
	}
	p, err := k.Pipeline(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	if key == "" {
		if key, err = k.Key(ctx, p); err != nil {
			return nil, nil, err
		}
	}
	forwarding, err := k.Forward(ctx, p, 0, serve.People(c.stderr, slog.LevelWarn))
	if err != nil {
		return nil, nil, err
	}
	gateway, err := client.Forwarded(forwarding.URL, key)
	return gateway, forwarding.Close, err
}

// pipeline finds the cluster and the pipeline of that name in it, for commands that need a cluster.
func (c *connection) pipeline(ctx context.Context, name string) (*cluster.Cluster, *v1alpha1.RAGPipeline, error) {
	k, err := c.cluster.Connect()
	if err != nil {
		return nil, nil, err
	}
	p, err := k.Pipeline(ctx, name)
	return k, p, err
}

// key is the key of --key-file or of the environment; empty if there is none.
func (c *connection) key() (string, error) {
	var content []byte
	var err error
	switch c.keyFile {
	case "":
		return strings.TrimSpace(c.getenv(keyVariable)), nil
	case "-":
		content, err = io.ReadAll(io.LimitReader(c.stdin, maxKey))
	default:
		content, err = os.ReadFile(c.keyFile)
	}
	key := strings.TrimSpace(string(content))
	switch {
	case err != nil:
		return "", fmt.Errorf("--key-file: %w", err)
	case key == "" || len(content) >= maxKey || strings.ContainsAny(key, "\n\r"):
		return "", fmt.Errorf("--key-file %s: the file must hold a key on one line, and nothing else", c.keyFile)
	}
	return key, nil
}

// maxKey bounds a key; a real one has some hundred bytes.
const maxKey = 16 << 10

// completionWithin bounds how long a shell waits for names.
const completionWithin = time.Second

// complete completes the names of pipelines, namespaces and contexts, within a second.
func (c *connection) complete(cmd *cobra.Command) {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 || c.url != "" {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return c.names(cmd.Context(), (*cluster.Cluster).PipelineNames)
	}
	complete(cmd, "namespace", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return c.names(cmd.Context(), (*cluster.Cluster).Namespaces)
	})
	complete(cmd, "context", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return c.cluster.Contexts(), cobra.ShellCompDirectiveNoFileComp
	})
}

// complete completes the values of a flag.
func complete(cmd *cobra.Command, flag string, values cobra.CompletionFunc) {
	_ = cmd.RegisterFlagCompletionFunc(flag, values) // fails for a flag that was not declared
}

// names asks the cluster for names. Without an answer there is nothing to complete.
func (c *connection) names(
	ctx context.Context, list func(*cluster.Cluster, context.Context) ([]string, error),
) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(ctx, completionWithin)
	defer cancel()
	k, err := c.cluster.Connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, _ := list(k, ctx)
	return names, cobra.ShellCompDirectiveNoFileComp
}
