package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/ingest"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/manifest"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
	"github.com/ragpipeline/ragpipeline/internal/serve"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// runFlags are the flags of `run`, and the streams it prints to.
type runFlags struct {
	files, documents  []string
	hosts             []string
	data, ask, output string
	listen, keys      string
	stdout, stderr    io.Writer
	getenv            func(string) string
	logFormat         string
	asking, rebuild   bool
	retain            time.Duration // is how long a replaced generation stays
	log               *slog.Logger
	sync              syncFlags
	// progress is how far the ingestion is; nil while none runs.
	progress atomic.Pointer[config.Progress]
}

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [-f FILE]... [--documents [SOURCE=]DIR]... [--ask QUESTION]",
		Short: "Run a RAGPipeline on this machine: index its documents, then answer or serve",
		Example: `  ragpipeline run -f config/samples/quickstart.yaml --ask "How does a pipeline switch to a new index?"
  ragpipeline run --documents ./docs --ask "What is a generation?"
  ragpipeline run -f pipeline.yaml --documents ./docs --listen 127.0.0.1:8080`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.stdout, f.stderr, f.getenv = cmd.OutOrStdout(), cmd.ErrOrStderr(), os.Getenv
			f.asking = cmd.Flags().Changed("ask")
			return f.logged(f.run)(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.files, "filename", "f", nil,
		"manifest with the RAGPipeline, its ConfigMaps and Secrets; repeatable, - is standard input "+
			"(default what init would write)")
	flags.StringArrayVar(&f.documents, "documents", nil, "[SOURCE=]DIR: directory that replaces a source; repeatable")
	flags.StringVar(&f.data, "data", "", "directory of the index (default .ragpipeline/<name>)")
	flags.BoolVar(&f.rebuild, "rebuild", false,
		"build the index anew, for an embedding server that has put another model behind the same name")
	flags.StringVar(&f.ask, "ask", "", "print the answer to this question and exit, instead of serving")
	flags.StringVar(&f.output, "output", "text", "with --ask: text, or json for the chat completion's body")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080",
		"address of the gateway; without --keys it must be a loopback address")
	flags.StringArrayVar(&f.hosts, "host", nil,
		"without --keys: name, besides localhost, by which the gateway may be addressed; repeatable")
	flags.StringVar(&f.keys, "keys", "",
		"file of the clients' API keys: a line name=token, or name={token: ..., groups: [...]}, for each client")
	flags.StringVar(&f.logFormat, "log-format", "",
		"format of what goes to standard error: text for people, or json (default text, and json in a pod)")
	f.sync.register(cmd)
	return cmd
}

// logged has run log for people, and in a pod or where JSON is asked for, write nothing but JSON lines to standard
// error: progress, reports and its own error, too.
func (f *runFlags) logged(run func(context.Context) error) func(context.Context) error {
	if f.logFormat == "" && f.getenv("KUBERNETES_SERVICE_HOST") != "" {
		f.logFormat = "json"
	}
	if f.logFormat != "json" {
		f.log = serve.People(f.stderr, slog.LevelWarn)
		return run
	}
	f.log = serve.Logger(f.stderr, slog.LevelInfo)
	f.stderr = serve.Lines(f.log)
	return func(ctx context.Context) error {
		err := run(ctx)
		if err == nil {
			return nil
		}
		f.log.Error("Run failed", "error", err)
		return exit{code: ExitCode(err)}
	}
}

