package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/oidc"
	"github.com/ragpipeline/ragpipeline/internal/query"
	"github.com/ragpipeline/ragpipeline/internal/serve"
	"github.com/ragpipeline/ragpipeline/internal/source"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// probeInterval is how long a stage may be idle before a minimal call checks that it answers.
const probeInterval = time.Minute

// gatewayFlags are the flags of `gateway`.
type gatewayFlags struct {
	podFlags
	listen, keysDir, tlsDir string
	termination             string // file for what is wrong with the certificate
}

func newGatewayCommand() *cobra.Command {
	var f gatewayFlags
	cmd := &cobra.Command{
		Use:   "gateway --config FILE",
		Short: "Answer questions over a built index: the query gateway's pod",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), serve.Logger(cmd.ErrOrStderr(), nil))
		},
	}
	f.register(cmd)
	cmd.Flags().StringVar(&f.listen, "listen", ":8080", "address of the API")
	cmd.Flags().StringVar(&f.keysDir, "keys-dir", "",
		"directory of the clients' API keys, a file for each client; without it no key is needed")
	cmd.Flags().StringVar(&f.tlsDir, "tls-dir", "",
		"directory of tls.crt and tls.key, read again when they change; without it the API is plain HTTP")
	cmd.Flags().StringVar(&f.termination, "termination-log", "",
		"file for the termination message, which tells why the certificate in --tls-dir cannot be used")
	return cmd
}

func (f *gatewayFlags) run(ctx context.Context, log *slog.Logger) error {
	c, err := config.ReadGateway(f.config)
	if err != nil {
		return unusable{err}
	}
	stopTracing, err := serve.Tracing(ctx, "ragpipeline-gateway")
	if err != nil {
		return err
	}
	defer func() { _ = stopTracing(context.WithoutCancel(ctx)) }() // lost spans are not a failure
	d, err := openDataPlane(ctx, dataPlaneOptions{
		log:        log,
		keys:       keys.Mounted(f.secrets),
		pipeline:   c.Pipeline,
		generation: c.Generation,
		index:      c.Index,
		readOnly:   true,
	})
	if err != nil {
		return err
	}
	defer d.store.Close()
	d.stages.LogTo(log)
	api := serve.Server{Name: "gateway"}
	if api.TLS, err = certificateIn(f.tlsDir, log); err != nil {
		return f.terminate(err)
	}
	if api.Listener, err = listen(ctx, "listen", f.listen); err != nil {
		return err
	}
	defer api.Listener.Close()
	ops, err := f.opsServer(ctx, log)
	if err != nil {
		return err
	}
	path := d.questionPath(*c)
	options, err := f.options(d, path)
	if err != nil {
		return err
	}
	g := gateway.New(options)
	api.Handler = g.Handler()
	background, stop := context.WithCancel(ctx)
	defer stop()
	d.probe(background, path)
	go func() {
		g.Warm(background)
		debug.FreeOSMemory() // loading the index leaves garbage that an idle process would keep for minutes
		serve.CollectSeldom()
	}()
	status := d.opsOptions()
	status.Ready = func() bool { return ctx.Err() == nil && g.Ready() }
	ops.Handler = serve.Ops(status)
	return serve.Run(ctx, log, shutdownGrace, api, ops)
}

// terminate leaves the cause for which the gateway ends to the operator, which cannot see the files of the pod.
func (f *gatewayFlags) terminate(cause error) error {
	if f.termination == "" {
		return cause
	}
	if err := os.WriteFile(f.termination, []byte(cause.Error()), 0o600); err != nil {
		return errors.Join(cause, fmt.Errorf("write the termination message: %w", err))
	}
	return cause
}

// options are those of a pod's gateway, with what is mounted.
func (f *gatewayFlags) options(d *dataPlane, path *questionPath) (o gateway.Options, err error) {
	o = d.gatewayOptions(path)
	if o.Originals, err = originals(path.config.Originals, source.Resolvers{}); err != nil {
		return o, unusable{err}
	}
	if f.keysDir != "" {
		o.Keys = keys.MountedClients(f.keysDir)
	}
	if c := path.config.OIDC; c != nil {
		admitTokens(&o, *c)
	}
	return o, nil
}

