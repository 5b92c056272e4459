package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"

	"github.com/ragpipeline/ragpipeline/internal/access"
	"github.com/ragpipeline/ragpipeline/internal/keys"
)

var tracer = otel.Tracer("github.com/ragpipeline/ragpipeline/internal/gateway")

// writeDeadline bounds each write: a client that stops reading frees its slot after that.
const writeDeadline = 30 * time.Second

// exchange is one request and its reply. Handlers write the reply through it; it bounds their
// writes and records what the log line reports.
type exchange struct {
	http.ResponseWriter
	id      string // is returned as X-Request-Id
	started time.Time
	route   string         // is the path of the route's pattern, so that the log repeats nothing a client made up
	caller  *access.Caller // is nil where the route needs no key
	limits  *keys.Client   // is the caller's entry; nil for one without a key
	address string         // is the caller's host
	status  int            // is 0 until the header is written
	err     error          // is why the request failed

	places *admission // admits the request; nil if the route takes any number
	place  *place     // is what it was admitted to; nil before that
	weight int        // is how many ordinary requests it is worth; 0 means one
	held   int64      // counts the bytes that its body takes
	// replies bounds the bytes of replies, whichever requests they belong to; nil bounds none.
	replies *semaphore.Weighted
	// writing is how long the client took to read the reply, as far as the exchange waited for it.
	writing time.Duration
}

// handler answers a request, or returns why it did not.
type handler func(x *exchange, r *http.Request) error

// mounted is the handler of a route that an http.Handler serves.
func mounted(h http.Handler) handler {
	return func(x *exchange, r *http.Request) error {
		if err := x.enter(r.Context()); err != nil {
			return err
		}
		h.ServeHTTP(x, r)
		return x.FlushError() // the server's own flush, after the handler, has no deadline
	}
}

// ServeHTTP answers one request, whatever its handler does, and writes its log line.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{
		ResponseWriter: w, id: requestID(r), started: time.Now(), route: "unknown", address: address(r), replies: g.replies,
	}
	x.Header().Set("X-Request-Id", x.id)
	x.Header().Set("X-Content-Type-Options", "nosniff")
	defer func() {
		p, begun := recover(), x.status != 0
		x.leave()
		if p != nil {
			g.panicked(x, p)
		}
		g.logLine(r, x)
		g.audit(x)
		if p != nil && begun {
			panic(http.ErrAbortHandler) // half a reply was sent: the client must see that it is cut
		}
	}()
	admitted := false
	if admitted, x.err = g.guard(x, r); x.err == nil && (!admitted || !preflight(x, r)) {
		g.mux.ServeHTTP(x, r) // calls serve, which sets x.err
	}
	if x.err = cutOff(r.Context(), x.err); x.err != nil {
		x.fail(r.Context(), x.err)
	}
}

// serve admits a request to its route, and calls the route's handler.
func (g *Gateway) serve(x *exchange, r *http.Request, to route) error {
	x.route = pathOf(r.Pattern)
	if !to.open {
		if err := g.identify(x, r); err != nil {
			return err
		}
		r = r.WithContext(access.With(r.Context(), x.caller))
	}
	if to.places == nil {
		return to.handle(x, r)
	}
	if x.limits != nil && x.route != mcpPath { // an agent's request counts by those that are made within it
		if err := g.rates.take(x.caller.Name, x.limits); err != nil {
			return err
		}
		defer func() { g.rates.spend(x.caller.Name, x.limits, x.caller.Spent()) }()
	}
	if to.places != g.texts {
		if err := g.whileBuilding(); err != nil {
			return err
		}
	}
	x.places = to.places
	return traced(to.handle)(x, r)
}

// client is the name of the caller; empty where no key names one.
func (x *exchange) client() string {
	if x.caller == nil {
		return ""
	}
	return x.caller.Name
}

// pathOf is the path of a pattern of http.ServeMux.
func pathOf(pattern string) string {
	return strings.TrimSuffix(pattern[strings.IndexByte(pattern, ' ')+1:], "{$}")
}

