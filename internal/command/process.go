package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate"
	"github.com/ragpipeline/ragpipeline/internal/ingest"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
	"github.com/ragpipeline/ragpipeline/internal/serve"
	"github.com/ragpipeline/ragpipeline/internal/source"
	"github.com/ragpipeline/ragpipeline/internal/split"
)

const (
	// shutdownGrace is how long requests may go on after a signal: under the 30 s that a pod is given.
	shutdownGrace = 25 * time.Second
	// probeInterval is how long a model may be idle before one minimal call asks whether it still answers.
	probeInterval = time.Minute
)

// process is what every part of one data-plane process shares.
type process struct {
	log      *slog.Logger
	registry *prometheus.Registry
	stages   *serve.Stages
	models   model.Transport
	keys     keys.Ring
}

func newProcess(log *slog.Logger, ring keys.Ring) *process {
	p := &process{log: log, registry: prometheus.NewRegistry(), stages: serve.NewStages(), keys: ring}
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	p.models.Log = log
	p.models.Observe = model.Observers(model.NewMetrics(p.registry), p.stages.Observe)
	return p
}

// access is what an index is opened for.
type access bool

const (
	forQuestions access = false
	forWriting   access = true
)

// openIndex opens the index that the config names and registers its metrics. A Weaviate that is opened for questions
// need not be running yet.
func (p *process) openIndex(ctx context.Context, pipeline config.Pipeline, g config.Generation, where config.Index, a access) (index.Store, error) {
	store, err := p.openStore(ctx, pipeline, g, where, a)
	if err != nil {
		return nil, err
	}
	p.registry.MustRegister(index.NewCollector(store))
	return store, nil
}

func (p *process) openStore(ctx context.Context, pipeline config.Pipeline, g config.Generation, where config.Index, a access) (index.Store, error) {
	if w := where.Weaviate; w != nil {
		return weaviate.Open(ctx, weaviate.Options{Index: *w, Pipeline: pipeline, Generation: g, Key: p.keys(w.Key), ReadOnly: a == forQuestions})
	}
	return local.Open(ctx, local.Options{Directory: where.Local.Directory, Pipeline: pipeline, Generation: g})
}

// cacheDirectory is where the compiled PDF reader is kept: beside a local index, so that the next run finds it.
func cacheDirectory(where config.Index) string {
	if where.Local != nil {
		return filepath.Join(where.Local.Directory, "cache")
	}
	return filepath.Join(os.TempDir(), "ragpipeline-cache")
}

// configMaps gives a ConfigMap's entries by its name.
type configMaps func(name string) (map[string][]byte, error)

// ingest brings the index up to date with the sources.
func (p *process) ingest(ctx context.Context, log *slog.Logger, c config.Ingest, store index.Store, maps configMaps, progress func(config.Progress)) (*ingest.Report, error) {
	sources, err := openSources(c.Sources, maps)
	if err != nil {
		return nil, unusable{err}
	}
	splitter, err := split.New(c.Generation.Chunking)
	if err != nil {
		return nil, unusable{err}
	}
	worker, err := pdfWorker(cacheDirectory(c.Index))
	if err != nil {
		return nil, err
	}
	extractor := extract.New(extract.Options{Worker: worker})
	defer extractor.Close()
	return ingest.Run(ctx, ingest.Options{
		Config:     c,
		Sources:    sources,
		Extractor:  extractor,
		Splitter:   splitter,
		Embedder:   model.NewEmbedder(c.Embedding, c.Generation.Embedding, p.keys(c.Embedding.Key), p.models),
		Index:      store,
		Progress:   progress,
		Log:        log,
		Registerer: p.registry,
	})
}

