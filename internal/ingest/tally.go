package ingest

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The stages that a report gives times of.
const (
	stageRead    = "read"
	stageExtract = "extract"
	stageSplit   = "split"
	stageEmbed   = "embed"
	stageWrite   = "write"
)

// tally counts what a run does, for progress, metrics and report at once.
type tally struct {
	progress func(config.Progress)
	pace     func() config.Pace
	log      *slog.Logger
	metrics  metrics

	mu     sync.Mutex
	phase  config.Phase
	slow   readings
	done   int // documents
	stale  int // documents that failed, of which an earlier version is indexed
	all    int // documents of all workers, 0 if there are no others
	sum    Report
	losses losses
	keys   *keys
	// sources have a count each, by name.
	sources map[string]*config.SourceSync
	// recorded is what the index keeps of them; nil until it does.
	recorded *config.Synced
	limit    string // what the embedding model said of its limit, if it cut a text
	stages   map[string]time.Duration

	entered  time.Time          // is when the phase began
	indexing time.Duration      // is how long that phase took
	sample   config.ChunkCounts // is of some of the documents that were written
}

func newTally(o Options, m metrics) *tally {
	return &tally{
		progress: o.Progress,
		pace:     o.Pace,
		log:      o.Log,
		metrics:  m,
		stages:   map[string]time.Duration{},
		sources:  map[string]*config.SourceSync{},
		sum: Report{
			Pipeline:   o.Config.Pipeline.String(),
			Generation: o.Config.Generation.Fingerprint(),
		},
		losses: newLosses(),
		keys:   newKeys(),
	}
}

// enter begins a phase.
func (t *tally) enter(phase config.Phase) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if phase == config.PhaseRemoving {
		t.sum.Listed = t.done // texts that are taken may be of sources that are gone
	}
	if t.phase == config.PhaseIndexing && phase != t.phase {
		t.indexing = time.Since(t.entered)
	}
	if phase != t.phase {
		t.phase, t.entered = phase, time.Now()
	}
	t.show()
}

// expect sets how many documents were listed.
func (t *tally) expect(total int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Listed = total
	t.show()
}

func (t *tally) show() {
	p := config.Progress{Phase: t.phase, DocumentsDone: t.done, DocumentsTotal: t.sum.Listed,
		AllDocuments: t.all, Pace: t.paceNow(), Chunks: t.sum.Embedded + t.sum.Reused, Slowest: t.slow.slowest(time.Now())}
	if seconds := time.Since(t.entered).Seconds(); t.phase == config.PhaseIndexing && t.done > 0 && seconds >= 1 {
		p.ChunksPerSecond = float64(p.Chunks) / seconds
		p.SecondsLeft = seconds / float64(t.done) * float64(max(0, t.sum.Listed-t.done))
	}
	t.progress(p)
}

// paceNow is the pace of embedding; nil when it is unknown.
func (t *tally) paceNow() *config.Pace {
	if t.pace == nil {
		return nil
	}
	now := t.pace()
	t.metrics.requests.Set(float64(now.Requests))
	t.metrics.texts.Set(float64(now.Texts))
	return &now
}

// finish counts a document that is done with.
func (t *tally) finish(result string) {
	t.metrics.documents.WithLabelValues(result).Inc()
	t.done++
	t.sum.Listed = max(t.sum.Listed, t.done)
	t.show()
}

// unchanged counts a document that the ledger has as it is, indexed or failed.
func (t *tally) unchanged(d *document) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !d.indexedBefore() {
		t.fail(d, config.FailedDocument{Document: d.id, Reason: d.previous.Reason, Message: d.previous.Message})
		return
	}
	t.sum.Unchanged++
	t.of(d).Unchanged++
	t.keys.count(d.id, d.previous.Metadata, d.previous.Warnings)
	t.hold(d, d.previous.Chunks, d.previous.Warnings)
	t.finish("unchanged")
}