// run reads the manifest, brings the index up to date, then answers or serves.
func (f *runFlags) run(ctx context.Context) error {
	if err := f.validate(ctx); err != nil {
		return unusable{err}
	}
	bundle, err := f.load(ctx)
	if err != nil {
		return err
	}
	standIns, stop, err := startStandIns(ctx)
	if err != nil {
		return err
	}
	defer stop()
	c, err := f.configs(bundle.Pipeline, standIns)
	if err != nil {
		return unusable{err}
	}
	if !f.rebuild { // a fresh index is for another model, and the others are of the one before
		f.retain = ptr.Deref(bundle.Pipeline.Spec.Index.Retain, metav1.Duration{}).Duration
	}
	ring := keys.FromManifest(bundle.Secrets, f.getenv)
	if err := checkKeys(ring, c); err != nil {
		return unusable{err}
	}
	d, err := openDataPlane(ctx, dataPlaneOptions{
		log:        f.log,
		keys:       ring,
		pipeline:   c.ingest.Pipeline,
		generation: c.ingest.Generation,
		index:      c.ingest.Index,
		fresh:      f.rebuild,
	})
	if err != nil {
		return err
	}
	defer d.store.Close()
	resolvers := d.resolvers(bundle.ConfigMaps)
	update := func(ctx context.Context) error { return f.bringUpToDate(ctx, d, c.ingest, resolvers) }
	path := d.questionPath(c.gateway)
	stats, err := d.store.Stats(ctx)
	if err != nil {
		return err
	}
	complete := !stats.Completed.IsZero()
	if !complete {
		if err := d.checkModels(ctx, path, f.asking, f.stderr); err != nil {
			return err
		}
	}
	d.stages.LogTo(d.log)
	if !f.asking {
		options, stop, err := d.localOptions(path, c.ingest.Sources, resolvers)
		if err != nil {
			return err
		}
		defer stop()
		return f.serve(ctx, d, options, path, complete, update)
	}
	if err := f.updateAsked(ctx, d, path, update); err != nil {
		return err
	}
	return f.answer(ctx, path)
}

// load reads the manifest, or makes one.
func (f *runFlags) load(ctx context.Context) (bundle *manifest.Bundle, err error) {
	if len(f.files) == 0 {
		if f.files, err = f.starterFiles(ctx); err != nil {
			return nil, err
		}
	}
	if bundle, err = manifest.Load(f.files); err != nil {
		return nil, unusable{err}
	}
	for _, note := range bundle.Notes {
		fmt.Fprintln(serve.Plain(f.stderr), "note:", note)
	}
	return bundle, nil
}

// updateAsked updates the index for one question. If another embedding model is behind the same name by now, an index
// that is complete answers as it is.
func (f *runFlags) updateAsked(
	ctx context.Context, d *dataPlane, path *questionPath, update func(context.Context) error,
) error {
	err := update(ctx)
	if !errors.Is(err, ingest.ErrDrifted) {
		return err
	}
	stats, failed := d.store.Stats(ctx)
	if failed != nil || stats.Completed.IsZero() {
		return err
	}
	f.warnNotUpToDate(err)
	path.service.SetDrifted(true)
	return nil
}

func (f *runFlags) warnNotUpToDate(err error) {
	fmt.Fprintf(serve.Plain(f.stderr), "warning: the index is not up to date, and serves what it had: %v\n", err)
}

func (f *runFlags) validate(ctx context.Context) error {
	switch {
	case len(f.files) == 0 && len(f.documents) == 0:
		return errors.New("name a manifest by -f FILE, or a directory of documents by --documents DIR")
	case f.output != "text" && f.output != "json":
		return fmt.Errorf("--output %s: use text or json", f.output)
	case f.logFormat != "" && f.logFormat != "text" && f.logFormat != "json":
		return fmt.Errorf("--log-format %s: use text or json", f.logFormat)
	case f.asking && f.ask == "":
		return errors.New("--ask: the question is empty")
	case f.asking:
		return nil
	}
	return f.validateListen(ctx)
}

// validateListen checks that the gateway could be served, before an ingestion that may take an
// hour.
func (f *runFlags) validateListen(ctx context.Context) error {
	if _, _, err := net.SplitHostPort(f.listen); err != nil {
		return fmt.Errorf("--listen %s: write HOST:PORT, such as 127.0.0.1:8080", f.listen)
	}
	for _, host := range f.hosts {
		if !isHost(host) {
			return fmt.Errorf("--host %s: write a name or an address without scheme and port, such as docs.internal", host)
		}
	}
	if f.keys != "" {
		if _, err := keys.ClientsFile(f.keys)(); err != nil {
			return err
		}
	}
	listener, err := listen(ctx, "listen", f.listen)
	if err != nil {
		return err
	}
	return listener.Close() // until the gateway serves, a client is refused rather than kept waiting
}

// isHost reports whether a request can be for the host: it is an address or a DNS name.
func isHost(host string) bool {
	return net.ParseIP(host) != nil || len(validation.IsDNS1123Subdomain(strings.ToLower(host))) == 0
}

