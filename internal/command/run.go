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
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/manifest"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
	"github.com/ragpipeline/ragpipeline/internal/serve"
)

// runFlags are the flags of `run`, and the streams it prints to.
type runFlags struct {
	files, documents  []string
	data, ask, output string
	listen, keys      string
	stdout, stderr    io.Writer
	getenv            func(string) string
	asking            bool
}

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run -f FILE... [--documents [SOURCE=]DIR]... [--ask QUESTION]",
		Short: "Run a RAGPipeline on this machine: index its documents, then answer or serve",
		Example: `  ragpipeline run -f config/samples/quickstart.yaml --ask "How does a pipeline switch to a new index?"
  ragpipeline run -f pipeline.yaml --documents ./docs --listen 127.0.0.1:8080`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.stdout, f.stderr, f.getenv = cmd.OutOrStdout(), cmd.ErrOrStderr(), os.Getenv
			f.asking = cmd.Flags().Changed("ask")
			return f.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "manifest with the RAGPipeline, its ConfigMaps and Secrets; repeatable, - is standard input")
	flags.StringArrayVar(&f.documents, "documents", nil, "[SOURCE=]DIR: a directory in place of a source; repeatable")
	flags.StringVar(&f.data, "data", "", "directory of the index (default .ragpipeline/<name>)")
	flags.StringVar(&f.ask, "ask", "", "print the answer to this question and end, instead of serving")
	flags.StringVar(&f.output, "output", "text", "with --ask: text, or json for the chat completion's body")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "address of the gateway; other than loopback needs --keys")
	flags.StringVar(&f.keys, "keys", "", "file of the clients that may ask, a line name=token each")
	return cmd
}

// run is the whole of it: read the manifest, bring the index up to date, then answer or serve.
func (f *runFlags) run(ctx context.Context) error {
	if err := f.validate(ctx); err != nil {
		return unusable{err}
	}
	bundle, err := manifest.Load(f.files)
	if err != nil {
		return unusable{err}
	}
	for _, note := range bundle.Notes {
		fmt.Fprintln(f.stderr, "note:", note)
	}
	standIns, err := startStandIns(ctx)
	if err != nil {
		return err
	}
	defer standIns.stop()
	plan, err := f.plan(bundle, standIns.url)
	if err != nil {
		return unusable{err}
	}
	p := newProcess(serve.Logger(f.stderr, slog.LevelWarn), keys.FromManifest(bundle.Secrets, f.getenv))
	if err := p.checkKeys(plan.gateway.Models); err != nil {
		return unusable{err}
	}
	store, err := p.openIndex(ctx, plan.ingest.Pipeline, plan.ingest.Generation, plan.ingest.Index, forWriting)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := f.bringUpToDate(ctx, p, plan, store, bundle); err != nil {
		return err
	}
	path := p.questionPath(plan.gateway, store)
	if f.asking {
		return f.answer(ctx, plan, path.service)
	}
	return f.serve(ctx, p, plan, path, store)
}

func (f *runFlags) validate(ctx context.Context) error {
	switch {
	case len(f.files) == 0:
		return errors.New("-f FILE is missing: name the manifest, for example -f config/samples/quickstart.yaml")
	case f.output != "text" && f.output != "json":
		return fmt.Errorf("--output %s: use text or json", f.output)
	case f.asking && f.ask == "":
		return errors.New("--ask: the question is empty")
	case f.asking:
		return nil
	}
	return f.validateListen(ctx)
}

