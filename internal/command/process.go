package command

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/serve"
)

// shutdownGrace is how long requests may continue after a signal: less than the 30 s that
// Kubernetes gives a pod.
const shutdownGrace = 25 * time.Second

// dataPlaneOptions describes a data-plane process.
type dataPlaneOptions struct {
	log        *slog.Logger
	keys       keys.Ring
	pipeline   config.Pipeline
	generation config.Generation
	index      config.Index
	// share is the documents that the process writes; the zero value is all.
	share index.Share
	// readOnly opens the index for questions alone. A Weaviate need not be running yet.
	readOnly bool
	// fresh empties the generation in a local index first.
	fresh bool
}

// dataPlane is one process of the data plane: a gateway, an ingestion, or both for `run`. Its parts
// share the index, the metrics and the state of the stages.
type dataPlane struct {
	dataPlaneOptions
	store    index.Store
	registry *prometheus.Registry
	stages   *serve.Stages
	models   model.Transport
}

// openDataPlane opens the index, which the caller closes.
func openDataPlane(ctx context.Context, o dataPlaneOptions) (*dataPlane, error) {
	store, err := o.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	d := &dataPlane{dataPlaneOptions: o, store: store, registry: prometheus.NewRegistry(), stages: serve.NewStages()}
	d.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		index.NewCollector(store),
	)
	d.models.Log, d.models.Learned = o.log, d.stages.Learn
	d.models.Observe = model.Observers(model.NewMetrics(d.registry), d.stages.Observe)
	return d, nil
}

func (o *dataPlaneOptions) openIndex(ctx context.Context) (index.Store, error) {
	if w := o.index.Weaviate; w != nil {
		return weaviate.Open(ctx, weaviate.Options{
			Index:      *w,
			Pipeline:   o.pipeline,
			Generation: o.generation,
			Key:        o.keys(w.Key),
			Share:      o.share,
			ReadOnly:   o.readOnly,
		})
	}
	return local.Open(ctx, local.Options{
		Directory:  o.index.Local.Directory,
		Pipeline:   o.pipeline,
		Generation: o.generation,
		Fresh:      o.fresh,
	})
}

// opsOptions describes the ops port of the process. The caller adds the readiness or the progress.
func (d *dataPlane) opsOptions() serve.OpsOptions {
	return serve.OpsOptions{
		Pipeline:   d.pipeline,
		Generation: d.generation,
		Stages:     d.stages,
		Index:      d.store,
		Gatherer:   d.registry,
	}
}

// podFlags are the flags of every data-plane pod.
type podFlags struct {
	config, secrets string
	ops             string // address of the ops port
	opsTLS          string // directory of its certificate
}

func (f *podFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.config, "config", "", "config file that the operator wrote")
	flags.StringVar(&f.secrets, "secrets", "/var/run/ragpipeline/secrets", "directory of mounted Secrets, <name>/<key>")
	flags.StringVar(&f.ops, "ops-listen", fmt.Sprintf(":%d", config.OpsPort),
		"address of status, metrics, health and profiles")
	flags.StringVar(&f.opsTLS, "ops-tls-dir", "",
		"directory of tls.crt and tls.key for that address, read again when they change; without it, it is plain HTTP")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if f.config == "" {
			return unusable{errors.New("--config FILE is missing: name the config that the operator wrote")}
		}
		return nil
	}
}

// opsServer opens the ops port. The caller sets the handler.
func (f *podFlags) opsServer(ctx context.Context, log *slog.Logger) (s serve.Server, err error) {
	s.Name = "ops"
	if s.TLS, err = certificateIn(f.opsTLS, log); err != nil {
		return s, err
	}
	s.Listener, err = listen(ctx, "ops-listen", f.ops)
	return s, err
}

// certificateIn is the TLS of a server whose certificate is in the directory; nil without one.
func certificateIn(directory string, log *slog.Logger) (*tls.Config, error) {
	if directory == "" {
		return nil, nil
	}
	certificate, err := serve.NewCertificate(directory, log)
	if err != nil {
		return nil, unusable{err}
	}
	return certificate.Config(), nil
}

// listen opens a port at the address that the flag gives.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, unusable{fmt.Errorf("--%s %s: %w", flag, address, err)}
	}
	return l, nil
}