// committed counts a document that was written.
func (t *tally) committed(d *document) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys.count(d.id, d.row.Metadata, d.row.Warnings)
	t.hold(d, len(d.chunks), d.row.Warnings)
	t.sample = t.sample.Add(d.sample)
	embedded, reused := len(d.missing), len(d.chunks)-len(d.missing)
	t.sum.Embedded += embedded
	t.sum.Reused += reused
	t.sum.Truncated += d.truncated
	if d.limit != "" {
		t.limit = d.limit
	}
	t.metrics.chunks.WithLabelValues("embedded").Add(float64(embedded))
	t.metrics.chunks.WithLabelValues("reused").Add(float64(reused))
	t.metrics.chunks.WithLabelValues("truncated").Add(float64(d.truncated))
	if d.indexedBefore() {
		t.sum.Changed++
		t.of(d).Changed++
		t.finish("changed")
	} else {
		t.sum.Added++
		t.of(d).Added++
		t.finish("added")
	}
}

// failed counts a document that failed in this run; kept says that the index has an earlier version of it.
func (t *tally) failed(d *document, kept bool) {
	f := config.FailedDocument{Document: d.id, Reason: d.row.Reason, Message: d.row.Message}
	t.log.Warn("Document failed", "document", f.Document, "reason", string(f.Reason), "message", f.Message, "kept", kept)
	t.mu.Lock()
	defer t.mu.Unlock()
	if kept {
		t.stale++
		t.hold(d, d.previous.Chunks, nil)
	}
	f.Parked = d.row.Parked()
	t.fail(d, f)
}

// skipped counts a document that was not read, because it is parked.
func (t *tally) skipped(d *document) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Skipped++
	t.of(d).Skipped++
	t.fail(d, config.FailedDocument{Document: d.id, Reason: d.previous.Reason, Message: d.previous.Message, Parked: true})
}

func (t *tally) fail(d *document, f config.FailedDocument) {
	t.sum.Failed++
	t.of(d).Failed++
	t.losses.fail(f)
	t.finish("failed")
}

// hold counts a document that the index has.
func (t *tally) hold(d *document, chunks int, warnings config.Warnings) {
	t.sum.Indexed++
	t.sum.Chunks += chunks
	t.of(d).Documents++
	if len(warnings) > 0 {
		t.of(d).Warned++
	}
	t.losses.warn(d.id, warnings)
}

func (t *tally) read(bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Bytes += int64(bytes)
}

// time starts the clock of a stage; the function that it returns stops it.
func (t *tally) time(stage string) func() {
	started := time.Now()
	return func() {
		took := time.Since(started)
		t.mu.Lock()
		defer t.mu.Unlock()
		t.stages[stage] += took
	}
}

func (t *tally) warn(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	t.log.Warn("Ingestion is not as it should be", "warning", message)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Warnings = append(t.sum.Warnings, message)
}

// counts is the report so far.
func (t *tally) counts() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.whole()
}

// whole is the report so far, with mu held.
func (t *tally) whole() Report {
	r := t.sum
	if seconds := t.indexing.Seconds(); seconds > 0 {
		r.ChunksPerSecond = float64(r.Embedded) / seconds
	}
	r.ChunkCounts = t.sample
	if r.Synced.Sources = t.counted(); t.recorded != nil {
		r.Synced = *t.recorded
	}
	r.Losses, r.Failures = t.losses.sum(t.keys.conflicts()...), slices.Clone(t.losses.failures.list)
	return r
}

// report closes the tally.
func (t *tally) report(started time.Time, err error) *Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.whole()
	r.Warnings = t.warnings()
	r.Seconds = time.Since(started).Seconds()
	r.StageSeconds = map[string]float64{}
	for stage, took := range t.stages {
		r.StageSeconds[stage] = took.Seconds()
	}
	if err != nil {
		r.Error, r.Reason = err.Error(), reasonOf(err)
	}
	return &r
}

// warnings adds to those given on the way the ones that sum up.
func (t *tally) warnings() []string {
	warnings := slices.Clip(t.sum.Warnings)
	if t.sum.Truncated > 0 {
		warnings = append(warnings, fmt.Sprintf(
			"%s longer than the embedding model takes, which saw only the beginning; "+
				"choose smaller chunks, or a model with a higher limit (it says: %s)",
			plural(t.sum.Truncated, "chunk is", "chunks are"), t.limit))
	}
	if t.stale > 0 {
		warnings = append(warnings, fmt.Sprintf(
			"%s not be read; the index keeps what it had of it", plural(t.stale, "document could", "documents could")))
	}
	return warnings
}
