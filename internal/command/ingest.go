package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/extract/server"
	"github.com/ragpipeline/ragpipeline/internal/extract/worker"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/ingest"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/serve"
	"github.com/ragpipeline/ragpipeline/internal/source"
	"github.com/ragpipeline/ragpipeline/internal/split"
)

// ingestFlags are the flags of `ingest`.
type ingestFlags struct {
	podFlags
	termination, bundles string
	sync                 syncFlags
	share                index.Share
	run                  string
}

func newIngestCommand() *cobra.Command {
	var f ingestFlags
	cmd := &cobra.Command{
		Use:   "ingest --config FILE",
		Short: "Bring an index up to date with its sources, once: the ingestion's pod",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := f.ingest(cmd.Context(), serve.Logger(cmd.ErrOrStderr(), nil))
			if f.termination != "" {
				err = errors.Join(err, writeTermination(f.termination, report, err))
			}
			if errors.Is(err, ingest.ErrDrifted) {
				err = unusable{err} // the same again cannot help
			}
			if err != nil {
				return ofTask{err}
			}
			return nil
		},
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.termination, "termination-log", "",
		"file for the summary that Kubernetes reads as the termination message")
	f.sync.register(cmd)
	flags.IntVar(&f.share.Workers, "workers", 1, "how many processes share the run")
	flags.IntVar(&f.share.Worker, "worker", 0, "number of this process among them, from 0")
	flags.StringVar(&f.run, "run", "", "name of the run that these processes share")
	flags.StringVar(&f.bundles, "bundles", "/var/run/ragpipeline/bundles",
		"directory of mounted ConfigMaps with certificates, <name>/<key>")
	return cmd
}

// syncFlags let one run do what its config leaves to a person.
type syncFlags struct {
	confirmPrune, retryFailed bool
}

func (f *syncFlags) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.confirmPrune, "confirm-prune", false,
		"remove documents that vanished from a source, even if they are more than spec.sync.maxPrune")
	cmd.Flags().BoolVar(&f.retryFailed, "retry-failed", false,
		"read documents again that failed before, even those that are parked after three runs")
}

// writeTermination writes the summary of the report, or at least the error, for the kubelet.
func writeTermination(path string, report *ingest.Report, err error) error {
	if report == nil {
		report = new(ingest.Report)
	}
	if err != nil {
		report.Error = err.Error()
	}
	return os.WriteFile(path, report.Summary().JSON(), 0o600)
}

// team is the workers that share the run; nil for one process.
func (f *ingestFlags) team(store index.Store) (*ingest.Team, error) {
	if f.share.Workers == 1 && f.share.Worker == 0 {
		return nil, nil
	}
	shared, ok := store.(index.Shared)
	switch {
	case f.share.Worker < 0 || f.share.Worker >= f.share.Workers || f.run == "":
		return nil, unusable{fmt.Errorf("--worker %d --workers %d --run %q: name the run, and a worker from 0 to %d",
			f.share.Worker, f.share.Workers, f.run, f.share.Workers-1)}
	case !ok:
		return nil, unusable{errors.New("--workers: several processes cannot write a local index")}
	}
	return &ingest.Team{Share: f.share, Run: f.run, Index: shared}, nil
}

// ingest ingests once, and serves the ops port until the end.
func (f *ingestFlags) ingest(ctx context.Context, log *slog.Logger) (*ingest.Report, error) {
	c, err := config.ReadIngest(f.config)
	if err != nil {
		return nil, unusable{err}
	}
	stopTracing, err := serve.Tracing(ctx, "ragpipeline-ingest")
	if err != nil {
		return nil, err
	}
	defer func() { _ = stopTracing(context.WithoutCancel(ctx)) }() // lost spans are not a failure
	d, err := openDataPlane(ctx, dataPlaneOptions{
		log:        log,
		keys:       keys.Mounted(f.secrets),
		pipeline:   c.Pipeline,
		generation: c.Generation,
		index:      c.Index,
		share:      f.share,
	})
	if err != nil {
		return nil, err
	}
	defer d.store.Close()
	d.stages.LogTo(log)
	team, err := f.team(d.store)
	if err == nil && f.share.Worker == 0 {
		err = ingest.Retire(ctx, *c, d.store, false)
	}
	if err != nil {
		return nil, err
	}
	ops, err := f.opsServer(ctx, log)
	if err != nil {
		return nil, err
	}
	var progress atomic.Pointer[config.Progress]
	status := d.opsOptions()
	status.Progress = progress.Load
	ops.Handler = serve.Ops(status)
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() {
		served <- serve.Run(serving, log, shutdownGrace, ops)
	}()
	report, err := d.ingest(ctx, ingestion{
		config:    *c,
		sync:      f.sync,
		team:      team,
		resolvers: source.Resolvers{Secret: d.secret, CABundle: keys.Bundles(f.bundles)},
		progress:  func(now config.Progress) { progress.Store(&now) },
		log:       log,
	})
	if err == nil && !report.Unfinished {
		err = ingest.Retire(ctx, *c, d.store, true)
	}
	stop()
	return report, errors.Join(err, <-served)
}

