package model

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// concurrency bounds the calls in flight of one client; more wait for their turn.
	concurrency = 64
	// tripAfter consecutive failures of an endpoint open its breaker for openFor; then one call at
	// a time tries whether it is back.
	tripAfter = 10
	openFor   = 5 * time.Second
)

// client posts to one endpoint. Embedder, Ranker and Chat write the requests and read the answers.
type client struct {
	stage    config.Stage
	model    string
	url      string
	key      Key
	http     http.RoundTripper
	observe  Observer
	onLearn  func(config.Stage, string)
	slots    chan struct{}
	breaker  *gobreaker.TwoStepCircuitBreaker[any]
	budget   *rate.Limiter // of retries
	log      *slog.Logger
	loggedAt atomic.Int64 // is the Unix time in nanoseconds at which it last logged that it waits
	secrets  []string     // are in requests, besides the key; no error may hold them
}

// call is one request and how to read its answer.
type call struct {
	operation string // names the span
	url       string // replaces that of the client, if it is not empty
	body      []byte
	texts     []string // are in the body; no error may quote them
	retry     retryPolicy
	pace      *pace         // limits the attempts; nil does not
	timeout   time.Duration // of one attempt: to its end, or to the head of a streamed reply
	read      func(ctx context.Context, reply *reply) error
	stream    bool
	// teaches reports whether a failure only asks for another form of the request, which follows; it is
	// not observed. It may be nil.
	teaches func(err error) bool

	// These are for servers that are not models: see Caller.
	method    string      // is POST when empty
	header    http.Header // replaces that of a model's request
	keyHeader string      // takes the bare key; empty means Authorization, with a bearer token
}

// reply is a 200 that is being read.
type reply struct {
	*http.Response
	// watchdog ends the attempt when it fires; each read of a stream resets it.
	watchdog *time.Timer
	texts    int // counts those that it answers
}

// readError is a failure of the connection while a reply was read.
type readError struct{ Err error }

func (e *readError) Error() string { return e.Err.Error() }

func newClient(stage config.Stage, model, url string, key Key, t Transport) *client {
	c := &client{
		stage: stage, model: model, url: url, key: key,
		http: t.HTTP, observe: t.Observe, log: t.Log,
		slots:  make(chan struct{}, concurrency),
		budget: rate.NewLimiter(budgetPerSecond, budgetBurst),
	}
	if c.http == nil {
		c.http = defaultTransport()
	}
	if c.onLearn = t.Learned; c.onLearn == nil {
		c.onLearn = func(config.Stage, string) {}
	}
	if c.observe == nil {
		c.observe = func(config.Stage, time.Duration, error) {}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if u, err := urlOf(c.url); err == nil {
		c.secrets = secretsIn(u)
	}
	c.breaker = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Timeout:      openFor,
		ReadyToTrip:  func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= tripAfter },
		IsSuccessful: func(err error) bool { return !isDown(err) },
		IsExcluded:   notModelFailure,
	})
	return c
}

// defaultTransport is made for model traffic: few hosts, many calls to each. Compression is off,
// because bodies are small and unpacking them would delay the question. The passages to rerank,
// some 40 kB, leave in one write, where the default buffer of 4 kB makes three of them and a copy.
var defaultTransport = sync.OnceValue(func() http.RoundTripper {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: connected,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    concurrency,
		IdleConnTimeout:        90 * time.Second,
		DisableCompression:     true,
		WriteBufferSize:        64 << 10,
		ReadBufferSize:         8 << 10, // a question's vector of 1,024 dimensions in base64 has 5.5 kB
		// By default, a server may send 10 MiB of headers, which take 50 times as much until they are read.
		MaxResponseHeaderBytes: 256 << 10,
	}
})

// do makes the call, and repeats it where that is safe. It returns nil, an *Error, or an error that
// is not the model's failure: the caller's cancellation or the error of a Delta.
func (c *client) do(ctx context.Context, call call) (err error) {
	ctx, span := c.startSpan(ctx, call.operation)
	defer func() { endSpan(span, err) }()

	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return c.ended(ctx)
	}
	waits, begun := call.retry.waits(), time.Now()
	for try := 1; ; try++ {
		turn, err := call.pace.enter(ctx, len(call.texts))
		if err != nil {
			return c.ended(ctx)
		}
		if call.pace != nil {
			call.timeout = turn.deadline
		}
		err, started := c.admit(ctx, call)
		call.pace.leave(turn, err)
		wait, ok := waits.NextBackOff(), true
		if call.pace.patient(err, begun) {
			wait = min(wait, longestTurn)
		} else {
			if started || !call.retry.allows(err, try) {
				return err
			}
			wait, ok = c.wait(ctx, call.retry, wait, err)
		}
		if !ok {
			return err
		}
		if call.retry.announced {
			c.logWait(err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return c.ended(ctx)
		}
	}
}

