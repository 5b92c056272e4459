package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/client"
	"github.com/ragpipeline/ragpipeline/internal/command/cluster"
)

type statusFlags struct {
	connection
	watch, all bool
	// screen is the terminal that --watch redraws; nil is none.
	screen io.Writer
}

func newStatusCommand() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "status [NAME]",
		Short: "Show what a pipeline serves, what it builds, its conditions, sources and failures",
		Long: "status prints what the operator reports of a pipeline, or a row for each pipeline of the namespace.\n" +
			"With --url, it prints what the gateway there serves.",
		Example: "  ragpipeline status\n  ragpipeline status quickstart --watch",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := f.name(cmd, args)
			if err != nil {
				return err
			}
			if isTerminal(cmd.OutOrStdout()) {
				f.screen = cmd.OutOrStdout()
			}
			return f.run(cmd.Context(), name)
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVarP(&f.watch, "watch", "w", false, "go on, and print each change until interrupted")
	cmd.Flags().BoolVarP(&f.all, "all-namespaces", "A", false, "list the pipelines of all namespaces")
	return cmd
}

func (f *statusFlags) name(cmd *cobra.Command, args []string) (string, error) {
	if f.url == "" && len(args) == 0 {
		return "", nil
	}
	if f.all {
		return "", unusable{errors.New("--all-namespaces lists every pipeline: leave NAME and --url out")}
	}
	name, _, err := f.named(cmd, args)
	return name, err
}

// view renders the present state once: for people, and as JSON.
type view func(ctx context.Context, w io.Writer, json bool) error

func (f *statusFlags) run(ctx context.Context, name string) error {
	show, err := f.view(ctx, name)
	if err != nil {
		return err
	}
	if f.watch {
		err = f.follow(ctx, show)
	} else {
		err = show(ctx, f.stdout, f.json())
	}
	if err != nil && ctx.Err() == nil {
		return exit{err, exitUnreadable}
	}
	return nil
}

func (f *statusFlags) view(ctx context.Context, name string) (view, error) {
	if f.url != "" {
		g, _, err := f.gateway(ctx, "")
		return func(ctx context.Context, w io.Writer, asJSON bool) error { return showIndex(ctx, g, w, asJSON) }, err
	}
	k, err := f.cluster.Connect()
	if err != nil {
		return nil, exit{fmt.Errorf("%w, or a gateway by --url", err), exitUnreadable}
	}
	if name == "" {
		return func(ctx context.Context, w io.Writer, asJSON bool) error { return f.showAll(ctx, k, w, asJSON) }, nil
	}
	return func(ctx context.Context, w io.Writer, asJSON bool) error {
		p, err := k.Pipeline(ctx, name)
		if err != nil {
			return err
		}
		if asJSON {
			return printPipeline(w, p)
		}
		return printStatus(w, p, time.Now())
	}, nil
}

// printPipeline prints a pipeline as `kubectl get -o json` does, without who manages which field.
func printPipeline(w io.Writer, p *v1alpha1.RAGPipeline) error {
	p.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.Kind))
	p.ManagedFields = nil
	return json.NewEncoder(w).Encode(p)
}

func (f *statusFlags) showAll(ctx context.Context, k *cluster.Cluster, w io.Writer, asJSON bool) error {
	pipelines, err := k.Pipelines(ctx, f.all)
	switch {
	case err != nil:
		return err
	case asJSON:
		for i := range pipelines {
			if err := printPipeline(w, &pipelines[i]); err != nil {
				return err
			}
		}
		return nil
	case len(pipelines) == 0:
		fmt.Fprintf(f.stderr, "no RAGPipelines found in namespace %s; -A looks in all namespaces\n", k.Namespace)
		return nil
	}
	return printList(w, pipelines, f.all, time.Now())
}

func showIndex(ctx context.Context, g *client.Client, w io.Writer, asJSON bool) error {
	state, err := g.Index(ctx)
	switch {
	case err != nil:
		return err
	case asJSON:
		return json.NewEncoder(w).Encode(state)
	}
	printIndexState(w, g.URL(), state, time.Now())
	return nil
}

// watchEvery is the pause between two looks.
const watchEvery = time.Second

// follow shows each change, on a terminal in place, until ctx ends. After the first look, one that fails is shown
// and repeated.
func (f *statusFlags) follow(ctx context.Context, show view) error {
	ticks := time.NewTicker(watchEvery)
	defer ticks.Stop()
	var last []byte
	for {
		var now bytes.Buffer
		err := show(ctx, &now, f.json())
		switch {
		case ctx.Err() != nil || err != nil && last == nil:
			return err
		case err != nil:
			fmt.Fprintln(f.stderr, "warning:", err)
		case !bytes.Equal(now.Bytes(), last):
			if f.screen != nil && !f.json() {
				const home = "\x1b[H\x1b[2J" // to the first line, and clear the rest
				_, _ = io.WriteString(f.screen, home)
			}
			if _, err := f.stdout.Write(now.Bytes()); err != nil {
				return err
			}
			last = now.Bytes()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}
