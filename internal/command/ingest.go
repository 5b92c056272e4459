package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/ingest"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/serve"
)

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
	p := newProcess(serve.Logger(cmd.ErrOrStderr(), nil), keys.Mounted(f.secrets))
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
		err = ingest.Retire(ctx, c, store)
	}
	stop()
	return report, errors.Join(err, <-served)
}
