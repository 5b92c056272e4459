package gateway

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// patience is how long a request may wait for a place.
const patience = 5 * time.Second

// bodiesBytes bounds the bodies of one kind that are held at once, whichever requests they belong to. A
// body of texts to embed takes about seven times its length until it is answered.
const bodiesBytes = 32 << 20

// admission admits the requests of one kind: their bodies to memory, and then, since a client may take its
// time to send one, the requests to the servers behind the gateway. Kinds have places of their own, so
// that searches do not wait for answers.
type admission struct {
	limiter *limiter
	bodies  *semaphore.Weighted
	refused prometheus.Counter
}

// newAdmission admits requests of the kind, within the limits. Its metrics go to r, unless that is nil.
func newAdmission(kind string, limits config.GatewayLimits, r prometheus.Registerer) *admission {
	concurrent := cmp.Or(limits.Concurrent, config.DefaultConcurrent)
	label := prometheus.Labels{"kind": kind}
	a := &admission{
		limiter: newLimiter(concurrent, cmp.Or(limits.Queued, config.DefaultQueued), patience),
		bodies:  semaphore.NewWeighted(bodiesBytes),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name:        "ragpipeline_requests_refused_total",
			Help:        "Requests that were refused because the gateway had too many of their kind.",
			ConstLabels: label,
		}),
	}
	if r != nil {
		r.MustRegister(a.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "ragpipeline_requests_waiting",
			Help:        "Requests that wait for a place.",
			ConstLabels: label,
		}, func() float64 {
			waiting, _ := a.limiter.load()
			return float64(waiting)
		}), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "ragpipeline_requests_limit",
			Help:        "Requests that may be processed at once now, as the latency of the models allows.",
			ConstLabels: label,
		}, func() float64 {
			_, limit := a.limiter.load()
			return float64(limit)
		}))
	}
	return a
}

// busy counts a request that is refused, and returns what its client is told.
func (a *admission) busy() *Failure {
	a.refused.Inc()
	return busy()
}

// read reads a body of at most limit bytes. Memory is taken as the bytes arrive, so that a length that is
// only announced reserves none. The exchange holds it until leave.
func (x *exchange) read(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	body := http.MaxBytesReader(x, r.Body, limit)
	var b []byte
	for {
		if len(b) == cap(b) {
			size := nextSize(int64(len(b)), r.ContentLength, limit)
			if !x.hold(size) {
				return nil, x.places.busy()
			}
			b = append(make([]byte, 0, size), b...)
		}
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, unread(err, limit)
		}
	}
}

// maxTrusted is how much memory the announced length of a body may take before its bytes arrive.
const maxTrusted = 64 << 10

// nextSize is how large the buffer of a body becomes after it has filled up with full bytes. It has room
// for one byte more than the body, to see the end.
func nextSize(full, announced, limit int64) int64 {
	end := limit + 1
	if announced >= full {
		end = announced + 1
	}
	return min(max(2*full, maxTrusted), end)
}

// hold takes memory for a body instead of what the exchange held before.
func (x *exchange) hold(bytes int64) bool {
	if x.places == nil {
		return true
	}
	if more := bytes - x.held; !x.places.bodies.TryAcquire(more) {
		return false
	}
	x.held = bytes
	return true
}

// What a value of a body takes in memory beside its text, which may be as short as [],: valueBytes as a text, of which
// some take half, and turnBytes as a turn of a conversation, which null may stand for.
const (
	valueBytes = 32
	turnBytes  = 128
)

// holdValues takes memory for the values that a body is parsed into, each of which takes that many bytes.
func (x *exchange) holdValues(body []byte, each int64) error {
	return x.holdMore(values(body) * each)
}

// holdMore takes memory for what is made of a body.
func (x *exchange) holdMore(bytes int64) error {
	if x.held+bytes > bodiesBytes {
		return failure(http.StatusRequestEntityTooLarge, "TooLarge", "the body has too many values; send fewer at once")
	}
	if !x.hold(x.held + bytes) {
		return x.places.busy()
	}
	return nil
}

// values counts the commas and opening brackets of JSON outside of its strings.
func values(body []byte) (n int64) {
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case ',', '[', '{':
			n++
		case '"':
			for i++; i < len(body) && body[i] != '"'; i++ {
				if body[i] == '\\' {
					i++
				}
			}
		}
	}
	return n
}

// unread is why a body could not be read.
func unread(err error, limit int64) error {
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return tooLarge(limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return failure(http.StatusRequestTimeout, "BodyTimedOut", "the body did not arrive in time; send it faster")
	}
	return failure(http.StatusBadRequest, "InvalidRequest", "the body could not be read completely")
}

// enter takes a place for the request, or waits for one.
func (x *exchange) enter(ctx context.Context) (err error) {
	if x.places == nil || x.place != nil {
		return nil
	}
	x.place, err = x.places.limiter.acquire(ctx, cmp.Or(x.client(), x.address), cmp.Or(x.weight, 1))
	if errors.Is(err, errFull) {
		return x.places.busy()
	}
	return err
}

// leavePlace frees the place, when the servers behind the gateway have done their work or the request is
// over.
func (x *exchange) leavePlace() {
	if x.place != nil {
		x.place.leave(x.upstream())
		x.place = nil
	}
}

// leave frees all that the request took.
func (x *exchange) leave() {
	x.leavePlace()
	if x.places != nil {
		x.places.bodies.Release(x.held)
	}
}

// upstream is how long the servers behind the gateway took, or 0 if the exchange does not show it: it was the
// work of several, its client was slow to read, or it failed before they had done their work.
func (x *exchange) upstream() time.Duration {
	took := time.Since(x.place.since)
	if x.place.weight > 1 || x.writing > took/4 || x.err != nil && !timedOut(x.err) {
		return 0
	}
	return took - x.writing
}

func timedOut(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || model.FailureOf(err) == config.ModelTimedOut
}

// address is the caller's host, which takes turns with others where no key names the caller.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
