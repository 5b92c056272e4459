package ingest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// of is the count of the document's source, with mu held.
func (t *tally) of(d *document) *config.SourceSync { return t.source(d.origin.name) }

func (t *tally) source(name string) *config.SourceSync {
	s := t.sources[name]
	if s == nil {
		s = &config.SourceSync{Name: name}
		t.sources[name] = s
	}
	return s
}

// enumerated takes note of what is known of a source once it is listed.
func (t *tally) enumerated(o *origin) {
	_, strays := source.Strays(o.Source)
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.source(o.name)
	s.Revision, s.Strays = o.revision, strays
}

// removed counts documents of a source that were removed.
func (t *tally) removed(source string, n int) {
	t.vanished("removed", n, func() { t.sum.Removed += n; t.source(source).Removed += n })
}

// kept counts documents of a source that vanished and stay, because nothing that vanishes is removed.
func (t *tally) kept(source string, n int) {
	t.vanished("kept", n, func() { t.sum.Kept += n; t.source(source).Kept += n })
}

// heldBack counts documents of a source that vanished and stay, because too many vanished at once.
func (t *tally) heldBack(source string, n int) {
	t.vanished("held back", n, func() { t.sum.HeldBack += n; t.source(source).HeldBack += n })
}

func (t *tally) vanished(result string, n int, count func()) {
	t.metrics.documents.WithLabelValues(result).Add(float64(n))
	t.mu.Lock()
	defer t.mu.Unlock()
	count()
}

// proved records that n documents which were removed are gone.
func (t *tally) proved(n int, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.Synced.Removed = config.Removed{Documents: n, VerifiedAt: at.UTC().Truncate(time.Microsecond)}
}

// countStaying adds to each source the documents that it does not list and that stay in the index.
func (r *run) countStaying() {
	r.tally.mu.Lock()
	defer r.tally.mu.Unlock()
	for _, o := range r.origins {
		if s := r.tally.source(o.name); r.unlisted[o.name] != nil || s.Kept+s.HeldBack > 0 {
			s.Documents += r.goneIndexed[o.name]
		}
	}
}

// counted are the counts of the sources by name, with mu held.
func (t *tally) counted() []config.SourceSync {
	var list []config.SourceSync
	for _, name := range slices.Sorted(maps.Keys(t.sources)) {
		s := *t.sources[name]
		s.Scanned = s.Added + s.Changed + s.Unchanged + s.Failed
		list = append(list, s)
	}
	return list
}

// record writes down what was found in each source, for the gateway and the operator. The run may fail for it
// afterwards.
func (r *run) record(ctx context.Context, report Report) error {
	stats, err := r.Index.Stats(ctx)
	if err != nil {
		return fmt.Errorf("the index cannot say what earlier runs found: %w", err)
	}
	m := stats.Measured
	m.Synced = r.synced(m.Synced, report.Synced)
	if err := r.Index.Measure(ctx, m); err != nil {
		return fmt.Errorf("the index could not record what was found in the sources: %w", err)
	}
	r.tally.mu.Lock()
	defer r.tally.mu.Unlock()
	r.tally.recorded = &m.Synced
	return nil
}

// synced is what was found now, with what this run does not know from the one before. A worker that could not list a
// source does not know what the others counted of any.
func (r *run) synced(before, now config.Synced) config.Synced {
	synced, at := now, time.Now().UTC().Truncate(time.Microsecond)
	synced.Sources = nil
	for _, o := range r.origins {
		last, s := sourceOf(before, o.name), sourceOf(now, o.name)
		failure := r.unlisted[o.name]
		switch {
		case r.Team != nil && len(r.unlisted) > 0, r.tally.phase == config.PhaseListing:
			s = last
		case failure != nil:
			s.LastSuccess = last.LastSuccess
		default:
			s.LastSuccess = at
		}
		if s.Error = ""; failure != nil {
			s.Error = clip(failure.Error(), maxMessage)
		}
		if failure != nil || len(r.unlisted) > 0 || s.Kept+s.HeldBack > 0 {
			s.Revision = "" // the ledger is not what the source lists
		}
		synced.Sources = append(synced.Sources, s)
	}
	slices.SortFunc(synced.Sources, func(a, b config.SourceSync) int { return strings.Compare(a.Name, b.Name) })
	if synced.Removed.VerifiedAt.IsZero() {
		synced.Removed = before.Removed
	}
	return synced
}

func sourceOf(synced config.Synced, name string) config.SourceSync {
	i := slices.IndexFunc(synced.Sources, func(s config.SourceSync) bool { return s.Name == name })
	if i < 0 {
		return config.SourceSync{Name: name}
	}
	return synced.Sources[i]
}
