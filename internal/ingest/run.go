package ingest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
	"github.com/ragpipeline/ragpipeline/internal/split"
)

// Bounds on what is in memory at once, whatever the size of the corpus.
const (
	// readingBudget bounds the source bytes that are read and extracted at once; a document beyond it goes
	// alone.
	readingBudget = 64 << 20
	// largeDocument is a document, in bytes, whose memory is given back before the next one is read.
	largeDocument = 16 << 20
	// holdingBudget bounds the texts and vectors of the documents between extraction and commit; likewise.
	holdingBudget = 64 << 20
	// unknownWeight is what a document takes of the reading budget whose size only reading tells.
	unknownWeight = readingBudget / 4
	// stagingWeight is what a document's texts and vectors may weigh together in memory. Of a heavier one the
	// vectors are staged in the index as they come.
	stagingWeight = 16 << 20
	// chunkWeight is what a chunk holds beside its text, ids and offsets; vectorWeight is a vector of 1,024 float32.
	chunkWeight  = 512
	vectorWeight = 4 << 10
	// writers commit documents at once: a store that is a server takes several calls for each.
	writers = 4
	// queue is how many documents wait between two stages.
	queue = 64
)

// run is one run of ingestion.
type run struct {
	Options
	origins []*origin // in the order of their documents in the ledger
	ids     ids
	reading *semaphore.Weighted
	holding *semaphore.Weighted
	tally   *tally
	lending lending
	keys    *keys

	recognition recognition
	// refusal is why the embedding model refuses for good, if the generation cannot do without it.
	refusal error
	samples [][]*split.Splitter
	// share is the documents that are this process's.
	share index.Share
	// unfinished reports whether other workers were still to do their shares when this one was done.
	unfinished bool

	// gone has the documents of the ledger that no source has any more, by source; goneIndexed counts those of them
	// that are indexed, and vanishing counts them together with those of other workers' shares.
	gone        map[string][]string
	goneIndexed map[string]int
	vanishing   map[string]int
	// exposed has those documents that are in no listing and show themselves to somebody who may not see them now.
	exposed  map[string][]string
	vanishes sync.Mutex // guards all four
	// ledger counts the documents that the ledger had at the listing, by source.
	ledger map[string]int
	// unlisted has the sources that could not be listed whole, and why.
	unlisted map[string]error
}

// origin is a source with what its config says of it.
type origin struct {
	source.Source
	name     string
	metadata config.Metadata
	access   config.Access
	// attributes is the hash of metadata and access that the ledger keeps.
	attributes string
	// maxDocument is the limit on a document's source bytes.
	maxDocument int64
	// listing is what the source listed in this run; nil before.
	listing *listing
	// revision names the state of the source in this run; empty if nothing does.
	revision string
	outage   outage
}

// list lists the documents of the source as of the start of the run.
func (o *origin) list(ctx context.Context, yield func(source.Entry) bool) error {
	if o.listing == nil {
		return o.List(ctx, yield)
	}
	return o.listing.list(ctx, yield)
}

// document is the identity of the source's document at path.
func (o *origin) document(path string) string { return o.name + "/" + path }

func newRun(o Options) (*run, error) {
	metrics, err := newMetrics(o.Registerer, o.Pace != nil)
	if err != nil {
		return nil, err
	}
	samples, err := sampleSplitters()
	if err != nil {
		return nil, err
	}
	r := &run{
		samples:   samples,
		Options:   o,
		ids:       newIDs(o.Config.Pipeline),
		reading:   semaphore.NewWeighted(readingBudget),
		holding:   semaphore.NewWeighted(holdingBudget),
		tally:     newTally(o, metrics),
		gone:      map[string][]string{},
		vanishing: map[string]int{},
		ledger:    map[string]int{},
		unlisted:  map[string]error{},

		goneIndexed: map[string]int{},
		exposed:     map[string][]string{},
	}
	r.keys = r.tally.keys
	if o.Team != nil {
		r.share = o.Team.Share
	}
	for i, c := range o.Config.Sources {
		r.origins = append(r.origins, &origin{Source: o.Sources[i], name: c.Name, metadata: c.Metadata,
			access:     c.Access,
			attributes: attributes(c), maxDocument: cmp.Or(c.MaxBytes, o.MaxDocument)})
	}
	// The source a-b sorts after a by name, but a-b/x before a/x.
	slices.SortFunc(r.origins, func(a, b *origin) int { return cmp.Compare(a.document(""), b.document("")) })
	for i := 1; i < len(r.origins); i++ {
		if name := r.origins[i].name; name == r.origins[i-1].name {
			return nil, fmt.Errorf("two sources are named %q; give each a name of its own", name)
		}
	}
	return r, nil
}