// ingestion is one run over the sources.
type ingestion struct {
	config    config.Ingest
	sync      syncFlags
	team      *ingest.Team // nil for one process
	resolvers source.Resolvers
	progress  func(config.Progress)
	log       *slog.Logger
}

// secret returns the value of an entry of a Secret.
func (d *dataPlane) secret(key config.SecretKey) (string, error) { return d.keys(&key)() }

// ingest brings the index up to date with the sources.
func (d *dataPlane) ingest(ctx context.Context, i ingestion) (*ingest.Report, error) {
	var sources []source.Source
	for _, s := range i.config.Sources {
		opened, err := source.New(s, i.resolvers)
		if err != nil {
			return nil, unusable{err}
		}
		sources = append(sources, opened)
	}
	splitter, err := split.New(i.config.Generation.Chunking)
	if err != nil {
		return nil, unusable{err}
	}
	command, err := extractWorker(d.cacheDirectory())
	if err != nil {
		return nil, err
	}
	extractor := worker.New(worker.Options{Command: command, Container: serve.ContainerMemory()})
	defer extractor.Close()
	reader, err := d.withServer(extractor, i.config.Extraction, i.log)
	if err != nil {
		return nil, unusable{err}
	}
	texts, err := d.texts(ctx, i.config.Texts)
	if err != nil {
		return nil, err
	}
	if texts != nil {
		defer texts.Close()
	}
	embedding := i.config.Embedding
	embedder := model.NewEmbedder(embedding, i.config.Generation.Embedding, d.keys(embedding.Key), d.models)
	options := ingest.Options{
		Config:    i.config,
		Sources:   sources,
		Extractor: reader,
		Splitter:  splitter,
		Embedder:  embedder,
		Searcher:  d.store,
		Query:     embedder.PatientQuery,
		Anchor:    embedder.Anchor,
		Pace:      embedder.Pace,
		Index:     d.store,
		Team:      i.team,

		ConfirmPrune: i.sync.confirmPrune,
		RetryFailed:  i.sync.retryFailed,

		Progress:   i.progress,
		Log:        i.log,
		Registerer: d.registry,
	}
	if i.config.Extraction != nil {
		options.Workers = server.InFlight // they wait for the server rather than for a core
	}
	if texts != nil {
		options.Texts = texts
	}
	defer serve.HoldLittle()()
	return ingest.Run(ctx, options)
}

// texts opens the generation whose texts the run takes; nil if it takes none, or has no second store.
func (d *dataPlane) texts(ctx context.Context, g *config.Generation) (index.Store, error) {
	if g == nil || d.index.Weaviate == nil {
		return nil, nil
	}
	lender := d.dataPlaneOptions
	lender.generation, lender.readOnly, lender.share = *g, true, index.Share{}
	return lender.openIndex(ctx)
}

// withServer puts the extraction server, if there is one, beside the built-in readers.
func (d *dataPlane) withServer(
	builtin *worker.Pool, c *config.Extraction, log *slog.Logger,
) (ingest.Extractor, error) {
	if c == nil {
		return builtin, nil
	}
	return server.New(server.Options{
		Config:    *c,
		Key:       d.keys(c.Server.Key),
		Builtin:   builtin,
		Transport: d.models,
		Log:       log,
	})
}

// cacheDirectory returns where the compiled PDF reader is kept: in the user's cache, where all runs find it, or beside
// a local index.
func (d *dataPlane) cacheDirectory() string {
	if d.index.Local == nil {
		return filepath.Join(os.TempDir(), "ragpipeline-cache")
	}
	if dir := extract.UserCache(); dir != "" {
		return dir
	}
	return filepath.Join(d.index.Local.Directory, "cache")
}
