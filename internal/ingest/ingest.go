// Package ingest brings an index up to date with its sources: source -> extract -> split -> embed -> index.
//
// A run lists the sources in the order of the ledger and walks both side by side, so that it knows of each
// document whether it is new, the same, or gone, and holds no list of the corpus. Readers extract and split;
// one embedder fills requests with the texts of several documents; a few writers commit documents.
// What is committed is never embedded again, at whatever moment the process ends. Of a large document only the
// texts are held until then; its vectors are staged in the index.
//
// Several workers may share a run, each with a part of the documents; the last of them to be done completes the
// generation.
//
// A document that cannot be indexed fails alone. A run fails when it cannot go on for any document: the model
// is down after its client's retries, the index refuses, the context ends.
package ingest

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/source"
	"github.com/ragpipeline/ragpipeline/internal/split"
)

var tracer = otel.Tracer("github.com/ragpipeline/ragpipeline/internal/ingest")

// Embedder turns passages into vectors, one for each text, in their order.
type Embedder interface {
	Passages(ctx context.Context, texts []string) ([]model.Embedded, error)
}

// Extractor turns the bytes of documents into text, in their order. What stands in a document's own way is a
// config.DocumentError. It may take the bytes out of documents as soon as it does not need them.
type Extractor interface {
	ExtractAll(ctx context.Context, documents []extract.Input) iter.Seq2[*extract.Document, error]
}

// Splitter cuts a text into chunks, its tables between their rows, and fails with split.ErrTooMany if it has more.
type Splitter interface {
	SplitWithin(ctx context.Context, most int, text string, tables ...split.Table) ([]split.Chunk, error)
}

// Index is where documents go. Its methods are called concurrently.
type Index interface {
	index.Writer
	// Documents returns up to limit rows of the ledger whose document sorts after the given one.
	Documents(ctx context.Context, after string, limit int) ([]index.Row, error)
	Stats(ctx context.Context) (index.Stats, error)
}

// Options say what to ingest, with what, and into what.
type Options struct {
	Config config.Ingest
	// Sources are those of Config.Sources, in the same order.
	Sources   []source.Source
	Extractor Extractor
	Splitter  Splitter
	Embedder  Embedder
	// Searcher searches the index, and Query embeds a question: a new generation is verified by them before it is
	// complete. Without them it is not.
	Searcher index.Searcher
	Query    func(ctx context.Context, text string) ([]float32, error)
	// Texts are taken instead of reading the sources, for a generation that is built the first time; nil reads them.
	Texts Texts
	// Anchor embeds model.Anchor, once, so that the run can tell whether the model is the one that built the
	// generation; nil takes it for that.
	Anchor func(context.Context) ([]float32, error)
	Index  Index
	// Team is the workers that share the run; nil when this process does all of it.
	Team *Team

	// ConfirmPrune lets this run remove more documents of a source than Config.Prune allows.
	ConfirmPrune bool
	// RetryFailed has this run read every document again that failed before, parked or not.
	RetryFailed bool

	// Workers read, extract and split documents at once; 0 means one a core, up to 4.
	Workers int
	// Requests are waiting for the embedding model or being embedded at once; 0 means 32. How many of them the model
	// gets is for Embedder to decide.
	Requests int
	// Outage is how long a source may fail, whichever document it is asked for, before the run asks for no more of its
	// documents; 0 means 5 minutes.
	Outage time.Duration
	// MaxDocument is the limit on a document's source bytes; 0 means 128 MiB.
	MaxDocument int64

	// Pace returns how Embedder asks the model, for progress and metrics; nil leaves it out.
	Pace func() config.Pace
	// Progress is called when a phase begins and whenever a document is done, never twice at once. It should
	// return soon; nil is fine, as it is for Log and Registerer.
	Progress   func(config.Progress)
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() (Options, error) {
	if len(o.Sources) != len(o.Config.Sources) {
		return o, fmt.Errorf("ingestion was given %d sources for the %d of its config", len(o.Sources), len(o.Config.Sources))
	}
	if o.Workers == 0 {
		o.Workers = min(runtime.GOMAXPROCS(0), 4)
	}
	if o.Requests == 0 {
		o.Requests = 32
	}
	if o.Config.Limits.Chunks == 0 {
		o.Config.Limits.Chunks = config.DefaultChunks
	}
	if o.MaxDocument == 0 {
		o.MaxDocument = 128 << 20
	}
	if o.Outage == 0 {
		o.Outage = 5 * time.Minute
	}
	if o.Progress == nil {
		o.Progress = func(config.Progress) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// Run brings the index up to date with the sources and reports what it did; the report is there even when the
// run failed, and what was committed stays.
//
// Errors to tell apart: after ErrIncomplete, ErrNoDocuments, ErrAllDocumentsFailed and ErrTooManyFailed, everything
// that could be done was done; after ErrDrifted, nothing was; any other error stopped the run early.
func Run(ctx context.Context, o Options) (*Report, error) {
	o, err := o.withDefaults()
	if err != nil {
		return &Report{}, err
	}
	r, err := newRun(o)
	if err != nil {
		return &Report{}, err
	}
	defer r.close()
	started := time.Now()
	err = r.do(ctx)
	if ctx.Err() != nil && err != nil {
		err = fmt.Errorf("ingestion was interrupted; its work is kept, and the next run resumes there: %w", err)
	}
	report := r.tally.report(started, err)
	report.Unfinished = r.unfinished
	if err != nil {
		o.Log.Error("Ingestion failed", "error", err, "documents", report.Indexed, "failed", report.Failed)
	} else {
		o.Log.Info("Finished ingestion", "added", report.Added, "changed", report.Changed, "unchanged", report.Unchanged,
			"removed", report.Removed, "skipped", report.Skipped, "kept", report.Kept,
			"heldBack", report.HeldBack, "failed", report.Failed,
			"withWarnings", report.Warned, "seconds", report.Seconds)
	}
	return report, err
}

// do is the run's table of contents.
func (r *run) do(ctx context.Context) error {
	var failure error // of the embedding model, once the run goes on without it
	steps := []struct {
		phase config.Phase
		step  func(context.Context) error
	}{
		{config.PhaseListing, r.recogniseFirst},
		{config.PhaseListing, r.count},
		{config.PhaseIndexing, r.index},
		{config.PhaseRemoving, r.remove},
		{config.PhaseDone, r.complete},
	}
	resumed, err := r.resume(ctx)
	if err != nil {
		return err
	}
	if resumed {
		steps = steps[len(steps)-1:]
	}
	for _, s := range steps {
		r.tally.enter(s.phase)
		ctx, span := tracer.Start(ctx, "ingest "+string(s.phase))
		err := s.step(ctx)
		if s.phase == config.PhaseIndexing && r.withoutModel(err) {
			failure, err = err, r.listAgain(ctx)
		}
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
		if err != nil {
			return err
		}
		if s.phase == config.PhaseRemoving && failure != nil {
			return failure
		}
	}
	return nil
}

// withoutModel reports whether a generation beside the wanted one cannot be brought up to date because
// of its embedding model. Documents that are gone are still removed from it.
func (r *run) withoutModel(err error) bool {
	return r.Config.Upkeep && model.FailureOf(err) != ""
}