// close closes the listings of the sources.
func (r *run) close() {
	for _, o := range r.origins {
		if o.listing != nil {
			o.listing.close()
		}
	}
}

// attributes is a hash of what of the source, beside its bytes, decides the chunks of its documents.
func attributes(c config.Source) string {
	switch {
	case c.Access != nil:
		return config.Hash([]any{c.Metadata, c.Access})
	case len(c.Metadata) == 0:
		return ""
	}
	return config.Hash(c.Metadata)
}

// count has the sources list their documents, to know how much there is to do. When there is nothing but errors, the
// run ends here; an error of some sources is for list to meet.
func (r *run) count(ctx context.Context) error {
	if r.Texts != nil {
		return r.countTexts(ctx)
	}
	stats, err := r.Index.Stats(ctx)
	if err != nil {
		return fmt.Errorf("the index cannot say what earlier runs found: %w", err)
	}
	total, all, failed := 0, 0, map[string]error{}
	for _, o := range r.origins {
		o.listing, err = r.enumerate(ctx, o, sourceOf(stats.Measured.Synced, o.name))
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("source %q: its listing cannot be kept in a temporary file: %w", o.name, err)
		case o.listing.err != nil:
			failed[o.name] = o.listing.err
		}
		total, all = total+o.listing.mine, all+o.listing.entries
		r.tally.enumerated(o)
	}
	if err := r.forgetRevisions(ctx, stats.Measured); err != nil {
		return err
	}
	r.tally.expect(total)
	if r.Team != nil {
		r.tally.share(all)
	}
	if all == 0 && len(failed) > 0 {
		r.unlisted = failed
		return cmp.Or(r.removeExposed(ctx), r.record(ctx, r.tally.counts()), incomplete(failed))
	}
	return nil
}

// index runs the stages: list -> read -> embed -> write. The first failure stops all of them, save that what
// was embedded by then is still written.
func (r *run) index(parent context.Context) error {
	if r.refusal != nil && r.tally.counts().Listed > 0 {
		return r.refusal
	}
	ctx, stop := context.WithCancelCause(parent)
	defer stop(nil)

	jobs := make(chan job, queue)
	extracted := make(chan *document, queue)
	finished := make(chan *document, queue)

	var listing, reading, embedding, writing sync.WaitGroup
	start := func(stage *sync.WaitGroup, f func() error) {
		stage.Go(func() {
			if err := f(); err != nil {
				stop(err)
			}
		})
	}
	start(&listing, func() error { defer close(jobs); return r.list(ctx, jobs) })
	for range r.Workers {
		start(&reading, func() error { return r.read(ctx, jobs, extracted, finished) })
	}
	start(&embedding, func() error { return r.embed(ctx, extracted, finished) })
	// The writers take documents until there are no more, so that the stages before them may always hand over.
	for range writers {
		start(&writing, func() error { r.write(parent, finished, stop); return nil })
	}

	watching, unwatch := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { r.tally.watchSlow(watching) })
	defer watch.Wait()
	defer unwatch()

	listing.Wait()
	reading.Wait()
	close(extracted)
	embedding.Wait()
	close(finished)
	writing.Wait()
	r.missed()
	return context.Cause(ctx)
}

