package ingest

import (
	"context"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// slowAfter is how long a document is read before progress names it, and slowLog before the log does, again and
	// again.
	slowAfter = 3 * time.Second
	slowLog   = 15 * time.Second
	// slowEvery is how often that is looked at.
	slowEvery = time.Second
	// slowName bounds, in bytes, what progress shows of a document's name.
	slowName = 60
)

// readings knows which documents are being read, and tells which of them takes longest.
type readings struct {
	since  map[string]time.Time // by document
	logged time.Time
}

// slowest is nil while each document has been read for a short time only.
func (s *readings) slowest(now time.Time) *config.SlowDocument {
	var first *config.SlowDocument
	for document, since := range s.since {
		if now.Sub(since) >= slowAfter && (first == nil || since.Before(first.Since)) {
			first = &config.SlowDocument{Document: document, Since: since}
		}
	}
	if first != nil {
		first.Document = cut(first.Document, slowName)
	}
	return first
}

// due returns the slowest document when it is time to log it.
func (s *readings) due(now time.Time) *config.SlowDocument {
	first := s.slowest(now)
	if first == nil || now.Sub(first.Since) < slowLog || now.Sub(s.logged) < slowLog {
		return nil
	}
	s.logged = now
	return first
}

// extracting records that a document is being extracted, until the function that it returns is called.
func (t *tally) extracting(document string) (done func()) {
	timed := t.time(stageExtract)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.slow.since == nil {
		t.slow.since = map[string]time.Time{}
	}
	t.slow.since[document] = time.Now()
	return func() {
		timed()
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.slow.since, document)
	}
}

// watchSlow shows and logs the slowest document, until ctx ends.
func (t *tally) watchSlow(ctx context.Context) {
	ticks := time.NewTicker(slowEvery)
	defer ticks.Stop()
	for {
		select {
		case now := <-ticks.C:
			t.showSlow(now)
		case <-ctx.Done():
			return
		}
	}
}

func (t *tally) showSlow(now time.Time) {
	t.mu.Lock()
	t.show()
	first := t.slow.due(now)
	t.mu.Unlock()
	if first != nil {
		t.log.Info("A document takes long to read", "document", first.Document,
			"seconds", int(now.Sub(first.Since).Seconds()))
	}
}
