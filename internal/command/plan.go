package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/command/cluster"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
	"github.com/ragpipeline/ragpipeline/internal/manifest"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// planFlags are the flags of `plan`, and the streams it prints to.
type planFlags struct {
	cluster        cluster.Flags
	files          []string
	data, output   string
	stdout, stderr io.Writer
}

func newPlanCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan -f FILE... [-n NAMESPACE] [--context NAME] [-o text|json]",
		Short: "Show what applying a manifest would change, and change nothing",
		Long: "plan compares a manifest with the pipeline of that name in a cluster, or with --data in a local index.\n" +
			"It says whether a new index is built and why, what is embedded and in how long, which objects and pods\n" +
			"change, what the change needs, and where questions would notice it. It changes nothing.\n\n" +
			"Exit codes, as of diff: 0 nothing would change, 1 something would, 2 the arguments or the manifest are not\n" +
			"valid, 3 the cluster or the index cannot be read.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.stdout, f.stderr = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return f.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "manifest with the RAGPipeline; repeatable, - is standard input")
	flags.StringVar(&f.data, "data", "", "directory of a local index to compare with, instead of a cluster")
	flags.StringVarP(&f.output, "output", "o", "text", "text, or json")
	f.cluster.Register(flags, "the manifest's, then the context's")
	return cmd
}

// exit ends the process with a code of its own. It is silent without an error.
type exit struct {
	error
	code int
}

func (e exit) Unwrap() error { return e.error }

func (e exit) Error() string {
	if e.error == nil {
		return ""
	}
	return e.error.Error()
}

// The exit codes of `plan` besides exitUnusable.
const (
	exitChanges    = 1
	exitUnreadable = 3
)

func (f *planFlags) run(ctx context.Context) error {
	switch {
	case len(f.files) == 0:
		return unusable{errors.New("-f FILE is missing: name the manifest that you are about to apply")}
	case f.output != "text" && f.output != "json":
		return unusable{fmt.Errorf("--output %s: use text or json", f.output)}
	}
	bundle, err := manifest.Load(f.files)
	if err != nil {
		return unusable{err}
	}
	preview, err := f.preview(ctx, bundle.Pipeline)
	if err != nil {
		return err
	}
	if f.output == "json" {
		encoder := json.NewEncoder(f.stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(preview)
	} else {
		_, err = io.WriteString(f.stdout, planText(preview))
	}
	switch {
	case err != nil:
		return exit{err, exitUnreadable}
	case preview.Changes:
		return exit{nil, exitChanges}
	}
	return nil
}

func (f *planFlags) preview(ctx context.Context, p *v1alpha1.RAGPipeline) (preview plan.Preview, err error) {
	if f.data != "" {
		if preview, err = f.previewLocal(ctx, p); err != nil {
			return preview, exit{err, exitUnreadable}
		}
		return preview, nil
	}
	access, err := connect(&f.cluster, p)
	if err != nil {
		return preview, exit{fmt.Errorf("%w, or a local index by --data", err), exitUnreadable}
	}
	next, notes, err := access.validate(ctx, p)
	if err != nil {
		return preview, err
	}
	present, err := access.read(ctx, next)
	if err != nil {
		return preview, exit{err, exitUnreadable}
	}
	preview, err = plan.PreviewOf(present, next)
	if err != nil {
		return preview, unusable{err}
	}
	preview.Notes = append(preview.Notes, notes...)
	return preview, nil
}

// previewLocal compares with the generation of the directory that was completed last.
func (f *planFlags) previewLocal(ctx context.Context, p *v1alpha1.RAGPipeline) (plan.Preview, error) {
	directory, err := filepath.Abs(f.data)
	if err != nil {
		return plan.Preview{}, err
	}
	identity := config.Pipeline{Namespace: p.Namespace, Name: p.Name}
	generations, err := local.Inspect(ctx, directory, identity)
	if err != nil {
		return plan.Preview{}, err
	}
	var live *config.Generation
	var has plan.Contents
	next, retained := derive.Generation(p), false
	for _, g := range generations {
		if g.Stats.Completed.IsZero() {
			continue
		}
		retained = retained || g.Replaced && g.Generation == next
		live, has = &g.Generation, plan.Contents{
			Documents: g.Stats.Documents, Chunks: g.Stats.Chunks, Dimensions: g.Stats.Dimensions,
			ChunksPerSecond: g.Stats.Measured.ChunksPerSecond, ChunkCounts: g.Stats.Measured.ChunkCounts,
		}
	}
	preview := plan.Preview{Pipeline: identity.String()}
	preview.Generation = plan.PreviewGeneration(live, next, has)
	if retained && preview.Generation.New {
		preview.Generation.GoesBack()
	}
	preview.Changes = preview.Generation.New
	return preview, nil
}