// bringUpToDate ingests while it shows the progress, and deletes from the index the pipeline's other generations that
// are not to stay for a way back.
func (f *runFlags) bringUpToDate(ctx context.Context, d *dataPlane, c config.Ingest, resolvers source.Resolvers) error {
	show, done := newProgress(f.stderr)
	f.progress.Store(&config.Progress{Phase: config.PhaseListing})
	defer f.progress.Store(nil)
	report, err := d.ingest(ctx, ingestion{
		config:    c,
		sync:      f.sync,
		resolvers: resolvers,
		progress: func(p config.Progress) {
			f.progress.Store(&p)
			show(p)
		},
		log: slog.New(slog.DiscardHandler), // the report says the same for people
	})
	done()
	if err == nil || report != nil && report.Listed > 0 {
		fmt.Fprintln(serve.Plain(f.stderr), report)
	}
	if errors.Is(err, ingest.ErrDrifted) {
		return fmt.Errorf("%w; serve that model again, or build the index anew with --rebuild", err)
	}
	if err != nil {
		return addressed(err)
	}
	return d.store.Retire(ctx, index.Retirement{Retain: f.retain})
}

func (f *runFlags) answer(ctx context.Context, path *questionPath) error {
	result, err := path.service.Answer(ctx, query.Request{Messages: []model.Message{{Role: "user", Content: f.ask}}})
	if err != nil {
		return addressed(err)
	}
	printWarnings(f.stderr, result.Warnings)
	completion := gateway.NewCompletion(uuid.NewString(), &path.config, result)
	if f.output == "json" {
		return json.NewEncoder(f.stdout).Encode(completion)
	}
	printAnswer(f.stdout, answerOf(completion))
	return nil
}

// serve serves an index that is complete at once, while update runs, and goes on if update fails. For any other index,
// it serves the page and the documents that are in it already, and answers once update has made it complete.
func (f *runFlags) serve(
	ctx context.Context, d *dataPlane, options gateway.Options, path *questionPath, complete bool,
	update func(context.Context) error,
) error {
	listener, err := listen(ctx, "listen", f.listen)
	if err != nil {
		return err
	}
	f.admit(&options)
	options.Progress = f.progress.Load
	var g *gateway.Gateway
	if options.LoopbackOnly {
		status := d.opsOptions()
		status.Ready, status.Progress = func() bool { return g.Ready() }, f.progress.Load
		options.Status = serve.Ops(status)
	}
	g = gateway.New(options)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	address := browsable(listener.Addr())
	answer := func() {
		d.probe(ctx, path)
		go g.Warm(ctx)
		fmt.Fprintf(f.stderr, "serving on %s (open it in a browser, or use an OpenAI client with %[1]s/v1 and model %q); "+
			"stop with Ctrl-C\n", address, path.config.Pipeline.Name)
	}
	if complete {
		answer()
	} else {
		fmt.Fprintf(f.stderr, "building the index; %s shows it in a browser, and answers when it is complete\n", address)
	}
	updated := make(chan error, 1)
	go func() {
		defer close(updated)
		if complete {
			updated <- f.updateServed(ctx, update, cancel)
		} else if err := update(ctx); err != nil {
			updated <- err
			cancel()
		} else {
			answer()
		}
	}()
	err = serve.Run(ctx, d.log, shutdownGrace,
		serve.Server{Name: "gateway", Listener: listener, Handler: g.Handler()})
	cancel()
	return errors.Join(err, <-updated)
}

// updateServed updates the index that is being served. Only a config that cannot be used ends the serving, by stop,
// and is an error: everything else is told, and the index serves what it has.
func (f *runFlags) updateServed(ctx context.Context, update func(context.Context) error, stop func()) error {
	err := update(ctx)
	if _, cannot := errors.AsType[unusable](err); cannot {
		stop()
		return err
	}
	if err != nil && ctx.Err() == nil {
		f.warnNotUpToDate(err)
	}
	return nil
}

// browsable returns a URL that a browser on this machine can open: localhost where the address is
// unspecified.
func browsable(a net.Addr) string {
	host, port, _ := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
