package ingest

import (
	"context"
	"fmt"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// job is a listed document.
type job struct {
	id     string // <source>/<path>
	origin *origin
	entry  source.Entry
	// previous is its row in the ledger, nil when it has none.
	previous *index.Row
	// lent is its row in the generation whose texts the run takes; nil when it reads the sources.
	lent *index.Row
}

// list walks the sources and the ledger side by side, both in order of document. What only the ledger has is
// gone. What is of another worker's share is counted only.
func (r *run) list(ctx context.Context, jobs chan<- job) error {
	if r.Texts != nil {
		return r.listTexts(ctx, jobs)
	}
	rows := &ledger{index: r.Index}
	passed := func(row index.Row) {
		r.ledger[row.Source]++
		r.vanish(row)
	}
	last := ""
	for _, o := range r.origins {
		var failure error
		err := o.list(ctx, func(e source.Entry) bool {
			j := job{id: o.document(e.Path), origin: o, entry: e}
			if j.id <= last {
				failure = fmt.Errorf("source %q listed %s after %s; a listing must be in order", o.name, j.id, last)
				return false
			}
			last = j.id
			if j.previous, failure = rows.seek(ctx, j.id, passed); failure != nil {
				return false
			}
			if j.previous != nil {
				r.ledger[o.name]++
			}
			if !r.share.Has(j.id) {
				return ctx.Err() == nil
			}
			select {
			case jobs <- j:
				return true
			case <-ctx.Done():
				return false
			}
		})
		switch {
		case failure != nil:
			return failure
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			r.unlist(o, err)
		default:
			r.warnOfStrays(o)
		}
	}
	_, err := rows.seek(ctx, pastAll, passed)
	return err
}

// listAgain walks the listings again to find what is gone, after a run that was cut short, and reads no document.
func (r *run) listAgain(ctx context.Context) error {
	r.gone, r.exposed, r.unlisted = map[string][]string{}, map[string][]string{}, map[string]error{}
	r.ledger, r.vanishing = map[string]int{}, map[string]int{}
	jobs := make(chan job, queue)
	listed := make(chan error, 1)
	go func() {
		defer close(jobs)
		listed <- r.list(ctx, jobs)
	}()
	for range jobs { //nolint:revive // the listing alone counts
	}
	return <-listed
}

// pastAll sorts after every document: no UTF-8 has this byte.
const pastAll = "\xff"

// ledger reads the index's ledger in order of document, a page at a time.
//
// It is never far ahead nor behind: a page is fetched when the one before has been passed by the listing, so
// that of the rows that this process writes none is ever in a page to come.
type ledger struct {
	index interface {
		Documents(ctx context.Context, after string, limit int) ([]index.Row, error)
	}
	page  []index.Row
	after string // the last document fetched
	ended bool
}

// pageSize is how many rows are held at once.
const pageSize = 1000

// seek returns the row of the document, or nil if there is none, and calls passed for each row before it that
// was not sought.
func (l *ledger) seek(ctx context.Context, document string, passed func(index.Row)) (*index.Row, error) {
	for {
		if err := l.fetch(ctx); err != nil {
			return nil, err
		}
		if len(l.page) == 0 || l.page[0].Document > document {
			return nil, nil
		}
		row := l.page[0]
		l.page = l.page[1:]
		if row.Document == document {
			return &row, nil
		}
		passed(row)
	}
}

func (l *ledger) fetch(ctx context.Context) error {
	if len(l.page) > 0 || l.ended {
		return nil
	}
	page, err := l.index.Documents(ctx, l.after, pageSize)
	if err != nil {
		return fmt.Errorf("the index's ledger cannot be read: %w", err)
	}
	if l.page, l.ended = page, len(page) == 0; !l.ended {
		l.after = page[len(page)-1].Document
	}
	return nil
}