// traced puts a handler into a span that continues the client's trace.
func traced(next handler) handler {
	return func(x *exchange, r *http.Request) error {
		ctx := otel.GetTextMapPropagator().Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := tracer.Start(ctx, r.Pattern, trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		if !span.SpanContext().IsValid() { // tracing is off: spare the copy of the request
			return next(x, r)
		}
		err := next(x, r.WithContext(ctx))
		if span.IsRecording() && err != nil {
			span.SetAttributes(attribute.String("error.type", failureOf(err).Code))
		}
		return err
	}
}

// panicked turns a panic into a plain 500, if nothing has been sent yet. The log has the words of Go's runtime, and of
// any other panic the type alone: its words may be those of a request.
func (g *Gateway) panicked(x *exchange, p any) {
	said := fmt.Sprintf("%T", p)
	if e, ok := p.(runtime.Error); ok {
		said = e.Error()
	}
	g.log.Error("Handler panicked",
		"request_id", x.id, "route", x.route, "panic", said, "stack", string(debug.Stack()))
	x.fail(context.Background(), internal())
}

// logLine logs the outcome of a request, and nothing of its question or answer.
func (g *Gateway) logLine(r *http.Request, x *exchange) {
	level := slog.LevelInfo
	switch {
	case x.route == "/healthz" || x.route == "/readyz":
		level = slog.LevelDebug
	case x.err != nil && ours(failureOf(x.err).status): // in a stream, too
		level = slog.LevelWarn
	}
	if !g.log.Enabled(context.Background(), level) {
		return
	}
	attributes := make([]slog.Attr, 0, 10)
	attributes = append(attributes,
		slog.String("method", method(r)), slog.String("route", x.route), slog.Int("status", x.status),
		slog.Duration("took", time.Since(x.started)), slog.String("request_id", x.id))
	if name := x.client(); name != "" {
		attributes = append(attributes, slog.String("client", name))
	}
	if x.err != nil {
		attributes = append(attributes, describe(x.err)...)
	}
	g.log.LogAttrs(context.Background(), level, "Request served", attributes...)
}

// audit logs which documents were shown to the caller of a question, and nothing of their content.
func (g *Gateway) audit(x *exchange) {
	if x.caller == nil {
		return
	}
	documents := x.caller.Shown()
	asked := x.err == nil && x.places != nil && x.places != g.texts && x.route != mcpPath
	if len(documents) == 0 && !asked {
		return
	}
	g.log.LogAttrs(context.Background(), slog.LevelInfo, "Documents shown", slog.String("request_id", x.id),
		slog.String("client", x.caller.Name), slog.String("route", x.route), slog.Any("documents", documents))
}

// method is the request's method, or OTHER: a client may send any word.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions:
		return r.Method
	}
	return "OTHER"
}

// requestID is the client's own id, if it is short and consists of plain characters, or a new one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	if len(id) == 0 || len(id) > 64 {
		return rand.Text()
	}
	for i := range len(id) {
		c := id[i]
		plain := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
		if !plain {
			return rand.Text()
		}
	}
	return id
}

// WriteHeader records the status.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write writes within writeDeadline.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	defer x.bound()()
	n, err := x.ResponseWriter.Write(b)
	return n, gone(err)
}

// FlushError sends what has been written, within writeDeadline.
func (x *exchange) FlushError() error {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	defer x.bound()()
	return gone(http.NewResponseController(x.ResponseWriter).Flush())
}

// bound sets the write deadline and returns a function that clears it: the connection may serve
// other requests.
func (x *exchange) bound() (clear func()) {
	begun, c := time.Now(), http.NewResponseController(x.ResponseWriter)
	if c.SetWriteDeadline(begun.Add(writeDeadline)) != nil {
		return func() {} // a recorder of a test has no deadlines
	}
	return func() {
		x.writing += time.Since(begun)
		_ = c.SetWriteDeadline(time.Time{})
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// sendJSON answers 200 with v in one line. It leaves <, > and & as they are, because no reply is
// part of an HTML page.
func (x *exchange) sendJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	x.leavePlace() // a client that reads slowly needs none
	return x.send(http.StatusOK, "application/json", b.Bytes())
}

// Clients may take writeDeadline to read a reply. Of those beyond freeReply, as many are sent at once as repliesBytes
// has room for.
const (
	freeReply    = 64 << 10
	repliesBytes = 128 << 20
)

// send writes a whole reply.
func (x *exchange) send(status int, contentType string, body []byte) error {
	if large := int64(len(body)); large > freeReply && x.replies != nil {
		large = min(large, repliesBytes)
		if !x.replies.TryAcquire(large) {
			return busy()
		}
		defer x.replies.Release(large)
	}
	x.Header().Set("Content-Type", contentType)
	x.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.WriteHeader(status)
	return x.flush(body)
}

// flush writes b and sends it at once, within writeDeadline.
func (x *exchange) flush(b []byte) error {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	defer x.bound()()
	if _, err := x.ResponseWriter.Write(b); err != nil {
		return gone(err)
	}
	return gone(http.NewResponseController(x.ResponseWriter).Flush())
}
