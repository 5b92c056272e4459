package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/ingest"
	"github.com/ragpipeline/ragpipeline/internal/serve"
)

// podFlags are what a data-plane pod is started with.
type podFlags struct {
	config, secrets string
	ops             string // address of the ops port
}

func (f *podFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.config, "config", "", "config file that the operator wrote")
	flags.StringVar(&f.secrets, "secrets", "/var/run/ragpipeline/secrets", "directory of mounted Secrets, <name>/<key>")
	flags.StringVar(&f.ops, "ops-listen", ":9090", "address of status, metrics, health and profiles")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if f.config == "" {
			return unusable{errors.New("--config FILE is missing: name the config that the operator wrote")}
		}
		return nil
	}
}

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
			p := newProcess(serve.Logger(cmd.ErrOrStderr(), nil), mountedKeys(f.secrets))
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
	var clients func() (map[string]string, error)
	if clientsDir != "" {
		clients = mountedClientKeys(clientsDir)
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

func newIngestCommand() *cobra.Command {
	var f podFlags
	var termination string
	cmd := &cobra.Command{
		Use:   "ingest --config FILE",
		Short: "Bring an index up to date with its sources, once: the ingestion's pod",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := f.ingest(cmd)
			if termination == "" {
				return err
			}
			return errors.Join(err, writeTermination(termination, report, err))
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&termination, "termination-log", "", "file for the report in brief, as Kubernetes reads it")
	return cmd
}

func (f *podFlags) ingest(cmd *cobra.Command) (*ingest.Report, error) {
	c, err := config.ReadIngest(f.config)
	if err != nil {
		return nil, unusable{err}
	}
	p := newProcess(serve.Logger(cmd.ErrOrStderr(), nil), mountedKeys(f.secrets))
	return p.ingestOnce(cmd.Context(), *c, f.ops)
}

// writeTermination leaves the report where the kubelet finds it, or at least why there is none.
func writeTermination(path string, report *ingest.Report, err error) error {
	if report == nil {
		report = new(ingest.Report)
	}
	if err != nil {
		report.Error = err.Error()
	}
	return os.WriteFile(path, report.Termination(), 0o600)
}

// ingestOnce runs an ingestion with its ops port beside it.
func (p *process) ingestOnce(ctx context.Context, c config.Ingest, ops string) (*ingest.Report, error) {
	stopTracing, err := serve.Tracing(ctx, "ragpipeline-ingest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = stopTracing(context.WithoutCancel(ctx)) }() // spans that cannot be sent are no failure
	store, err := p.openIndex(ctx, c.Pipeline, c.Generation, c.Index, forWriting)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	operations, err := listen(ctx, "ops-listen", ops)
	if err != nil {
		return nil, err
	}
	var progress atomic.Pointer[config.Progress]
	status := p.opsStatus(c.Pipeline, c.Generation, store)
	handler := serve.Ops(serve.OpsOptions{
		Status: func(ctx context.Context) config.OpsStatus {
			s := status(ctx)
			s.Progress = progress.Load()
			return s
		},
		Gatherer: p.registry,
	})
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() {
		served <- serve.Run(serving, p.log, shutdownGrace, serve.Server{Name: "ops", Listener: operations, Handler: handler})
	}()
	noConfigMaps := func(name string) (map[string][]byte, error) {
		return nil, fmt.Errorf("ConfigMap %q is not mounted", name)
	}
	report, err := p.ingest(ctx, p.log, c, store, noConfigMaps, func(now config.Progress) { progress.Store(&now) })
	if err == nil {
		err = retire(ctx, c, store)
	}
	stop()
	return report, errors.Join(err, <-served)
}

// retire removes the pipeline's other generations from the index when nothing uses them any more.
func retire(ctx context.Context, c config.Ingest, store indexHome) error {
	if len(c.Keep) != 1 || c.Keep[0] != c.Generation.Fingerprint() {
		return nil
	}
	return store.Retire(ctx)
}

// listen opens a port at the address that a flag gives.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, unusable{fmt.Errorf("--%s %s: %w", flag, address, err)}
	}
	return l, nil
}