// admit makes one attempt if the breaker allows it. started reports whether a streamed reply had
// begun.
func (c *client) admit(ctx context.Context, call call) (err error, started bool) {
	if call.retry.ignoresBreaker {
		return c.attempt(ctx, call, func() {}), false
	}
	done, err := c.breaker.Allow()
	if err != nil {
		return c.fail(config.ModelCircuitOpen, nil), false
	}
	err = c.attempt(ctx, call, func() {
		started = true
		done(nil) // a stream can last minutes; the breaker need not wait for its end
	})
	if !started {
		done(err)
	}
	return err, started
}

// attempt makes one HTTP request, observes it, and cleans the message of its error.
func (c *client) attempt(ctx context.Context, call call, begun func()) error {
	start := time.Now()
	key, err := c.currentKey()
	if err != nil {
		err = c.fail(config.ModelUnauthorized, err)
	} else {
		err = c.exchange(ctx, call, key, begun)
	}
	if notModelFailure(err) {
		return err
	}
	if e, ok := errors.AsType[*Error](err); ok {
		c.finish(e, call, key)
	}
	if call.teaches == nil || err == nil || !call.teaches(err) {
		c.observe(c.stage, time.Since(start), err)
	}
	return err
}

// finish completes a failure: it tells what to do about it, and takes out what nobody may learn.
func (c *client) finish(e *Error, call call, key string) {
	to, err := urlOf(cmp.Or(call.url, c.url))
	if err != nil {
		return // nothing was sent
	}
	e.tell(circumstances{
		url: to, keyed: key != "" || len(c.secrets) > 0, cause: e.Err, said: cmp.Or(e.refusal, e.Message),
	})
	secrets := append(slices.Clone(c.secrets), key)
	if proxy, _ := http.ProxyFromEnvironment(&http.Request{URL: to}); proxy != nil {
		secrets = append(secrets, secretsIn(proxy)...)
	}
	e.Message = clean(e.Message, secrets, call.texts)
	if foreign, ok := errors.AsType[*foreignError](e.Err); ok {
		e.Err = errors.New(cmp.Or(clean(foreign.unquoted(), secrets, call.texts), "its reply is not HTTP"))
	}
}

func (c *client) exchange(ctx context.Context, call call, key string, begun func()) error {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(call.timeout, func() { cancel(context.DeadlineExceeded) })
	defer watchdog.Stop()

	resp, err := c.send(inner, call, key)
	if e, own := errors.AsType[*Error](err); own && ctx.Err() == nil { // later it may be another call's, the cause of ctx
		return e
	}
	if err != nil {
		return c.broke(ctx, inner, config.ModelUnreachable, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return c.refusal(resp)
	}
	interrupted := config.ModelUnreachable
	if call.stream {
		begun()
		interrupted = config.ModelBroken
	}
	err = call.read(ctx, &reply{resp, watchdog, len(call.texts)})
	if errIO, ok := errors.AsType[*readError](err); ok {
		return c.broke(ctx, inner, interrupted, brokenOff(errIO.Err))
	}
	return err
}

// broke returns the reason why a request or its reply ended early: the caller left, time was up, or
// else failure.
func (c *client) broke(caller, inner context.Context, failure config.Failure, err error) error {
	switch {
	case caller.Err() != nil:
		return c.ended(caller)
	case errors.Is(context.Cause(inner), context.DeadlineExceeded):
		return c.fail(config.ModelTimedOut, nil)
	}
	return c.fail(failure, plain(err))
}

// ended is the error of a context that is over.
func (c *client) ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return c.fail(config.ModelTimedOut, ctx.Err())
	}
	return fmt.Errorf("%s %q: %w", noun(c.stage), c.model, ctx.Err())
}

func (c *client) fail(failure config.Failure, cause error) *Error {
	return &Error{Stage: c.stage, Failure: failure, Model: c.model, URL: Address(c.url), Err: cause}
}

// notModelFailure reports whether err is not the model's failure: the caller cancelled or did not
// take the answer.
func notModelFailure(err error) bool {
	_, own := errors.AsType[*Error](err)
	_, unwanted := errors.AsType[*deltaError](err)
	return err != nil && (!own || unwanted)
}

// isDown reports whether err shows that the endpoint is down, whatever the request was.
func isDown(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Failure {
	case config.ModelUnreachable, config.ModelTimedOut, config.ModelNotReady:
		return true
	case config.ModelBroken:
		return e.Status >= http.StatusInternalServerError
	}
	return false
}

// replies are buffers for whole answers. Parsed values are always copied out of them.
var replies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readsWhole returns a call's read function, which parses the whole answer. If parse returns an
// error that is not an *Error, the failure is config.ModelBroken, with that error as its cause.
func (c *client) readsWhole(parse func(answer []byte) error) func(context.Context, *reply) error {
	return func(_ context.Context, resp *reply) error {
		buf := replies.Get().(*bytes.Buffer)
		buf.Reset()
		defer func() {
			if buf.Cap() <= 1<<20 {
				replies.Put(buf)
			}
		}()
		done, err := resp.whole(buf)
		defer done()
		switch {
		case errors.Is(err, errTooLarge):
			return c.fail(config.ModelBroken, err)
		case err != nil:
			return err
		}
		err = parse(buf.Bytes())
		if _, own := errors.AsType[*Error](err); err == nil || own {
			return err
		}
		return c.unread(buf.Bytes(), err)
	}
}
