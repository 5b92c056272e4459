package gateway

import (
	"cmp"
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// The bounds of contents, which are held in memory while they are read and sent.
const (
	readAtOnce  = 2
	readTime    = time.Minute     // for a source to give a document, or for a page to be drawn
	sentBytes   = 128 << 20       // of those that clients are taking
	callerBytes = sentBytes / 2   // of these, for one caller; a document takes at most so many
	contentTime = 5 * time.Minute // for a client to take it
	maxOriginal = 64 << 20        // bytes; of a larger document, the text is sent
)

// contents bounds the documents that are held: a few while they are read, which takes the time of their source, and by
// their bytes while clients take them, which may be slow. No caller can have all of the latter.
type contents struct {
	reading *semaphore.Weighted
	wait    time.Duration // bounds the wait for room

	mu    sync.Mutex
	total int64
	of    map[string]int64 // has the bytes of each caller
	freed chan struct{}    // is closed when bytes are freed, and then replaced
}

func newContents(wait time.Duration) *contents {
	return &contents{
		reading: semaphore.NewWeighted(readAtOnce), wait: wait, of: map[string]int64{}, freed: make(chan struct{}),
	}
}

// read calls get once there is room to read, and gives it readTime.
func (c *contents) read(ctx context.Context, get func(ctx context.Context) error) error {
	if !c.reading.TryAcquire(1) {
		waiting, stop := context.WithTimeout(ctx, c.wait)
		defer stop()
		if c.reading.Acquire(waiting, 1) != nil {
			return cmp.Or[error](ctx.Err(), busy())
		}
	}
	defer c.reading.Release(1)
	ctx, stop := context.WithTimeout(ctx, readTime)
	defer stop()
	return get(ctx)
}

// hold takes room for bytes that the caller is sent. The caller of hold releases it. It waits for others, and not for a
// caller's own share: what was read waits in its place of reading, and a slow reader would take both of these.
func (c *contents) hold(ctx context.Context, caller string, bytes int64) (release func(), err error) {
	timeout := time.NewTimer(c.wait)
	defer timeout.Stop()
	for {
		freed, ok := c.take(caller, bytes)
		switch {
		case ok:
			return func() { c.give(caller, bytes) }, nil
		case freed == nil:
			return nil, busy()
		}
		select {
		case <-freed:
		case <-timeout.C:
			return nil, busy()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// take takes room if there is some, and else returns what is closed when more is freed; nil if the caller has its
// share.
func (c *contents) take(caller string, bytes int64) (freed <-chan struct{}, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[caller] > 0 && c.of[caller]+bytes > callerBytes { // what is larger than its share goes by itself
		return nil, false
	}
	if c.total > 0 && c.total+bytes > sentBytes {
		return c.freed, false
	}
	c.total += bytes
	c.of[caller] += bytes
	return nil, true
}

func (c *contents) give(caller string, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total -= bytes
	if c.of[caller] -= bytes; c.of[caller] <= 0 {
		delete(c.of, caller)
	}
	close(c.freed)
	c.freed = make(chan struct{})
}
