package ingest

import (
	"errors"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// outage is what a run learns of a source that fails whichever document it is asked for. Each such document may take a
// while, with its repetitions and deadlines; over a large source they must not take days, in which the others wait.
type outage struct {
	mu      sync.Mutex
	reached bool      // a document could be asked for in this run
	first   error     // is why one could not; nil while none failed so
	inVain  int       // counts those in a row that could not
	since   time.Time // is when the first of them failed
}

// leastInVain is how many documents in a row an outage takes before the source is given up.
const leastInVain = 20

// answered takes note that the source could be asked for a document.
func (o *outage) answered() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reached, o.inVain = true, 0
}

// failed takes note that it could not.
func (o *outage) failed(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.first == nil {
		o.first = err
	}
	if o.inVain++; o.inVain == 1 {
		o.since = time.Now()
	}
}

// givenUp is the failure of a document that the run does not ask for, because the source has failed for so long; nil if
// it is to be asked.
func (o *outage) givenUp(patience time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if lasted := time.Since(o.since); o.inVain >= leastInVain && lasted >= patience {
		return config.Failf(config.Unreadable, "%w: it was not asked for this document, after %d others for which it failed "+
			"over %s; the next run asks again", source.ErrUnavailable, leastInVain, patience)
	}
	return nil
}

// lost is why no document of the source could be asked for; nil if one could, or none was.
func (o *outage) lost() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reached {
		return nil
	}
	return o.first
}

// vanished takes note of what the failure tells of the source, and reports whether the document is gone from it.
func (r *run) vanished(d *document) bool {
	if errors.Is(d.failure, source.ErrUnavailable) {
		d.origin.outage.failed(d.failure)
		return false
	}
	d.origin.outage.answered()
	if !errors.Is(d.failure, source.ErrGone) || !d.indexedBefore() {
		return false
	}
	r.vanish(*d.previous)
	return true
}

// missed takes a source of which no document could be asked for as one that could not be listed whole.
func (r *run) missed() {
	for _, o := range r.origins {
		if err := o.outage.lost(); err != nil && r.unlisted[o.name] == nil {
			r.unlist(o, err)
		}
	}
}

func (r *run) unlist(o *origin, err error) {
	r.unlisted[o.name] = err
	r.tally.warn("source %q could not be listed whole, and nothing of it was removed: %v", o.name, err)
}
