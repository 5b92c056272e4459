package ingest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// write commits finished documents, one after the other. After its first failure it only takes them.
func (r *run) write(ctx context.Context, finished <-chan *document, stop context.CancelCauseFunc) {
	failed := false
	for d := range finished {
		if !failed {
			if err := r.commit(ctx, d); err != nil {
				failed = true
				stop(err)
			}
		}
		r.holding.Release(d.weight)
	}
}

// commit makes the index say of the document what this run found.
func (r *run) commit(ctx context.Context, d *document) error {
	defer r.tally.time(stageWrite)()
	switch {
	case d.failure != nil:
		return r.commitFailure(ctx, d)
	case d.unchanged:
		return r.commitVersion(ctx, d)
	}
	d.row.State = index.Indexed
	d.row.Chunks = len(d.chunks)
	d.row.Truncated = d.truncated + d.borrowedTruncated
	if d.indexedBefore() {
		// The ledger counts truncated chunks and does not know which: those that stay may be among them.
		d.row.Truncated += min(d.previous.Truncated, len(d.chunks)-len(d.missing))
	}
	if err := r.put(ctx, d); err != nil {
		return err
	}
	r.tally.committed(d)
	return nil
}

// commitVersion writes the version of a document whose bytes are those of the ledger.
func (r *run) commitVersion(ctx context.Context, d *document) error {
	row := *d.previous
	row.Version = d.row.Version
	if d.failedAgain() {
		row.Attempts++
	}
	if err := r.Index.PutRow(ctx, row); err != nil {
		return fmt.Errorf("the index did not take the version of %s: %w", d.id, err)
	}
	r.tally.unchanged(d)
	return nil
}

// commitFailure takes a document out of the index whose present content cannot be in it, and writes down why.
// One whose present content was not seen stays as it is. A row that says the same already is not written again.
func (r *run) commitFailure(ctx context.Context, d *document) error {
	var failure *config.DocumentError
	errors.As(d.failure, &failure)
	d.chunks, d.row.Metadata = nil, config.Metadata(nil).WithAccess(d.access)
	d.row.Readers = config.AllReaders()
	d.row.State, d.row.Reason, d.row.Message = index.Failed, failure.Reason, clip(failure.Err.Error(), maxMessage)
	d.row.Attempts = d.attempts(!unseen(failure.Reason)) // a source or a server that does not answer is not its fault
	kept := unseen(failure.Reason) && d.indexedBefore() && !d.exposed()
	if !kept && (d.staged || !d.recorded()) { // a put drops what was staged
		if err := r.put(ctx, d); err != nil {
			return err
		}
	}
	r.tally.failed(d, kept)
	return nil
}

// maxMessage bounds, in code points, what the ledger says of a failure.
const maxMessage = 300

// recorded reports whether the ledger has this very row.
func (d *document) recorded() bool {
	if d.previous == nil {
		return false
	}
	was, is := *d.previous, d.row
	was.Updated, is.Updated = time.Time{}, time.Time{}
	return reflect.DeepEqual(was, is)
}

// stage has the index keep the parts' vectors until the document is committed.
func (r *run) stage(ctx context.Context, d *document, parts []part, vectors []model.Embedded) error {
	defer r.tally.time(stageWrite)()
	chunks := make([]index.Vectored, len(parts))
	for i, p := range parts {
		chunks[i] = index.Vectored{Chunk: d.chunks[p.chunk].Chunk, Vector: vectors[i].Vector}
	}
	if err := r.Index.Stage(ctx, d.id, chunks); err != nil {
		return fmt.Errorf("the index did not take %s: %w", d.id, err)
	}
	return nil
}

func (r *run) put(ctx context.Context, d *document) error {
	d.row.Updated = time.Now()
	if err := r.Index.Put(ctx, d.row, d.chunks); err != nil {
		return fmt.Errorf("the index did not take %s: %w", d.id, err)
	}
	return nil
}
