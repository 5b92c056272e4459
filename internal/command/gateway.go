package command

import (
	"context"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/serve"
)

func newGatewayCommand() *cobra.Command {
	var f podFlags
	var address, clients string
	cmd := &cobra.Command{
		Use:   "gateway --config FILE",
		Short: "Answer questions over a built index: the query gateway's pod",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.ReadGateway(f.config)
			if err != nil {
				return unusable{err}
			}
			p := newProcess(serve.Logger(cmd.ErrOrStderr(), nil), keys.Mounted(f.secrets))
			return p.serveGateway(cmd.Context(), *c, address, clients, f.ops)
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&address, "listen", ":8080", "address of the API")
	cmd.Flags().StringVar(&clients, "keys-dir", "", "directory of the clients' keys, a file each; without it anyone may ask")
	return cmd
}

func (p *process) serveGateway(ctx context.Context, c config.Gateway, address, clientsDir, ops string) error {
	stopTracing, err := serve.Tracing(ctx, "ragpipeline-gateway")
	if err != nil {
		return err
	}
	defer func() { _ = stopTracing(context.WithoutCancel(ctx)) }() // spans that cannot be sent are no failure
	store, err := p.openIndex(ctx, c.Pipeline, c.Generation, c.Index, forQuestions)
	if err != nil {
		return err
	}
	defer store.Close()
	api, err := listen(ctx, "listen", address)
	if err != nil {
		return err
	}
	defer api.Close()
	operations, err := listen(ctx, "ops-listen", ops)
	if err != nil {
		return err
	}
	var clients func() (keys.Clients, error)
	if clientsDir != "" {
		clients = keys.MountedClients(clientsDir)
	}
	path := p.questionPath(c, store)
	g := p.gateway(c, path, store, clients, false)
	probing, stop := context.WithCancel(ctx)
	defer stop()
	p.probe(probing, c.Models, c.Index, path)
	go func() {
		g.Warm(probing)
		debug.FreeOSMemory() // loading the index leaves garbage that an idle process would keep for minutes
	}()
	ready := func() bool { return ctx.Err() == nil && g.Ready() }
	status := p.opsStatus(c.Pipeline, c.Generation, store)
	return serve.Run(ctx, p.log, shutdownGrace,
		serve.Server{Name: "gateway", Listener: api, Handler: g.Handler()},
		serve.Server{Name: "ops", Listener: operations, Handler: serve.Ops(serve.OpsOptions{
			Status: func(ctx context.Context) config.OpsStatus {
				s := status(ctx)
				s.Ready = ready()
				return s
			},
			Ready:    ready,
			Gatherer: p.registry,
		})})
}