func openSources(configs []config.Source, maps configMaps) ([]source.Source, error) {
	var sources []source.Source
	for _, c := range configs {
		s, err := source.New(c, maps)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}

// questionPath is what answers: the service, and the clients that the gateway passes requests on to.
type questionPath struct {
	service  *query.Service
	embedder *model.Embedder
	ranker   *model.Ranker // nil: no reranking
	chat     *model.Chat   // nil: retrieval only
}

func (p *process) questionPath(c config.Gateway, searcher index.Searcher) *questionPath {
	q := &questionPath{embedder: model.NewEmbedder(c.Models.Embedding, c.Generation.Embedding, p.keys(c.Models.Embedding.Key), p.models)}
	o := query.Options{Config: c, Index: searcher, Embedder: q.embedder, Report: p.stages.Report, Registerer: p.registry}
	if m := c.Models.Reranking; m != nil {
		q.ranker = model.NewRanker(*m, p.keys(m.Key), p.models)
		o.Ranker = q.ranker
	}
	if m := c.Models.LLM; m != nil {
		q.chat = model.NewChat(*m, p.keys(m.Key), p.models)
		o.Chat = q.chat
	}
	q.service = query.New(o)
	return q
}

// probe asks each idle model for a sign of life until ctx ends, unless its config forbids it, and likewise an index
// on the network.
func (p *process) probe(ctx context.Context, c config.Models, where config.Index, q *questionPath) {
	if where.Weaviate != nil {
		go p.stages.Probe(ctx, probeInterval, config.StageIndex, q.service.ProbeIndex)
	}
	if !c.Embedding.NoProbe {
		go p.stages.Probe(ctx, probeInterval, model.Embedding, q.embedder.Probe)
	}
	if c.Reranking != nil && !c.Reranking.NoProbe {
		go p.stages.Probe(ctx, probeInterval, model.Reranking, q.ranker.Probe)
	}
	if c.LLM != nil && !c.LLM.NoProbe {
		go p.stages.Probe(ctx, probeInterval, model.LLM, q.chat.Probe)
	}
}

// gateway puts HTTP before the question path.
func (p *process) gateway(c config.Gateway, q *questionPath, reader index.Reader, clients func() (keys.Clients, error), loopbackOnly bool) *gateway.Gateway {
	o := gateway.Options{
		Config:       c,
		Query:        q.service,
		Index:        reader,
		Embedder:     q.embedder,
		Keys:         clients,
		LoopbackOnly: loopbackOnly,
		Log:          p.log,
	}
	if q.ranker != nil {
		o.Ranker = q.ranker
	}
	return gateway.New(o)
}

// opsStatus is what the process says of itself on its ops port.
func (p *process) opsStatus(pipeline config.Pipeline, g config.Generation, reader index.Reader) func(context.Context) config.OpsStatus {
	return func(ctx context.Context) config.OpsStatus {
		return config.OpsStatus{
			Pipeline:   pipeline.String(),
			Generation: g.Fingerprint(),
			Stages:     p.stages.Snapshot(),
			Index:      indexStatus(ctx, reader, g),
		}
	}
}

const (
	// maxFailures is how many failed documents the status names.
	maxFailures = 10
	// statsTimeout is how long the status waits for the figures of an index that may be away: less than the operator
	// waits for the status, which says more than them.
	statsTimeout = time.Second
)

func indexStatus(ctx context.Context, reader index.Reader, g config.Generation) config.IndexStatus {
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	status := config.IndexStatus{EmbeddingModel: g.Embedding.Model}
	stats, err := reader.Stats(ctx)
	if err != nil {
		return status
	}
	status.Documents, status.Chunks, status.FailedDocuments = stats.Documents, stats.Chunks, stats.FailedDocuments
	status.Dimensions, status.LastSync = stats.Dimensions, stats.Completed
	failed, err := reader.Failures(ctx, maxFailures)
	if err != nil {
		return status
	}
	for _, row := range failed {
		status.Failures = append(status.Failures, config.Failure{Document: row.Document, Reason: row.Reason, Message: row.Message})
	}
	return status
}

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

// listen opens a port at the address that a flag gives.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, unusable{fmt.Errorf("--%s %s: %w", flag, address, err)}
	}
	return l, nil
}
