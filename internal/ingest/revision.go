package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// enumerate has the source list its documents, or the ledger, if the source still has the revision of the run before.
// A repository whose commit is the same is not fetched.
func (r *run) enumerate(ctx context.Context, o *origin, last config.SourceSync) (*listing, error) {
	mine := func(path string) bool { return r.share.Has(o.document(path)) }
	if last.Revision != "" && !r.RetryFailed {
		now, err := source.Revision(ctx, o.Source)
		if err == nil && o.named(now) == last.Revision {
			l, err := record(ctx, r.recorded(o), mine)
			if err != nil {
				return nil, err
			}
			if l.err == nil {
				o.revision = last.Revision
				return l, nil
			}
			l.close()
		}
	}
	l, err := record(ctx, o.List, mine)
	if err != nil || l.err != nil {
		return l, err
	}
	if _, strays := source.Strays(o.Source); strays > 0 {
		return l, nil // each run warns of them
	}
	if now, err := source.Revision(ctx, o.Source); err == nil {
		o.revision = o.named(now)
	}
	return l, nil
}

// named is what a revision is recorded as: another limit on documents, or other attributes of them, is as good as
// another revision. It is empty for none.
func (o *origin) named(revision string) string {
	if revision == "" {
		return ""
	}
	return config.Hash([]any{revision, o.attributes, o.maxDocument})
}

// errUnsettled means that a run has something to do about a document of the ledger, for which it needs its source.
var errUnsettled = errors.New("the ledger has a document that is to be read again")

// recorded lists the documents that the ledger has of a source.
func (r *run) recorded(o *origin) func(context.Context, func(source.Entry) bool) error {
	return func(ctx context.Context, yield func(source.Entry) bool) error {
		for after := o.document(""); ; {
			rows, err := r.Index.Documents(ctx, after, pageSize)
			if err != nil {
				return fmt.Errorf("the index's ledger cannot be read: %w", err)
			}
			for i := range rows {
				row := &rows[i]
				path, own := strings.CutPrefix(row.Document, o.document(""))
				if !own {
					return nil
				}
				e := source.Entry{Path: path, Version: row.Version, Exact: true}
				if !r.leaves(o, e, row) {
					return errUnsettled
				}
				if !yield(e) {
					return nil
				}
			}
			if len(rows) == 0 {
				return nil
			}
			after = rows[len(rows)-1].Document
		}
	}
}

// leaves reports whether a run does nothing about a document that has the version of its row.
func (r *run) leaves(o *origin, e source.Entry, row *index.Row) bool {
	d := &document{job: job{id: row.Document, origin: o, entry: e, previous: row},
		row: index.Row{Version: e.Version, Attributes: o.attributes}}
	return d.parked(false) || d.recognised(r.Config.Limits) && !d.failedAgain()
}

// forgetRevisions removes the recorded revisions of sources that are now read anew, before the ledger changes: if the
// run is cut short, the ledger is of no one revision.
func (r *run) forgetRevisions(ctx context.Context, m index.Measured) error {
	forgotten := false
	sources := make([]config.SourceSync, len(m.Synced.Sources))
	for i, s := range m.Synced.Sources {
		for _, o := range r.origins {
			if o.name == s.Name && s.Revision != "" && o.revision != s.Revision {
				s.Revision, forgotten = "", true
			}
		}
		sources[i] = s
	}
	if !forgotten {
		return nil
	}
	m.Synced.Sources = sources
	if err := r.Index.Measure(ctx, m); err != nil {
		return fmt.Errorf("the index could not record that sources have changed: %w", err)
	}
	return nil
}
