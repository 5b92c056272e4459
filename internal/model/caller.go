package model

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Caller makes requests to a server that is not a model, with what calls to models have: retries and their budget, a
// breaker, bounds, keys read anew, metrics, and spans. Its failures are an *Error, too.
type Caller struct {
	client    *client
	keyHeader string
}

// CallerOptions describe a server.
type CallerOptions struct {
	Stage config.Stage
	// Name is how errors, logs and spans name the server; URL is where every request goes.
	Name, URL string
	// Key may be nil. KeyHeader takes the bare key; if it is empty, Authorization takes it as a bearer token.
	Key       Key
	KeyHeader string
	Transport Transport
}

// NewCaller makes a Caller. It connects to nothing.
func NewCaller(o CallerOptions) *Caller {
	return &Caller{client: newClient(o.Stage, o.Name, o.URL, o.Key, o.Transport), keyHeader: o.KeyHeader}
}

// Request is one request to the server.
type Request struct {
	Operation string // names the span
	Method    string
	Header    http.Header
	Body      []byte
	// Timeout bounds one attempt, from its begin to the end of the reply.
	Timeout time.Duration
	// MaxReply bounds the reply in bytes; a longer one is ErrReplyTooLarge.
	MaxReply int64
	// Once reports whether there is a single attempt, which no wait follows.
	Once bool
}

// ErrReplyTooLarge is the cause of the *Error for a reply over the bound.
var ErrReplyTooLarge = errTooLarge

// patient is for documents: its waits add up to a minute, in which a restarted server comes back. An attempt may have
// ended the server, so that there are fewer of them than of a model's.
var patient = retryPolicy{
	attempts: 6, first: 2 * time.Second, longest: time.Minute, queue: time.Minute, announced: true, slowIsFinal: true,
}

// Do makes the request, repeats it where that may help, and returns the body of the reply with status 200. Its error is
// an *Error, or that of a ctx which has ended.
func (c *Caller) Do(ctx context.Context, r Request) ([]byte, error) {
	var body []byte
	retry := patient
	if r.Once {
		retry.attempts = 1
	}
	err := c.client.do(ctx, call{
		operation: r.Operation,
		method:    r.Method,
		header:    r.Header,
		keyHeader: c.keyHeader,
		body:      r.Body,
		timeout:   r.Timeout,
		retry:     retry,
		read: func(_ context.Context, resp *reply) (err error) {
			body, err = io.ReadAll(io.LimitReader(resp.Body, r.MaxReply+1))
			switch {
			case err != nil:
				return &readError{err}
			case int64(len(body)) > r.MaxReply:
				return c.client.fail(config.ModelBroken, ErrReplyTooLarge)
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	return body, nil
}

// IsOutage reports whether err shows that the server cannot be used at all, whatever it was asked.
func IsOutage(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (isDown(e) || e.Failure == config.ModelCircuitOpen || e.Failure.Meaning().Conclusive)
}