// vanish takes note of a document of the ledger that is in its source no more.
func (r *run) vanish(row index.Row) {
	r.vanishes.Lock()
	defer r.vanishes.Unlock()
	if r.overexposed(row) {
		if r.share.Has(row.Document) {
			r.exposed[row.Source] = append(r.exposed[row.Source], row.Document)
		}
		return
	}
	r.vanishing[row.Source]++
	if !r.share.Has(row.Document) {
		return
	}
	r.gone[row.Source] = append(r.gone[row.Source], row.Document)
	if row.State == index.Indexed {
		r.goneIndexed[row.Source]++
	}
}

// complete records that the generation is whole, or says why it is not. Of several workers, the last that is done
// does so.
func (r *run) complete(ctx context.Context) error {
	r.countStaying()
	report := r.tally.counts()
	if len(r.unlisted) > 0 {
		return cmp.Or(r.record(ctx, report), incomplete(r.unlisted))
	}
	if r.Team == nil {
		return r.finish(ctx, report)
	}
	return r.finishLast(ctx, report)
}

// finish completes the generation, given what was done with all documents.
func (r *run) finish(ctx context.Context, report Report) error {
	if err := r.record(ctx, report); err != nil {
		return err
	}
	switch {
	case report.Listed == 0:
		if err := r.emptied(ctx, &report); err != nil {
			return err
		}
	case report.Indexed == 0:
		first := report.Failures[0]
		return fmt.Errorf("%w: %d of %d; the first is %s (%s: %s)", ErrAllDocumentsFailed, report.Failed, report.Listed,
			first.Document, first.Reason, first.Message)
	case r.Config.MaxFailed.Exceeded(report.Failed, report.Listed):
		if err := r.tooManyFailed(ctx, &report); err != nil {
			return err
		}
	}
	if err := r.verify(ctx); err != nil {
		return err
	}
	if err := r.Index.Complete(ctx, time.Now(), report.Losses); err != nil {
		return fmt.Errorf("the index could not record that it is complete: %w", err)
	}
	return r.measure(ctx, &report)
}

// emptied accepts that there are no documents if the generation was complete before: it follows its sources. A
// generation's first run has something to find.
func (r *run) emptied(ctx context.Context, report *Report) error {
	const why = "the sources are empty, or their include and exclude admit nothing"
	switch before, err := r.completeBefore(ctx); {
	case err != nil:
		return err
	case !before:
		return fmt.Errorf("%w: %s", ErrNoDocuments, why)
	}
	if report.Kept+report.HeldBack > 0 {
		return nil // the index keeps documents of theirs, and the report says so
	}
	r.tally.warn("there are no documents any more, and the index is empty: %s", why)
	return nil
}

// tooManyFailed accepts that more documents failed than may if the generation was complete before: it serves already,
// and the documents that failed are out of it. A generation's first run is not to put a worse one in its place.
func (r *run) tooManyFailed(ctx context.Context, report *Report) error {
	first := report.Failures[0]
	why := fmt.Sprintf("%d of %d, more than spec.ingest.maxFailed (%s) allows: %s; the first is %s (%s: %s)",
		report.Failed, report.Listed, r.Config.MaxFailed, config.Counts(report.Reasons),
		first.Document, first.Reason, first.Message)
	switch before, err := r.completeBefore(ctx); {
	case err != nil:
		return err
	case !before:
		return fmt.Errorf("%w: %s; replace or exclude them, or raise maxFailed", ErrTooManyFailed, why)
	}
	r.tally.warn("%s: %s; the index was complete before, and stays in use", ErrTooManyFailed, why)
	return nil
}

// completeBefore reports whether an earlier run has completed the generation.
func (r *run) completeBefore(ctx context.Context) (bool, error) {
	stats, err := r.Index.Stats(ctx)
	if err != nil {
		return false, fmt.Errorf("the index cannot say whether it was complete: %w", err)
	}
	return !stats.Completed.IsZero(), nil
}

func incomplete(unlisted map[string]error) error {
	first := slices.Min(slices.Collect(maps.Keys(unlisted)))
	err := fmt.Errorf("%w: source %q: %w", ErrIncomplete, first, unlisted[first])
	if n := len(unlisted) - 1; n > 0 {
		err = fmt.Errorf("%w (and %d more sources)", err, n)
	}
	return err
}
