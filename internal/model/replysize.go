package model

import (
	"bytes"
	"errors"
	"io"

	"golang.org/x/sync/semaphore"
)

// The bounds of answers that are read whole. A server that never stops sending costs no more than an
// honest one, however many calls it has at once.
const (
	// maxReply bounds any answer: 32 vectors of 4,096 dimensions, as numbers of 20 characters, are 2.6 MB.
	maxReply = 32 << 20
	// replyBase and replyPerText bound the answer to some texts: a vector of 8,192 dimensions each, as
	// numbers of 25 characters.
	replyBase    = 1 << 20
	replyPerText = 200 << 10
	// freeReply is how much of an answer is read at once. A question's vector, its ranking and most
	// answers have less.
	freeReply = 256 << 10
	// largeReplies is how many bytes of answers beyond that the process holds, by their bounds. Their
	// buffers may be twice as large while they grow.
	largeReplies = 64 << 20
)

var errTooLarge = errors.New("it is too large")

// largeRepliesHeld is common to all clients of the process.
var largeRepliesHeld = semaphore.NewWeighted(largeReplies)

// most is how long the answer may be: as long as it is announced, or else as such an answer is at most.
func (r *reply) most() int64 {
	if r.ContentLength >= 0 {
		return min(r.ContentLength, maxReply)
	}
	return min(replyBase+int64(r.texts)*replyPerText, maxReply)
}

// whole reads the answer into the buffer. A large one waits until the process has room for it; done gives
// the room back. The error is errTooLarge or a *readError.
func (r *reply) whole(to *bytes.Buffer) (done func(), err error) {
	done = func() {}
	if r.ContentLength > maxReply {
		return done, errTooLarge
	}
	n, err := to.ReadFrom(io.LimitReader(r.Body, freeReply))
	if err != nil {
		return done, &readError{err}
	}
	if n < freeReply {
		return done, nil
	}
	most := r.most()
	if err := largeRepliesHeld.Acquire(r.Request.Context(), most); err != nil {
		return done, &readError{err}
	}
	done = func() { largeRepliesHeld.Release(most) }
	more, err := to.ReadFrom(io.LimitReader(r.Body, most-n+1))
	switch {
	case err != nil:
		err = &readError{err}
	case n+more > most:
		err = errTooLarge
	}
	return done, err
}