// validateListen finds what stands in the way of serving before an ingestion that may take an hour.
func (f *runFlags) validateListen(ctx context.Context) error {
	host, _, err := net.SplitHostPort(f.listen)
	if err != nil {
		return fmt.Errorf("--listen %s: write HOST:PORT, such as 127.0.0.1:8080", f.listen)
	}
	if f.keys != "" {
		if _, err := keys.ClientsFile(f.keys)(); err != nil {
			return err
		}
	} else if !isLoopback(host) {
		return fmt.Errorf("--listen %s can be reached from other machines: add --keys FILE (a line is name=token), or listen on 127.0.0.1", f.listen)
	}
	listener, err := listen(ctx, "listen", f.listen)
	if err != nil {
		return err
	}
	return listener.Close() // until there is an index to serve: a client is better refused than kept waiting
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// plan is what the manifest means on this machine.
type plan struct {
	ingest  config.Ingest
	gateway config.Gateway
}

func (f *runFlags) plan(b *manifest.Bundle, standInURL string) (*plan, error) {
	data := f.data
	if data == "" {
		data = filepath.Join(".ragpipeline", b.Pipeline.Name)
	}
	place := desired.DataPlane{StandInURL: standInURL, Index: config.Index{Local: &config.LocalIndex{Directory: data}}}
	ingest, err := desired.Ingest(b.Pipeline, place)
	if err != nil {
		return nil, err
	}
	if ingest.Sources, err = placeDocuments(ingest.Sources, f.documents); err != nil {
		return nil, err
	}
	gateway, err := desired.Gateway(b.Pipeline, place)
	if err != nil {
		return nil, err
	}
	return &plan{ingest: ingest, gateway: gateway}, nil
}

// placeDocuments applies the --documents flags, each [SOURCE=]DIR, to the manifest's sources.
func placeDocuments(sources []config.Source, flags []string) ([]config.Source, error) {
	for _, flag := range flags {
		name, dir, err := parseDocuments(flag)
		if err == nil {
			sources, err = derive.PlaceDirectory(sources, name, dir)
		}
		if err != nil {
			return nil, fmt.Errorf("--documents %s: %w", flag, err)
		}
	}
	return sources, derive.CheckPlaced(sources)
}

// parseDocuments splits [SOURCE=]DIR and makes DIR absolute. A directory whose own name has a "=" needs no SOURCE.
func parseDocuments(flag string) (name, dir string, err error) {
	name, dir, ok := strings.Cut(flag, "=")
	if !ok || isDirectory(flag) {
		name, dir = "", flag
	}
	if !isDirectory(dir) {
		return "", "", fmt.Errorf("%s is not a directory", dir)
	}
	dir, err = filepath.Abs(dir)
	return name, dir, err
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// checkKeys finds a missing key before any work is done.
func (p *process) checkKeys(m config.Models) error {
	refs := map[model.Role]*config.SecretKey{model.Embedding: m.Embedding.Key}
	if m.Reranking != nil {
		refs[model.Reranking] = m.Reranking.Key
	}
	if m.LLM != nil {
		refs[model.LLM] = m.LLM.Key
	}
	for _, role := range []model.Role{model.Embedding, model.Reranking, model.LLM} {
		if key := p.keys(refs[role]); key != nil {
			if _, err := key(); err != nil {
				return fmt.Errorf("spec.models.%s.endpoint.secretRef: %w", role, err)
			}
		}
	}
	return nil
}

// bringUpToDate ingests, with progress, and drops the generations that the pipeline has left behind.
func (f *runFlags) bringUpToDate(ctx context.Context, p *process, plan *plan, store index.Store, b *manifest.Bundle) error {
	maps := func(name string) (map[string][]byte, error) {
		if m, ok := b.ConfigMaps[name]; ok {
			return m, nil
		}
		return nil, fmt.Errorf("no file has ConfigMap %q: add it with another -f", name)
	}
	show, done := newProgress(f.stderr)
	quiet := slog.New(slog.DiscardHandler) // the report says it all, and in words
	report, err := p.ingest(ctx, quiet, plan.ingest, store, maps, show)
	done()
	if err == nil || report != nil && report.Listed > 0 {
		fmt.Fprintln(f.stderr, report)
	}
	if err != nil {
		return err
	}
	return store.Retire(ctx)
}

func (f *runFlags) answer(ctx context.Context, plan *plan, service *query.Service) error {
	result, err := service.Answer(ctx, query.Request{Messages: []model.Message{{Role: "user", Content: f.ask}}})
	if err != nil {
		return err
	}
	if f.output == "json" {
		for _, w := range result.Warnings {
			fmt.Fprintf(f.stderr, "warning: %s: %s\n", w.Stage, w.Message)
		}
		return json.NewEncoder(f.stdout).Encode(gateway.NewCompletion(uuid.NewString(), plan.gateway.Pipeline.Name, result))
	}
	printAnswer(f.stdout, f.stderr, result)
	return nil
}

func (f *runFlags) serve(ctx context.Context, p *process, plan *plan, path *questionPath, store index.Store) error {
	listener, err := listen(ctx, "listen", f.listen)
	if err != nil {
		return err
	}
	var clients func() (keys.Clients, error)
	if f.keys != "" {
		clients = keys.ClientsFile(f.keys)
	}
	g := p.gateway(plan.gateway, path, store, clients, clients == nil)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.probe(ctx, plan.gateway.Models, plan.gateway.Index, path)
	go g.Warm(ctx)
	fmt.Fprintf(f.stderr, "serving on %s (ask there, or with an OpenAI client at %[1]s/v1 as model %q); end with Ctrl-C\n", browsable(listener.Addr()), plan.gateway.Pipeline.Name)
	return serve.Run(ctx, p.log, shutdownGrace, serve.Server{Name: "gateway", Listener: listener, Handler: g.Handler()})
}

// browsable is an address to open on this machine: every address is none in particular.
func browsable(a net.Addr) string {
	host, port, _ := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