// questionPath answers questions: it holds the service, and the model clients that the gateway also
// serves directly.
type questionPath struct {
	config   config.Gateway
	service  *query.Service
	embedder *model.Embedder
	ranker   *model.Ranker // nil: no reranking
	chat     *model.Chat   // nil: retrieval only
}

func (d *dataPlane) questionPath(c config.Gateway) *questionPath {
	embedding := c.Models.Embedding
	q := &questionPath{
		config:   c,
		embedder: model.NewEmbedder(embedding, c.Generation.Embedding, d.keys(embedding.Key), d.models),
	}
	o := query.Options{
		Config:     c,
		Index:      d.store,
		Embedder:   q.embedder,
		Report:     d.stages.Report,
		Registerer: d.registry,
	}
	if m := c.Models.Reranking; m != nil {
		q.ranker = model.NewRanker(*m, d.keys(m.Key), d.models)
		o.Ranker = q.ranker
	}
	if m := c.Models.LLM; m != nil {
		q.chat = model.NewChat(*m, d.keys(m.Key), d.models)
		q.chat.Instruct(cmp.Or(c.Answer.System, query.Instructions))
		o.Chat = q.chat
	}
	q.service = query.New(o)
	return q
}

// gatewayOptions puts HTTP in front of the question path. The caller adds who may use it.
func (d *dataPlane) gatewayOptions(q *questionPath) gateway.Options {
	o := gateway.Options{
		Config: q.config, Query: q.service, Index: d.store, Embedder: q.embedder, Registerer: d.registry, Log: d.log,
	}
	if q.ranker != nil {
		o.Ranker = q.ranker
	}
	return o
}

// admitTokens admits the callers that an issuer vouches for, and lets the page sign them in where it is a client of the
// issuer.
func admitTokens(o *gateway.Options, c config.OIDC) {
	issuer := oidc.New(c)
	o.Tokens = issuer.Caller
	if c.ClientID != "" {
		o.SignIn = issuer
	}
}

// recognise embeds the fixed text, and tells the stages and the service whether the model is still the one that built
// the index. Where the index says nothing of it, such as before it is built, the state stays as it is.
func (d *dataPlane) recognise(ctx context.Context, q *questionPath) error {
	now, err := q.embedder.Anchor(ctx)
	if err != nil {
		return err
	}
	stats, err := d.store.Stats(ctx)
	if err != nil || len(stats.Measured.Anchor) == 0 {
		return nil //nolint:nilerr // the model has answered, and the index is another stage
	}
	then, err := vector.Decode(stats.Measured.Anchor)
	if err != nil || len(then) != len(now) {
		return nil //nolint:nilerr // a search finds that the dimensions differ
	}
	var drift error
	if !model.SameSpace(then, now) {
		name := q.config.Models.Embedding.Name
		drift = &model.Error{Stage: config.StageEmbedding, Failure: config.ModelDrifted, Model: name}
		d.log.Warn("Embedding model drifted", "model", name, "cosine", vector.Cosine(then, now))
	}
	q.service.SetDrifted(drift != nil)
	d.stages.Hold(config.StageEmbedding, drift)
	return nil
}

// probe calls the embedding model, each other model that is idle, and an index on the network, every probeInterval
// until ctx ends. A model's config may turn that off.
func (d *dataPlane) probe(ctx context.Context, q *questionPath) {
	if d.index.Weaviate != nil {
		go d.stages.Probe(ctx, probeInterval, config.StageIndex, q.service.ProbeIndex)
	}
	for _, a := range d.askings(q) {
		switch {
		case a.model.NoProbe:
		case a.stage == config.StageEmbedding:
			go d.stages.Watch(ctx, probeInterval, a.stage, d.impatiently(a))
		default:
			go d.stages.Probe(ctx, probeInterval, a.stage, d.impatiently(a))
		}
	}
}
