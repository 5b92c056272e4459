package ingest

import (
	"sync"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// document is a document on its way into the index. One stage has it at a time, but for its embedding, which
// several requests fill at once.
type document struct {
	job
	row index.Row
	// sidecar is what its sidecar tells of it, once that is read.
	sidecar source.Sidecar
	// access is who may see it; nobody while its sidecar is not read.
	access config.Access
	// content is its bytes until they are extracted, and what its source has beside them until it is split.
	content *source.Content
	chunks  []index.Vectored
	// missing are the chunks that the index has no vector of. Those that it borrowed one for are not among them.
	missing []int
	// borrowedTruncated is how many of the borrowed vectors may cover only their chunk's beginning.
	borrowedTruncated int
	// sample counts its chunks at other chunkings; nil for most documents.
	sample config.ChunkCounts
	// weight is what it takes of the holding budget.
	weight int64
	// staged says that its vectors wait in the index, not here.
	staged bool
	// unchanged reports whether the ledger lacks nothing but its version, or that it failed in another run.
	unchanged bool
	// retried reports whether it is read again if it has failed.
	retried bool

	mu      sync.Mutex
	pending int // chunks that are not embedded yet
	// truncated counts the chunks of which the model saw only the beginning; limit is what it said of its limit.
	truncated int
	limit     string
	failure   error // a config.DocumentError, nil while all is well
}

// recognised reports whether the ledger already holds what this document is, as far as its listed version tells. If
// that does not, the source may tell by the version that the ledger has.
func (d *document) recognised(limits config.Limits) bool {
	if !d.settled(limits) || d.previous.Version == "" {
		return false
	}
	d.entry.Known = d.previous.Version
	if !d.entry.Exact || d.entry.Size > d.origin.maxDocument || d.entry.Version != d.previous.Version {
		return false
	}
	d.row.Hash = d.previous.Hash
	return true
}

// same reports whether the ledger already holds what this document is.
func (d *document) same(limits config.Limits) bool {
	return d.settled(limits) && d.previous.Hash == d.row.Hash
}

// renamed reports whether the ledger is to get another version for the same bytes, by which the next run recognises
// them.
func (d *document) renamed() bool {
	return d.row.Version != d.previous.Version && (d.entry.Exact || d.entry.Version == "")
}

// parked reports whether the document has failed in so many runs that it is left out: until it has another version or
// other attributes, other readers may read it, or retry asks for it.
func (d *document) parked(retry bool) bool {
	p := d.previous
	return !retry && p != nil && p.Parked() && !d.refusedForAccess() && p.Readers == config.AllReaders() &&
		p.Attributes == d.row.Attributes && p.Version != "" && p.Version == d.entry.Version
}

// failedAgain reports whether this is another run in which the document fails, though nobody reads it.
func (d *document) failedAgain() bool {
	return d.previous.State == index.Failed && d.previous.Attempts < config.MaxAttempts
}

// attempts is in how many runs this version of the document has failed, this one included. A failure that is not its
// own does not count: the document then has as many as before.
func (d *document) attempts(own bool) int {
	p, n := d.previous, 0
	if p != nil && p.State == index.Failed && p.Hash == d.row.Hash && p.Readers == config.AllReaders() && !d.retried {
		n = p.Attempts
	}
	if own {
		n++
	}
	return min(n, config.MaxAttempts)
}

// settled reports whether the ledger holds all that there is to say of the bytes of its row: under the same attributes
// they were indexed within the limits by readers that would read them so again, or failed for a reason that passes
// neither by itself nor by other readers. A page that waits for an extraction server passes by itself.
func (d *document) settled(limits config.Limits) bool {
	p := d.previous
	switch {
	case p == nil || p.Hash == "" || d.refusedForAccess():
		return false
	case p.State == index.Indexed:
		return p.Attributes == d.row.Attributes && p.Chunks <= limits.Chunks && p.Readers.Current() &&
			!p.Warnings.Has(config.PagesWaiting) && (p.Metadata != nil || d.origin.metadata == nil)
	case d.retried || p.Readers != config.AllReaders():
		return false
	case p.Reason == config.TooLarge && p.Attributes == overLimit(d.origin, limits.Chunks):
		return true
	}
	return p.Attributes == d.row.Attributes && !mayPass(p.Reason)
}

// indexedBefore reports whether the index has a version of it.
func (d *document) indexedBefore() bool {
	return d.previous != nil && d.previous.State == index.Indexed
}

// fail takes err as the document's own failure, and returns it when it is not.
func (d *document) fail(err error) error {
	if _, own := config.ReasonOf(err); !own {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failure == nil {
		d.failure = err
	}
	return nil
}

// failed reports whether embedding it further would be for nothing.
func (d *document) failed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failure != nil
}

// count counts what of the chunks the model did not see.
func (d *document) count(vectors []model.Embedded) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, v := range vectors {
		if v.Truncated {
			d.truncated++
			d.limit = v.Limit
		}
	}
}

// settle says that n more of the missing chunks are done with, and whether those were the last.
func (d *document) settle(n int) (last bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending -= n
	return d.pending == 0
}
